import CPUBackends
import TensorEngine
import XLSR

/// What a translation model's search took, over speech that is encoded already.
package struct DecoderReport: Codable {
    let beamCount: Int
    let tokenCount: Int
    /// Of the whole search.
    let timing: Timing
    /// Of the weights that a step reads.
    let byteCountPerStep: Int
    let bytesPerSecond: Double
    /// What this machine's memory gave before and after each search, the middle of all passes; nil on a GPU.
    let readBytesPerSecond: Double?
    /// Of the reads around the same search, the middle of all searches: memory's speed changes from minute to minute.
    let shareOfReads: Double?

    var description: String {
        let step = Table.number(1000 * timing.median / Double(tokenCount))
        return "\(tokenCount) tokens, \(beamCount) beams: \(Table.number(timing.median)) s"
            + " (\(Table.number(timing.minimum))–\(Table.number(timing.maximum))), \(step) ms a token, \(reading)"
    }

    /// How fast weights are read.
    var reading: String {
        let rate = "\(Table.number(bytesPerSecond / 1e9)) GB/s of weights"
        guard let readBytesPerSecond, let shareOfReads else { return rate }
        return rate + ", \(Table.percent(shareOfReads)) of the \(Table.number(readBytesPerSecond / 1e9)) read around it"
    }
}

/// Times the search alone: a step reads every weight once for all hypotheses, and little else.
struct DecoderBenchmark {
    static let beamCount = 5
    static let tokenCount = 64

    /// Log-probabilities of the hypotheses that a search finds, best first.
    let scores: [Float]
    private let search: () throws -> [Float]
    private let byteCountPerStep: Int
    private let backend: any Backend

    /// Encodes a clip and searches once. nil for a model without a text decoder, or one for shorter texts.
    init?(_ model: XLSRModel, _ clip: AudioClip) throws {
        guard let decoder = model.decoderConfiguration, decoder.positionLimit > Self.tokenCount else { return nil }
        var settings = try model.generationSettings()
        (settings.beamCount, settings.resultCount) = (Self.beamCount, Self.beamCount)
        // No text may end before it has all tokens; the first is the start.
        (settings.minLength, settings.maxLength) = (Self.tokenCount + 1, Self.tokenCount + 1)
        search = try model.preparedSearch(of: clip, settings)
        scores = try search()
        byteCountPerStep = decoder.weightCountPerStep * model.precision.weights.byteSize
        backend = model.backend
    }

    func report(runCount: Int) throws -> DecoderReport {
        let reads = try (backend as? CPUBackend).map { try MemoryReads($0) }
        var (seconds, rates): ([Double], [Double]) = ([], [])
        func read() { if let reads { rates.append(reads.rates(seconds: 0.2).median) } }
        read()
        for _ in 0..<runCount {
            seconds.append(try Timing.seconds { _ = try search() })
            read()
        }
        let byteCount = Double(byteCountPerStep * Self.tokenCount)
        let shares = zip(seconds, zip(rates, rates.dropFirst())).map { seconds, reads in
            byteCount / seconds / ((reads.0 + reads.1) / 2)
        }
        let timing = Timing(seconds: seconds)
        return DecoderReport(
            beamCount: Self.beamCount, tokenCount: Self.tokenCount, timing: timing, byteCountPerStep: byteCountPerStep,
            bytesPerSecond: byteCount / timing.median,
            readBytesPerSecond: rates.isEmpty ? nil : rates.median,
            shareOfReads: shares.isEmpty ? nil : shares.median)
    }
}
