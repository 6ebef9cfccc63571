import CPUBackends
import TensorEngine
import XLSR

/// What a translation model's search took, over speech that is encoded already.
struct DecoderReport: Codable {
    let beamCount: Int
    let tokenCount: Int
    /// Of the whole search.
    let timing: Timing
    /// Of the weights that a step reads.
    let byteCountPerStep: Int
    let bytesPerSecond: Double
    /// Of what this machine's memory was measured to give.
    let shareOfReads: Double?

    var description: String {
        let step = Table.number(1000 * timing.median / Double(tokenCount))
        let share = shareOfReads.map { ", \(Table.percent($0)) of this machine's reads" } ?? ""
        return "  decoder: \(tokenCount) tokens, \(beamCount) beams: \(Table.number(timing.median)) s"
            + " (\(Table.number(timing.minimum))–\(Table.number(timing.maximum))), \(step) ms a token,"
            + " \(Table.number(bytesPerSecond / 1e9)) GB/s of weights" + share
    }
}

/// Times the search alone: a step reads every weight once for all hypotheses, and little else.
struct DecoderBenchmark {
    static let beamCount = 5
    static let tokenCount = 64

    let runCount: Int
    let peak: MachinePeak?

    /// nil for a model without a text decoder.
    func report(_ model: XLSRModel, _ clip: AudioClip) throws -> DecoderReport? {
        guard let decoder = model.decoderConfiguration, decoder.positionLimit > Self.tokenCount else { return nil }
        var settings = try model.generationSettings()
        // No text may end before it has all tokens.
        (settings.beamCount, settings.resultCount) = (Self.beamCount, 1)
        (settings.minLength, settings.maxLength) = (Self.tokenCount + 1, Self.tokenCount + 1)
        let search = try model.preparedSearch(of: clip, settings)
        let timing = try Timing(runCount: runCount) { try search() }
        let byteCount = decoder.weightCountPerStep * model.precision.weights.byteSize
        let rate = Double(byteCount * Self.tokenCount) / timing.median
        return DecoderReport(
            beamCount: Self.beamCount, tokenCount: Self.tokenCount, timing: timing, byteCountPerStep: byteCount,
            bytesPerSecond: rate, shareOfReads: peak.map { rate / $0.readBytesPerSecond })
    }
}
