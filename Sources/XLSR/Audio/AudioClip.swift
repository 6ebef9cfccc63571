/// Mono audio: samples in −1…1 (not enforced) at `sampleRate` samples a second.
public struct AudioClip: Hashable, Sendable {
    /// Rates in Hz that are taken for real. The lower end also bounds how much resampling can inflate a lying file.
    public static let sampleRates = 1_000...1_000_000

    public var samples: [Float]
    /// Samples a second, in Hz.
    public var sampleRate: Int
    /// What errors call it, such as a file's path.
    public var source: String

    public init(samples: [Float], sampleRate: Int, source: String = "samples") {
        self.samples = samples
        self.sampleRate = sampleRate
        self.source = source
    }

    public var seconds: Double {
        Double(samples.count) / Double(sampleRate)
    }

    /// The same audio at another rate in Hz; itself when the rate is already right.
    ///
    /// - Throws: `UsageError` when a rate is outside `sampleRates`; `CancellationError` when the task was cancelled.
    public func resampled(to rate: Int) throws -> AudioClip {
        if rate == sampleRate { return self }
        let samples = try Resampler(from: sampleRate, to: rate).resample(samples, check: CancellationFlag.check)
        return AudioClip(samples: samples, sampleRate: rate, source: source)
    }
}

extension AudioClip {
    /// - Throws: `AudioError.notFinite` naming the first sample that is NaN or infinite.
    package static func checkFinite(_ samples: [Float], source: String) throws {
        // A sum is not finite if any term isn't: one branchless pass for the usual case.
        let allFinite = samples.withUnsafeBufferPointer { samples in
            var products = SIMD8<Float>()
            var index = 0
            while index + 8 <= samples.count {
                products +=
                    UnsafeRawPointer(samples.baseAddress.unsafelyUnwrapped + index)
                    .loadUnaligned(as: SIMD8<Float>.self) * 0
                index += 8
            }
            return products.sum() == 0 && samples[index...].allSatisfy(\.isFinite)
        }
        guard !allFinite, let bad = samples.firstIndex(where: { !$0.isFinite }) else { return }
        throw AudioError(
            .notFinite, source: source, "sample \(bad) is \(samples[bad].isNaN ? "not a number" : "infinite")",
            remedy: "write the audio again: no sample may be NaN or infinite")
    }
}
