import FoundationEssentials

/// The JSON text at the start of a safetensors file.
struct SafetensorsHeader: Codable {
    struct Entry: Codable {
        let dtype: String
        let shape: [Int]
        /// First byte and end, counted from the end of the header.
        let dataOffsets: [Int]

        enum CodingKeys: String, CodingKey {
            case dtype
            case shape
            case dataOffsets = "data_offsets"
        }
    }

    /// Enough for 100,000 tensors. The reference implementation takes 100 MB, but the text of a hostile header
    /// costs some 30 times its size in memory once parsed.
    static let byteCountLimit = 16 << 20
    private static let metadataKey = Key("__metadata__")

    /// Free text; nil when the header has none.
    var metadata: [String: String]?
    var entries: [String: Entry] = [:]

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        for key in container.allKeys {
            if key.stringValue == Self.metadataKey.stringValue {
                metadata = try container.decode([String: String].self, forKey: key)
            } else {
                entries[key.stringValue] = try container.decode(Entry.self, forKey: key)
            }
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encodeIfPresent(metadata, forKey: Self.metadataKey)
        for (name, entry) in entries { try container.encode(entry, forKey: Key(name)) }
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { nil }
    }
}

extension SafetensorsHeader {
    /// - Throws: `CheckpointError` for text that is not such a header, or names something twice.
    init(parsing text: UnsafeRawBufferPointer, path: String) throws {
        do {
            self = try JSONDecoder().decode(SafetensorsHeader.self, from: Data(text))
        } catch DecodingError.dataCorrupted {
            throw CheckpointError.malformed(path, "the header is not valid JSON, or a number in it no 64-bit integer")
        } catch let error as DecodingError {
            throw CheckpointError.malformed(path, "the header breaks the format\(Self.place(of: error))")
        }
        // A JSON decoder keeps one of two equal keys in silence.
        guard Self.memberCount(of: text) == entries.count + (metadata == nil ? 0 : 1) else {
            throw CheckpointError.malformed(path, "the header names a tensor twice")
        }
    }

    private static func place(of error: DecodingError) -> String {
        let codingPath =
            switch error {
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
                context.codingPath
            case .keyNotFound(let key, let context): context.codingPath + [key]
            @unknown default: [any CodingKey]()
            }
        return codingPath.isEmpty ? "" : " at " + codingPath.map(\.stringValue).joined(separator: " / ")
    }

    /// The members of the outermost object of valid JSON.
    private static func memberCount(of text: UnsafeRawBufferPointer) -> Int {
        var depth = 0
        var count = 0
        var inString = false
        var escaped = false
        for byte in text {
            if escaped {
                escaped = false
            } else if inString {
                if byte == UInt8(ascii: "\\") { escaped = true }
                if byte == UInt8(ascii: "\"") { inString = false }
            } else {
                switch byte {
                case UInt8(ascii: "\""): inString = true
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
                case UInt8(ascii: ":") where depth == 1: count += 1
                default: break
                }
            }
        }
        return count
    }
}
