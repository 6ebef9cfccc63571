import FoundationEssentials
import XLSR

/// What pyctcdecode found; see Fixtures/make_beam_search.py.
struct BeamGolden: Decodable {
    struct Case: Decodable {
        struct LanguageModel: Decodable {
            let alpha, beta, unkScoreOffset: Double
            let scoreBoundary: Bool
            let unigrams: [String]?
        }

        let alphabet: String
        let offset, frames: Int
        let beamWidth: Int
        let beamPruneLogp, tokenMinLogp: Double
        let pruneHistory: Bool
        let hotwords: [String]?
        let hotwordWeight: Double
        let languageModel: LanguageModel?
        let count: Int
        let words: [Word]
        let beams: [Beam]
    }

    struct Word: Decodable, Equatable {
        let text: String
        let start, end: Int

        init(from decoder: any Decoder) throws {
            var values = try decoder.unkeyedContainer()
            text = try values.decode(String.self)
            start = try values.decode(Int.self)
            end = try values.decode(Int.self)
        }

        init(_ piece: BeamHypothesis.Piece) {
            (text, start, end) = (piece.text, piece.frames.lowerBound, piece.frames.upperBound)
        }
    }

    struct Beam: Decodable {
        let text: String
        let acousticScore, totalScore: Double

        init(from decoder: any Decoder) throws {
            var values = try decoder.unkeyedContainer()
            text = try values.decode(String.self)
            acousticScore = try values.decode(Double.self)
            totalScore = try values.decode(Double.self)
        }
    }

    struct Labels: Decodable {
        let vocabulary, labels: [String]
        let isSubword: Bool
    }

    let unit: Float
    let labels: [Labels]
    let alphabets: [String: [String]]
    let cases: [Case]

    static let all = Result { try load() }

    private static func load() throws -> BeamGolden {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(BeamGolden.self, from: Data(contentsOf: URL(filePath: path("cases.json"))))
    }

    static func path(_ name: String) -> String { testFolder + "/Fixtures/beam/" + name }

    static let scores = Result { try Array(Data(contentsOf: URL(filePath: path("scores.bin")))) }
}

extension BeamGolden {
    func alphabet(_ golden: Case) throws -> BeamAlphabet {
        try BeamAlphabet(vocabulary: alphabets[golden.alphabet] ?? [])
    }

    func scores(_ golden: Case, columns: Int) throws -> [Float] {
        let bytes = try Self.scores.get()
        return (golden.offset..<golden.offset + golden.frames * columns).map { index in
            Float(Int16(bitPattern: UInt16(bytes[2 * index]) | UInt16(bytes[2 * index + 1]) << 8)) * unit
        }
    }

    /// - Parameter file: the language model's; by default the ARPA file of the alphabet.
    func decoder(_ golden: Case, languageModel file: String? = nil) throws -> BeamSearchDecoder {
        var options = BeamSearchOptions()
        options.beamWidth = golden.beamWidth
        options.beamPruningLogProbability = golden.beamPruneLogp
        options.minimumTokenLogProbability = golden.tokenMinLogp
        options.prunesHistory = golden.pruneHistory
        options.hotwords = (golden.hotwords ?? []).map { Hotword($0, boost: golden.hotwordWeight) }
        return try BeamSearchDecoder(
            alphabet: alphabet(golden), fusion: golden.languageModel.map { try fusion(golden, $0, file) },
            options: options)
    }

    private func fusion(_ golden: Case, _ settings: Case.LanguageModel, _ file: String?) throws -> ShallowFusion {
        let arpa = try ShallowFusion.load(Self.path(golden.alphabet + ".arpa"))
        let model = try file.map(NGramModel.load) ?? arpa.model
        var fusion = ShallowFusion(model, unigrams: settings.unigrams ?? arpa.model.words())
        fusion.weights.languageWeight = settings.alpha
        fusion.weights.wordScore = settings.beta
        fusion.weights.unknownWordScore = settings.unkScoreOffset
        fusion.weights.scoresBoundaries = settings.scoreBoundary
        return fusion
    }
}
