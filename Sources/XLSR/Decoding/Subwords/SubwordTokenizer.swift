/// Turns the tokens of a text decoder, pieces of words, into text.
///
/// Reads `tokenizer.json` (Hugging Face's fast tokenizers of any model, their decoders apart from those of CTC) or
/// `sentencepiece.bpe.model` (mBART, mBART-50, XLM-RoBERTa). `decode` equals
/// `tokenizer.decode(ids, skip_special_tokens=True)` of transformers.
public struct SubwordTokenizer: Sendable {
    /// mBART-50's takes 17 MB.
    static let byteLimit = 128 << 20

    private let tokens: [Int: String]
    private let specialIDs: Set<Int>
    private let decoder: TokenDecoder?
    private let cleansUp: Bool
    /// The tokens that stand for a language, such as `de_DE`, in the order of their ids.
    public let languageTokens: [String]

    /// - Parameters:
    ///   - decoder: nil joins tokens by spaces.
    ///   - specialIDs: tokens that text leaves out.
    init(tokens: [Int: String], specialIDs: Set<Int>, decoder: TokenDecoder?, cleansUp: Bool = false) {
        self.tokens = tokens
        self.specialIDs = specialIDs
        self.decoder = decoder
        self.cleansUp = cleansUp
        languageTokens = specialIDs.sorted().compactMap { tokens[$0] }.filter(TargetLanguage.isLanguageToken)
    }

    /// - Parameters:
    ///   - path: the folder, for messages.
    ///   - read: the bytes of a file of the checkpoint by its name; nil when there is no such file.
    /// - Throws: `CheckpointError` when there is no tokenizer, or a broken one.
    public init(path: String, read: @escaping (String) throws -> [UInt8]?) throws {
        let files = TokenizerFiles(path: path, read: read)
        let settings = try SubwordSettings(files)
        if let bytes = try read(TokenizerJSONFile.name) {
            self = try TokenizerJSONFile(bytes, path: files.path(of: TokenizerJSONFile.name)).tokenizer(settings)
        } else if let bytes = try read(SentencePieceFile.name) {
            let file = try SentencePieceFile(bytes, path: files.path(of: SentencePieceFile.name))
            self = try file.tokenizer(settings)
        } else {
            throw CheckpointError(
                .missingFile, path: path, "neither \(TokenizerJSONFile.name) nor \(SentencePieceFile.name) is there",
                remedy: "download the tokenizer's files beside the weights")
        }
    }

    /// Tokens that have text or stand for something.
    public var tokenCount: Int { tokens.count }

    public func token(for id: Int) -> String? { tokens[id] }

    /// The smallest id of a token.
    public func id(of token: String) -> Int? {
        tokens.filter { $0.value == token }.keys.min()
    }

    /// The text of some tokens, without special ones; ids that name none are passed over.
    public func decode(_ ids: [Int]) -> String {
        let pieces = ids.compactMap { specialIDs.contains($0) ? nil : tokens[$0] }
        let text = decoder.map { $0(pieces).joined() } ?? pieces.joined(separator: " ")
        return cleansUp ? CodePoints(text).cleanedUp().string : text
    }
}

/// What `tokenizer_config.json` and `special_tokens_map.json` say of a subword tokenizer.
struct SubwordSettings {
    let className: String?
    let cleansUp: Bool
    /// Names of special tokens.
    let specialTokens: Set<String>
    /// Ids of special tokens that the settings list one by one.
    let specialIDs: Set<Int>

    init(_ files: TokenizerFiles) throws {
        let config = try files.fields("tokenizer_config.json") ?? [:]
        let map = try files.fields("special_tokens_map.json") ?? [:]
        className = config["tokenizer_class"]?.string
        cleansUp = config["clean_up_tokenization_spaces"]?.bool ?? false
        var names: Set<String> = []
        for fields in [config, map] {
            for name in ["bos", "eos", "unk", "sep", "pad", "cls", "mask"] {
                if let text = fields[name + "_token"]?.tokenContent { names.insert(text) }
            }
            for name in TokenizerFiles.extraTokenFields {
                names.formUnion((fields[name]?.array ?? []).compactMap(\.tokenContent))
            }
        }
        specialTokens = names
        let listed = config["added_tokens_decoder"]?.object ?? [:]
        specialIDs = Set(listed.filter { $0.value["special"]?.bool == true }.keys.compactMap { Int($0) })
    }
}
