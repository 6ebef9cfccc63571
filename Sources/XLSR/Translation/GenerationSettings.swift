/// How text is generated: the settings of Hugging Face's `generate` that searches without sampling have.
///
/// Defaults are those of transformers; a checkpoint's own come from `generation_config.json`, else from `config.json`.
public struct GenerationSettings: Hashable, Sendable {
    /// When a beam search ends.
    public enum EarlyStopping: Hashable, Sendable {
        /// When no running hypothesis, as long as it is now, can beat the finished ones. transformers' `false`.
        case heuristic
        /// As soon as there are as many finished hypotheses as beams. transformers' `true`.
        case whenAllFinished
        /// Only when no running hypothesis of any length can. transformers' `"never"`.
        case never
    }

    /// Hypotheses that are held at a time; 1 is greedy search.
    public var beamCount = 1
    /// Finished hypotheses are compared by their log-probability over `length ^ lengthPenalty`.
    public var lengthPenalty = 1.0
    public var earlyStopping = EarlyStopping.heuristic
    /// Tokens at most, the start token included.
    public var maxLength = 21
    /// Tokens before the end token may come, the start token included.
    public var minLength = 0
    /// Above 1 makes tokens that are there already less likely: Keskar et al. 2019.
    public var repetitionPenalty: Float = 1
    /// Whether what `repetitionPenalty` and the rules below leave is brought to probabilities again.
    public var renormalizes = false
    /// No so many tokens in a row come twice; 0: they may.
    public var noRepeatNGramSize = 0
    /// What the decoder begins with.
    public var startTokenID: Int
    /// The first token after the start, usually the target language.
    public var forcedFirstTokenID: Int?
    /// Tokens that end a text.
    public var endTokenIDs: Set<Int>
    /// The last token of a text that reaches `maxLength`.
    public var forcedEndTokenIDs: Set<Int> = []
    /// Hypotheses to return, of as many beams.
    public var resultCount = 1

    public init(startTokenID: Int, endTokenIDs: Set<Int>) {
        self.startTokenID = startTokenID
        self.endTokenIDs = endTokenIDs
    }
}

extension GenerationSettings {
    /// Ways of generating that are refused rather than ignored: they would give other texts. The value is the default.
    private static let unsupported: [String: [JSON]] = [
        "do_sample": [.bool(false)], "num_beam_groups": [.int(1)], "penalty_alpha": [.double(0), .int(0)],
        "bad_words_ids": [], "sequence_bias": [], "suppress_tokens": [], "begin_suppress_tokens": [],
        "exponential_decay_length_penalty": [], "guidance_scale": [.int(1), .double(1)], "constraints": [],
        "force_words_ids": [], "encoder_repetition_penalty": [.int(1), .double(1)],
        "watermarking_config": [], "max_time": [], "stop_strings": [], "token_healing": [.bool(false)],
        "encoder_no_repeat_ngram_size": [.int(0)], "diversity_penalty": [.double(0), .int(0)],
    ]

    /// Reads `generation_config.json`, or in its absence the fields of `config.json` and its `decoder`.
    /// - Throws: `CheckpointError` that names a field that is missing, out of range or not supported.
    package init(_ files: CheckpointFiles, vocabularySize: Int, positionLimit: Int) throws {
        let name = "generation_config.json"
        if let bytes = try files.contents(of: name) {
            let path = files.path(of: name)
            guard let fields = try JSON(parsing: bytes, path: path).object else {
                throw CheckpointError(.configuration, path: path, "is not a JSON object")
            }
            try self.init(fields, path: path, vocabularySize, positionLimit)
        } else {
            let fields = try XLSRModel.configurationFields(files)
            // The decoder's own fields and defaults, where the whole model's fields don't say otherwise.
            let decoder = MBartConfiguration.tokenDefaults.merging(fields["decoder"]?.object ?? [:]) { $1 }
            let merged = decoder.merging(fields.filter { $0.value != .null }) { $1 }
            try self.init(merged, path: files.path(of: "config.json"), vocabularySize, positionLimit)
        }
    }

    private init(_ fields: [String: JSON], path: String, _ vocabularySize: Int, _ positionLimit: Int) throws {
        let reader = ConfigurationFields(fields, path: path)
        for (name, harmless) in Self.unsupported {
            try reader.refuse(name, "this way of generating is not supported; remove the field") {
                $0 != .null && !harmless.contains($0) && $0.array?.isEmpty != true
            }
        }
        func ids(_ name: String) throws -> [Int]? {
            guard let value = fields[name], value != .null else { return nil }
            if value.array != nil { return try reader.integers(name, default: [], in: 0...vocabularySize - 1) }
            return [try reader.integer(name, default: 0, in: 0...vocabularySize - 1)]
        }
        guard let start = try ids("decoder_start_token_id")?.first ?? ids("bos_token_id")?.first else {
            throw reader.error("decoder_start_token_id", "is missing, and bos_token_id too")
        }
        self.init(startTokenID: start, endTokenIDs: Set(try ids("eos_token_id") ?? []))
        beamCount = try reader.integer("num_beams", default: 1, in: 1...Self.beamLimit)
        resultCount = try reader.integer("num_return_sequences", default: 1, in: 1...Self.beamLimit)
        lengthPenalty = try reader.double("length_penalty", default: 1, in: -100...100)
        repetitionPenalty = try reader.number("repetition_penalty", default: 1, in: 1e-6...1e6)
        renormalizes = try reader.bool("renormalize_logits", default: false)
        noRepeatNGramSize = try reader.integer("no_repeat_ngram_size", default: 0, in: 0...1_000_000)
        forcedFirstTokenID = try ids("forced_bos_token_id")?.first
        forcedEndTokenIDs = Set(try ids("forced_eos_token_id") ?? [])
        switch fields["early_stopping"] {
        case nil, .null, .bool(false): earlyStopping = .heuristic
        case .bool(true): earlyStopping = .whenAllFinished
        case .string("never"): earlyStopping = .never
        default: throw reader.error("early_stopping", "is not true, false or \"never\"")
        }
        // Lengths count the start token; those of new tokens don't, nor does the default of 20.
        let lengths = 2...1_000_000
        maxLength = try reader.integer("max_length", default: 21, in: lengths)
        minLength = try reader.integer("min_length", default: 0, in: 0...1_000_000)
        if fields["max_new_tokens"].map({ $0 != .null }) ?? false {
            maxLength = 1 + (try reader.integer("max_new_tokens", default: 20, in: 1...1_000_000))
        }
        if fields["min_new_tokens"].map({ $0 != .null }) ?? false {
            minLength = 1 + (try reader.integer("min_new_tokens", default: 0, in: 0...1_000_000))
        }
        maxLength = min(maxLength, positionLimit)
        resultCount = min(resultCount, beamCount)
    }

    package static let beamLimit = 1_000
    /// Each makes the search keep as many more candidates as there are beams.
    private static let endTokenLimit = 100

    /// - Throws: `UsageError` for settings that make no sense, or tokens and positions that the model doesn't have.
    func validate(vocabularySize: Int, positionLimit: Int) throws {
        guard 1...Self.beamLimit ~= beamCount, 1...beamCount ~= resultCount else {
            throw UsageError(
                "\(beamCount) beams with \(resultCount) results: 1 to \(Self.beamLimit) beams, no more results than beams"
            )
        }
        guard endTokenIDs.count <= Self.endTokenLimit else {
            throw UsageError("\(endTokenIDs.count) tokens that end a text: \(Self.endTokenLimit) at most")
        }
        guard maxLength >= 2, maxLength <= positionLimit else {
            throw UsageError("texts of \(maxLength) tokens: this model has positions for 2 to \(positionLimit)")
        }
        guard lengthPenalty.isFinite, repetitionPenalty.isFinite, repetitionPenalty > 0, noRepeatNGramSize >= 0 else {
            throw UsageError(
                "a length penalty of \(lengthPenalty), a repetition penalty of \(repetitionPenalty) or a repeat limit of"
                    + " \(noRepeatNGramSize) tokens makes no sense")
        }
        let ids = endTokenIDs.union(forcedEndTokenIDs).union([startTokenID, forcedFirstTokenID ?? startTokenID])
        if let id = ids.sorted().first(where: { !(0..<vocabularySize).contains($0) }) {
            throw UsageError("there is no token \(id): the vocabulary has \(vocabularySize)")
        }
    }
}
