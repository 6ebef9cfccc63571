import FoundationEssentials
import Testing
import XLSR

@Suite struct ShallowFusionTests {
    private let attributes =
        #"{"alpha": 0.7, "beta": 2, "unk_score_offset": -8.5, "score_boundary": false}"#

    /// A language_model folder with the fixture's ARPA file.
    private func withFolder(
        attributes: String?, unigrams: String?, _ body: (String) throws -> Void
    ) throws {
        try withTemporaryFolder { folder in
            if let attributes { try write(attributes, to: folder + "/attrs.json") }
            if let unigrams { try write(unigrams, to: folder + "/unigrams.txt") }
            try FileManager.default.copyItem(atPath: BeamGolden.path("demo.arpa"), toPath: folder + "/5gram.arpa")
            try body(folder)
        }
    }

    @Test func aFolderHasModelWordsAndWeights() throws {
        try withFolder(attributes: attributes, unigrams: "one\ntwo\nhundred\n") { folder in
            let fusion = try ShallowFusion.load(folder)
            #expect(fusion.weights.languageWeight == 0.7 && fusion.weights.wordScore == 2)
            #expect(fusion.weights.unknownWordScore == -8.5 && !fusion.weights.scoresBoundaries)
            #expect(fusion.model.order == 3 && fusion.name == folder + "/5gram.arpa")
        }
        try withFolder(attributes: attributes, unigrams: "") { _ = try ShallowFusion.load($0) }
    }

    @Test(
        arguments: [
            (nil, "", "attrs.json: no such file"),
            ("[]", "", "not a JSON object"),
            (#"{"alpha": 1, "beta": 1, "unk_score_offset": 1}"#, "", "score_boundary"),
            (#"{"alpha": "1", "beta": 1, "unk_score_offset": 1, "score_boundary": true}"#, "", "alpha"),
            (#"{"alpha": 1, "beta": 1, "unk_score_offset": 1, "score_boundary": true, "gamma": 1}"#, "", "gamma"),
            (
                #"{"alpha": 1, "beta": 1, "unk_score_offset": 1, "score_boundary": true}"#, nil,
                "unigrams.txt: no such file"
            ),
        ] as [(String?, String?, String)])
    func aFolderThatLacksSomethingSaysWhat(attributes: String?, unigrams: String?, message: String) throws {
        try withFolder(attributes: attributes, unigrams: unigrams) { folder in
            let error = #expect(throws: CheckpointError.self) { try ShallowFusion.load(folder) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
    }

    @Test func aFolderHoldsOneModel() throws {
        try withFolder(attributes: attributes, unigrams: "") { folder in
            try write("x", to: folder + "/other.bin")
            #expect(throws: CheckpointError.self) { try ShallowFusion.load(folder) }
            try FileManager.default.removeItem(atPath: folder + "/other.bin")
            try FileManager.default.removeItem(atPath: folder + "/5gram.arpa")
            #expect(throws: CheckpointError.self) { try ShallowFusion.load(folder) }
        }
    }

    @Test func anAlphabetOfAnotherCaseIsNoticed() throws {
        let fusion = try ShallowFusion.load(BeamGolden.path("demo.arpa"))
        let letters = (UInt8(ascii: "a")...UInt8(ascii: "z")).map { String(Unicode.Scalar($0)) }
        func share(_ labels: [String]) throws -> Double {
            fusion.shareOfForeignCharacters(for: try BeamAlphabet(vocabulary: ["<pad>", "|"] + labels))
        }
        #expect(try share(letters) == 0)
        #expect(try share(letters.map { $0.uppercased() }) == 1)
    }

    @Test func weightsMustBeFinite() throws {
        var fusion = try ShallowFusion.load(BeamGolden.path("demo.arpa"))
        fusion.weights.languageWeight = .nan
        let alphabet = try BeamAlphabet(vocabulary: ["<pad>", "a"])
        #expect(throws: UsageError.self) { try BeamSearchDecoder(alphabet: alphabet, fusion: fusion) }
    }
}
