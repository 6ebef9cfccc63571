/// Converts a whole signal from one sample rate to another, by a windowed sinc in polyphase form.
///
/// Output n is the band-limited input at time n / outputRate: no delay. With N = the lower of both Nyquist frequencies,
/// the pass-band (up to 0.9 N) ripples by less than 0.001 dB and everything from 1.0 N on, aliases and images
/// included, is at least 96 dB down. Beyond its ends the signal is taken as zero.
public struct Resampler: Sendable {
    /// Hz.
    public let inputRate: Int
    /// Hz.
    public let outputRate: Int

    /// outputRate / inputRate in lowest terms.
    private let up: Int
    private let down: Int
    private let filter: ResamplingFilter

    /// - Throws: `UsageError` when a rate is outside `AudioClip.sampleRates`.
    public init(from inputRate: Int, to outputRate: Int) throws {
        for rate in [inputRate, outputRate] where !AudioClip.sampleRates.contains(rate) {
            let range = AudioClip.sampleRates
            throw UsageError(
                "a sample rate of \(rate) Hz is outside \(range.lowerBound)…\(range.upperBound) Hz")
        }
        self.inputRate = inputRate
        self.outputRate = outputRate
        var (divisor, remainder) = (inputRate, outputRate)
        while remainder != 0 { (divisor, remainder) = (remainder, divisor % remainder) }
        up = outputRate / divisor
        down = inputRate / divisor
        filter = ResamplingFilter(up: up, down: down)
    }

    /// ⌈inputCount · outputRate / inputRate⌉
    public func outputCount(for inputCount: Int) -> Int {
        inputCount / down * up + (inputCount % down * up + down - 1) / down
    }

    public func resample(_ samples: [Float]) -> [Float] { resample(samples) {} }

    /// - Parameter check: is called some hundred times a second, and ends the work by throwing.
    func resample(_ samples: [Float], check: () throws -> Void) rethrows -> [Float] {
        if up == down { return samples }
        let outputCount = outputCount(for: samples.count)
        return try Array(unsafeUninitializedCapacity: outputCount) { output, count in
            try samples.withUnsafeBufferPointer { input in
                try filter.taps.withUnsafeBufferPointer { taps in
                    guard let taps = taps.baseAddress else { return }
                    try fill(
                        UnsafeMutableBufferPointer(rebasing: output[..<outputCount]), from: input, taps: taps,
                        check: check)
                }
            }
            count = outputCount
        }
    }

    private func fill(
        _ output: UnsafeMutableBufferPointer<Float>, from input: UnsafeBufferPointer<Float>, taps: UnsafePointer<Float>,
        check: () throws -> Void
    ) rethrows {
        var position = 0
        var phase = 0
        for n in output.indices {
            if n & 0xFFFF == 0 { try check() }
            let start = position - (filter.tapCount / 2 - 1)
            var value: Float
            if filter.isExact {
                value = weightedSum(input, start: start, row: taps + phase * filter.tapCount)
            } else {
                let (row, remainder) = (phase * filter.phaseCount).quotientAndRemainder(dividingBy: up)
                let lower = taps + row * filter.tapCount
                value = weightedSum(input, start: start, row: lower)
                let next = weightedSum(input, start: start, row: lower + filter.tapCount)
                value += (next - value) * (Float(remainder) / Float(up))
            }
            output.initializeElement(at: n, to: value)
            position += down / up
            phase += down % up
            if phase >= up {
                phase -= up
                position += 1
            }
        }
    }

    /// The row's taps over the input from `start` on, which may lie partly outside.
    @inline(__always)
    private func weightedSum(_ input: UnsafeBufferPointer<Float>, start: Int, row: UnsafePointer<Float>) -> Float {
        let tapCount = filter.tapCount
        guard let base = input.baseAddress, start >= 0, start + tapCount <= input.count else {
            var sum: Float = 0
            for index in max(start, 0)..<max(0, start, min(start + tapCount, input.count)) {
                sum += input[index] * row[index - start]
            }
            return sum
        }
        let samples = UnsafeRawPointer(base + start)
        let weights = UnsafeRawPointer(row)
        // Four chains of four lanes hide the latency of the additions.
        var even = SIMD8<Float>()
        var odd = SIMD8<Float>()
        for offset in stride(from: 0, to: tapCount * 4, by: 64) {
            even +=
                samples.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
                * weights.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
            odd +=
                samples.loadUnaligned(fromByteOffset: offset + 32, as: SIMD8<Float>.self)
                * weights.loadUnaligned(fromByteOffset: offset + 32, as: SIMD8<Float>.self)
        }
        return (even + odd).sum()
    }
}
