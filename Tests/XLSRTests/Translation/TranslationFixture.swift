import FoundationEssentials
import TensorEngine
import XLSR

/// What Fixtures/make_translation.py writes: tiny speech encoder-decoder checkpoints and what transformers makes of
/// them.
enum TranslationFixture {
    static let folder = testFolder + "/Fixtures/translation"
    static let names = ["plain", "adapter"]

    /// What `generate` gave for an input.
    struct Case: Decodable {
        let model: String
        let input: Int
        let settings: Settings
        /// Which of several hypotheses.
        let rank: Int
        let ids: [Int]
        /// nil of greedy search, which has none.
        let score: Double?
    }

    /// Arguments of `generate`.
    struct Settings: Decodable, Hashable {
        var beamCount: Int?
        var lengthPenalty: Double?
        var earlyStopping: EarlyStopping?
        var maxLength: Int?
        var maxNewTokens: Int?
        var minLength: Int?
        var minNewTokens: Int?
        var repetitionPenalty: Float?
        var renormalizes: Bool?
        var noRepeatNGramSize: Int?
        var resultCount: Int?
        var forcedFirst: Int?
        /// Some nil for an explicit null.
        var forcedEnd: Int??
        var end: [Int]?

        enum EarlyStopping: Decodable, Hashable {
            case flag(Bool), never

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                self = (try? container.decode(Bool.self)).map { .flag($0) } ?? .never
            }
        }

        enum Key: String, CodingKey, CaseIterable {
            case beamCount = "num_beams"
            case lengthPenalty = "length_penalty"
            case earlyStopping = "early_stopping"
            case maxLength = "max_length"
            case maxNewTokens = "max_new_tokens"
            case minLength = "min_length"
            case minNewTokens = "min_new_tokens"
            case repetitionPenalty = "repetition_penalty"
            case renormalizes = "renormalize_logits"
            case noRepeatNGramSize = "no_repeat_ngram_size"
            case resultCount = "num_return_sequences"
            case forcedFirst = "forced_bos_token_id"
            case forcedEnd = "forced_eos_token_id"
            case end = "eos_token_id"
        }

        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: Key.self)
            beamCount = try values.decodeIfPresent(Int.self, forKey: .beamCount)
            lengthPenalty = try values.decodeIfPresent(Double.self, forKey: .lengthPenalty)
            earlyStopping = try values.decodeIfPresent(EarlyStopping.self, forKey: .earlyStopping)
            maxLength = try values.decodeIfPresent(Int.self, forKey: .maxLength)
            maxNewTokens = try values.decodeIfPresent(Int.self, forKey: .maxNewTokens)
            minLength = try values.decodeIfPresent(Int.self, forKey: .minLength)
            minNewTokens = try values.decodeIfPresent(Int.self, forKey: .minNewTokens)
            repetitionPenalty = try values.decodeIfPresent(Float.self, forKey: .repetitionPenalty)
            renormalizes = try values.decodeIfPresent(Bool.self, forKey: .renormalizes)
            noRepeatNGramSize = try values.decodeIfPresent(Int.self, forKey: .noRepeatNGramSize)
            resultCount = try values.decodeIfPresent(Int.self, forKey: .resultCount)
            forcedFirst = try values.decodeIfPresent(Int.self, forKey: .forcedFirst)
            forcedEnd =
                values.contains(.forcedEnd) ? .some(try values.decodeIfPresent(Int.self, forKey: .forcedEnd)) : nil
            end = try values.decodeIfPresent([Int].self, forKey: .end)
        }

        /// These arguments over a checkpoint's own settings.
        func applied(to defaults: GenerationSettings) -> GenerationSettings {
            var settings = defaults
            settings.beamCount = beamCount ?? settings.beamCount
            settings.lengthPenalty = lengthPenalty ?? settings.lengthPenalty
            switch earlyStopping {
            case .flag(true): settings.earlyStopping = .whenAllFinished
            case .flag(false): settings.earlyStopping = .heuristic
            case .never: settings.earlyStopping = .never
            case nil: break
            }
            settings.maxLength = maxNewTokens.map { $0 + 1 } ?? maxLength ?? settings.maxLength
            settings.minLength = minNewTokens.map { $0 + 1 } ?? minLength ?? settings.minLength
            settings.repetitionPenalty = repetitionPenalty ?? settings.repetitionPenalty
            settings.renormalizes = renormalizes ?? settings.renormalizes
            settings.noRepeatNGramSize = noRepeatNGramSize ?? settings.noRepeatNGramSize
            settings.resultCount = resultCount ?? settings.resultCount
            settings.forcedFirstTokenID = forcedFirst ?? settings.forcedFirstTokenID
            if let forcedEnd { settings.forcedEndTokenIDs = Set([forcedEnd].compactMap { $0 }) }
            settings.endTokenIDs = end.map(Set.init) ?? settings.endTokenIDs
            return settings
        }
    }

    static let cases: [Case] = {
        let data = try? Data(contentsOf: URL(filePath: folder + "/golden.json"))
        return (data.flatMap { try? JSONDecoder().decode([Case].self, from: $0) }) ?? []
    }()

    static func tensors() throws -> CheckpointTensors { try CheckpointTensors(opening: folder + "/golden.safetensors") }

    static func clip(_ index: Int) throws -> AudioClip {
        AudioClip(samples: try tensors().tensor(named: "input.\(index)").floats(), sampleRate: 16_000)
    }

    static func model(_ name: String, on backend: any Backend) throws -> XLSRModel {
        try XLSRModel.load(folder + "/" + name, on: backend)
    }
}
