/// What is wrong with a checkpoint, where, and what to do about it.
public struct CheckpointError: Error, CustomStringConvertible, Sendable {
    public enum Kind: Sendable {
        /// A file that should be there isn't, or can't be opened.
        case missingFile
        /// A file or folder that can't be written.
        case unwritable
        /// A file breaks its format: cut, lying sizes, invalid JSON.
        case malformed
        /// Something that this engine refuses on purpose: a pickle that calls a function, say.
        case refused
        /// A tensor is missing, left over or wrongly shaped.
        case weights
        /// A configuration field is missing or has a value out of range or not supported.
        case configuration
        /// A vocabulary or tokenizer setting is missing or invalid.
        case tokenizer
        /// A language model of a kind, an order or a size that isn't supported.
        case languageModel
    }

    public let kind: Kind
    /// The file or folder, as the user named it.
    public let path: String
    public let detail: String
    public let remedy: String?

    public init(_ kind: Kind, path: String, _ detail: String, remedy: String? = nil) {
        self.kind = kind
        self.path = path
        self.detail = detail
        self.remedy = remedy
    }

    public var description: String {
        "\(path): \(detail)" + (remedy.map { "; \($0)" } ?? "")
    }
}

/// What is wrong with an audio input, where, and what to do about it.
public struct AudioError: Error, CustomStringConvertible, Sendable {
    public enum Kind: Sendable {
        case missingFile
        /// Not audio, or audio of a kind that can't be decoded.
        case unsupported
        /// The program that decodes it is missing, or the system doesn't let it run.
        case noDecoder
        /// More than is taken.
        case tooLong
        /// A file that breaks its format.
        case malformed
        /// Samples that are NaN or infinite.
        case notFinite
        /// Fewer samples than one output frame needs.
        case tooShort
    }

    public let kind: Kind
    /// The file, as the user named it; "standard input"; or "samples".
    public let source: String
    public let detail: String
    public let remedy: String?

    public init(_ kind: Kind, source: String, _ detail: String, remedy: String? = nil) {
        self.kind = kind
        self.source = source
        self.detail = detail
        self.remedy = remedy
    }

    public var description: String {
        "\(source): \(detail)" + (remedy.map { "; \($0)" } ?? "")
    }
}

/// What is wrong with a text, where, and what to do about it.
public struct TextError: Error, CustomStringConvertible, Sendable {
    public enum Kind: Sendable {
        case missingFile
        /// Not UTF-8.
        case malformed
        /// Nothing in it that could be said.
        case empty
        /// More than the audio has room for.
        case tooLong
        /// None of its characters is in the model's vocabulary.
        case notInVocabulary
        /// Two texts that should belong together, line by line, don't.
        case unpaired
    }

    public let kind: Kind
    /// The file, as the user named it; or "text".
    public let source: String
    public let detail: String
    public let remedy: String?

    public init(_ kind: Kind, source: String, _ detail: String, remedy: String? = nil) {
        self.kind = kind
        self.source = source
        self.detail = detail
        self.remedy = remedy
    }

    public var description: String {
        "\(source): \(detail)" + (remedy.map { "; \($0)" } ?? "")
    }
}

/// A call or a command line that asks for something impossible.
public struct UsageError: Error, CustomStringConvertible, Sendable {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
