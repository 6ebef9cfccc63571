#if canImport(Glibc)
    import Glibc
#endif
import Testing
import XLSR

/// Amplitude ratios: what a filter says it does in decibels.
private let ninetyDecibels = 3.1e-5

@Suite struct ResamplerTests {
    func sine(_ frequency: Double, rate: Int, count: Int) -> [Float] {
        (0..<count).map { Float(sin(2 * .pi * frequency * Double($0) / Double(rate))) }
    }

    /// Largest difference to a sine, away from the edges.
    func deviation(_ samples: [Float], fromSine frequency: Double, rate: Int) -> Double {
        let margin = samples.count / 4
        return (margin..<samples.count - margin).map {
            abs(Double(samples[$0]) - sin(2 * .pi * frequency * Double($0) / Double(rate)))
        }.max() ?? .infinity
    }

    static let rates = [(44_100, 16_000), (48_000, 16_000), (22_050, 16_000), (96_000, 16_000), (8_000, 16_000)]
    /// Rates without a common factor: too many phases to tabulate each.
    static let primes = [(44_101, 16_000), (7_919, 16_000), (16_000, 44_101)]

    /// Gain, delay, images and the errors of interpolated phases all show in the difference to the ideal sine.
    @Test(arguments: rates + primes)
    func passBandSinesComeOutAsTheyWere(input: Int, output: Int) throws {
        let resampler = try Resampler(from: input, to: output)
        let nyquist = Double(min(input, output)) / 2
        for share in [0.01, 0.3, 0.62, 0.9] {
            let result = resampler.resample(sine(share * nyquist, rate: input, count: input / 12))
            #expect(deviation(result, fromSine: share * nyquist, rate: output) < ninetyDecibels, "at \(share)")
        }
    }

    @Test(arguments: rates + primes)
    func sinesAboveTheNewNyquistFrequencyVanish(input: Int, output: Int) throws {
        guard input > output else { return }
        let resampler = try Resampler(from: input, to: output)
        let (low, high) = (Double(output) / 2, Double(input) / 2)
        for share in [0.0, 0.02, 0.3, 0.9] {
            let frequency = low + share * (high - low)
            // A cosine, because a sine at the Nyquist frequency itself has only zeros for samples.
            let samples = (0..<input / 12).map { Float(cos(2 * .pi * frequency * Double($0) / Double(input))) }
            let result = resampler.resample(samples)
            let peak = result[(result.count / 4)..<(result.count * 3 / 4)].map { abs($0) }.max() ?? .infinity
            #expect(Double(peak) < ninetyDecibels, "at \(frequency) Hz")
        }
    }

    @Test(arguments: rates + primes)
    func aConstantStaysConstantAwayFromTheEdges(input: Int, output: Int) throws {
        let result = try Resampler(from: input, to: output).resample([Float](repeating: 0.7, count: input / 12))
        #expect(result[(result.count / 4)..<(result.count * 3 / 4)].allSatisfy { abs($0 - 0.7) < 1e-5 })
    }

    @Test func outputsAreAsManyAsTheTimeHolds() throws {
        for (input, output) in Self.rates + Self.primes {
            let resampler = try Resampler(from: input, to: output)
            for count in [0, 1, 2, 3, 440, 441, 442, 1000] {
                let expected = Int((Double(count) * Double(output) / Double(input)).rounded(.up))
                #expect(resampler.resample([Float](repeating: 1, count: count)).count == expected)
            }
        }
    }

    @Test func equalRatesChangeNothingAndAbsurdOnesAreRefused() throws {
        let samples = sine(440, rate: 16_000, count: 100)
        #expect(try AudioClip(samples: samples, sampleRate: 16_000).resampled(to: 16_000).samples == samples)
        for rate in [Int.min, -16_000, 0, 999, 1_000_001, Int.max] {
            #expect(throws: UsageError.self) { try Resampler(from: rate, to: 16_000) }
            #expect(throws: UsageError.self) { try Resampler(from: 16_000, to: rate) }
        }
    }
}
