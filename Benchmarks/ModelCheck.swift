import TensorEngine
import XLSR

/// What must hold before a model is worth timing, on two short clips.
struct ModelCheck {
    private let model: XLSRModel
    private let clips: [AudioClip]

    init(_ model: XLSRModel) {
        self.model = model
        let rate = model.featureExtractor.sampleRate
        let shortest = max(rate / 4, model.configuration.receptiveField)
        clips = [2 * shortest + 123, shortest].enumerated().map {
            RandomClip.make($0, sampleCount: $1, sampleRate: rate)
        }
    }

    /// What is wrong, in words; nil when all numbers are finite, a batch gives what single clips give, a clip gives the
    /// same when the device may have recorded what it does, and the first device of the run, whose outputs `expected`
    /// keeps, gave the same within 1e-4 of the largest. Where activations are rounded, the last bit of a float32 sum
    /// decides now and then which way, and devices that round differ from those that don't by what rounding costs.
    func failure(expected: inout [[Float]]?) throws -> String? {
        let singles = try clips.map { try values(model.outputs(of: [$0])) }
        let batch = try values(model.outputs(of: clips))
        guard batch.allSatisfy(\.isFinite), !batch.isEmpty else { return "outputs are not finite" }
        let together = Self.relativeDifference(batch, singles.flatMap { $0 })
        let weights = model.precision.weights
        let rounds = model.backend.activationType(forWeights: weights) != .float32
        guard together <= (rounds ? 5e-4 : 1e-5) else {
            return "a batch differs from single clips by \(together) of the largest output"
        }
        for _ in 0..<2 {
            let again = Self.relativeDifference(try values(model.outputs(of: [clips[1]])), singles[1])
            guard again <= 1e-5 else { return "the same clip again differs by \(again) of the largest output" }
        }
        guard let expected else {
            expected = singles
            return nil
        }
        let difference = Self.relativeDifference(batch, expected.flatMap { $0 })
        return difference <= (weights == .float32 ? 1e-4 : 5e-2)
            ? nil : "differs from the first device by \(difference) of the largest output"
    }

    private func values(_ output: XLSRModel.Output) throws -> [Float] { try (output.logits ?? output.states).floats() }

    /// The largest |a - b| over the largest |b|; infinite when the counts differ or a number isn't finite.
    static func relativeDifference(_ a: [Float], _ b: [Float]) -> Float {
        guard a.count == b.count else { return .infinity }
        var (largest, difference): (Float, Float) = (.leastNormalMagnitude, 0)
        for (x, y) in zip(a, b) {
            guard x.isFinite, y.isFinite else { return .infinity }
            largest = max(largest, y.magnitude)
            difference = max(difference, (x - y).magnitude)
        }
        return difference / largest
    }
}

/// Noise: what is said changes nothing about the time.
enum RandomClip {
    static func make(_ index: Int, sampleCount: Int, sampleRate: Int) -> AudioClip {
        let samples = RandomFloats.floats(count: sampleCount, seed: RandomFloats.seed("clip \(index)"), scale: 0.3)
        return AudioClip(samples: samples, sampleRate: sampleRate)
    }
}
