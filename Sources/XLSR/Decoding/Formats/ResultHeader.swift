import FoundationEssentials

/// What `--format json` says of every result: what it was made from, with and how fast.
///
/// `version` 1 has `audio`, `audio_seconds`, `device`, `elapsed_seconds`, `model`, `precision` and `real_time_factor`
/// (elapsed / audio; absent without audio).
package struct ResultHeader: Encodable {
    private let version = 1
    private let audio, model, device, precision: String
    private let audioSeconds, elapsedSeconds, realTimeFactor: Double?

    private enum CodingKeys: String, CodingKey {
        case version, audio, model, device, precision
        case audioSeconds = "audio_seconds"
        case elapsedSeconds = "elapsed_seconds"
        case realTimeFactor = "real_time_factor"
    }

    package init(
        audio: String, model: String, device: String, precision: String, audioSeconds: Double, elapsedSeconds: Double
    ) {
        (self.audio, self.model, self.device, self.precision) = (audio, model, device, precision)
        self.audioSeconds = rounded(audioSeconds, per: 1e3)
        self.elapsedSeconds = rounded(elapsedSeconds, per: 1e3)
        realTimeFactor = rounded(elapsedSeconds / audioSeconds, per: 1e4)
    }

    /// One JSON object on a line, its keys sorted: these fields and those of a result.
    package func jsonLine(with result: some Encodable) throws -> String {
        try XLSR.jsonLine(of: Joined(header: self, result: result))
    }

    private struct Joined<Result: Encodable>: Encodable {
        let header: ResultHeader
        let result: Result

        func encode(to encoder: any Encoder) throws {
            try header.encode(to: encoder)
            try result.encode(to: encoder)
        }
    }
}

/// One JSON object on a line, its keys sorted.
package func jsonLine(
    of value: some Encodable, keys: JSONEncoder.KeyEncodingStrategy = .useDefaultKeys
) throws -> String {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = keys
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
}

/// Nil for NaN and infinity, which JSON doesn't have.
package func rounded(_ value: Double, per scale: Double) -> Double? {
    value.isFinite ? (value * scale).rounded() / scale : nil
}
