/// The files of a checkpoint that a tokenizer reads, from wherever they are.
struct TokenizerFiles {
    /// No tokenizer's file comes near this: a thousand languages of a hundred tokens take about 2 MB.
    static let byteLimit = 16 << 20

    /// Fields that list special tokens beside those that have names of their own.
    static let extraTokenFields = ["extra_special_tokens", "additional_special_tokens"]

    let path: String
    let read: (String) throws -> [UInt8]?

    func path(of name: String) -> String { Self.path(of: name, in: path) }

    static func path(of name: String, in folder: String) -> String { folder.isEmpty ? name : "\(folder)/\(name)" }

    func bytes(_ name: String) throws -> [UInt8]? {
        guard let bytes = try read(name) else { return nil }
        guard bytes.count <= Self.byteLimit else { throw Self.tooLarge(path(of: name)) }
        return bytes
    }

    /// The fields of a JSON file; none if the file isn't there.
    func fields(_ name: String) throws -> [String: JSON]? {
        guard let bytes = try bytes(name) else { return nil }
        guard let fields = try JSON(parsing: bytes, path: path(of: name)).object else {
            throw CheckpointError(.malformed, path: path(of: name), "not a JSON object")
        }
        return fields
    }

    private static func tooLarge(_ path: String) -> CheckpointError {
        CheckpointError(.tokenizer, path: path, "is too large for a tokenizer's file (\(byteLimit >> 20) MiB)")
    }
}

extension JSON {
    /// The text of a token, which is a string or an object with `content`.
    var tokenContent: String? { string ?? self["content"]?.string }
}
