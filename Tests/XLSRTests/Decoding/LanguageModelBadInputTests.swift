import TensorEngine
import Testing
import XLSR

/// Files that are no language model, or a damaged one.
@Suite struct LanguageModelBadInputTests {
    private func error(_ bytes: some Sequence<UInt8>) -> CheckpointError? {
        #expect(throws: CheckpointError.self) { try languageModel(bytes) }
    }

    @Test(arguments: [
        (Array("{\"a\": 1}".utf8), "not a language model"), ([0xFF, 0xFE, 0, 1], "not a language model"),
        (Array("blmt 3 1 2 3\n".utf8), "an IRSTLM binary"), (Array("iARPA\n".utf8), "IRSTLM's variant"),
        (Array("BZh91AY".utf8), "bzip2"), ([0x28, 0xB5, 0x2F, 0xFD, 0], "zstd"), ([0x50, 0x4B, 3, 4], "a zip archive"),
        (Array("mmap lm http://kheafield.com/code".utf8), "cut off"),
    ])
    func otherFilesAreNamed(bytes: [UInt8], words: String) throws {
        let description = try #require(error(bytes)).description
        #expect(description.contains(words), "\(description)")
    }

    @Test func missingEmptyAndOtherFilesAreRefused() throws {
        #expect(error([])?.detail == "the file is empty")
        let weights = error(try WeightsFixture.bytes("single.safetensors"))
        #expect(weights?.kind == .languageModel)
        try withTemporaryFolder { folder in
            for path in [folder, folder + "/nothing.arpa"] {
                let error = #expect(throws: CheckpointError.self) { try NGramModel.load(path) }
                #expect(error?.kind == .missingFile)
            }
        }
    }

    @Test(arguments: [
        (49, UInt8(ascii: "4"), "format version 4"), (5, UInt8(ascii: "x"), "not a language model"),
        (60, 0x3F, "another machine"), (88, 1, "order 1"), (88, 7, "order 7"), (96, 9, "unknown model type (9)"),
        (96, 1, "cut off"), (96, 2, "KenLM trie of version 0"), (104, 3, "KenLM probing of version 3"),
        (95, 0xBF, "multiplier"),
        (108, 0xFF, "cut off"), (115, 1, "can't be in a file of this size"),
        (118, 0xFF, "can't be in a file of this size"),
    ])
    func liesInTheHeaderOfABinaryAreNamed(position: Int, byte: UInt8, words: String) throws {
        var bytes = try LanguageModelFixture.bytes("three.probing")
        bytes[position] = byte
        let description = try #require(error(bytes)).description
        #expect(description.contains(words), "\(description)")
    }

    @Test func aBinaryOfABigEndianMachineIsNamed() throws {
        var bytes = try LanguageModelFixture.bytes("three.trie")
        for start in stride(from: 56, to: 80, by: 4) { bytes[start..<start + 4].reverse() }
        bytes[80..<88].reverse()
        #expect(error(bytes)?.detail.contains("big-endian") == true)
    }

    @Test func anUnfinishedBinaryIsNamed() throws {
        let text = Array("mmap lm http://kheafield.com/code incomplete\n".utf8)
        #expect(error(text + [UInt8](repeating: 0, count: 1000))?.detail.contains("did not finish") == true)
    }

    @Test(arguments: [
        "three.probing", "three.rest-probing", "three.trie", "three.quantized-array-trie", "three.arpa.gz",
    ])
    func cutFilesAreRefused(file: String) throws {
        let bytes = try LanguageModelFixture.bytes(file)
        for count in stride(from: 1, to: bytes.count, by: file.hasSuffix("gz") ? 97 : 13) {
            #expect(error(bytes.prefix(count)) != nil, "the first \(count) bytes of \(file)")
        }
    }

    @Test(
        .timeLimit(.minutes(15)),
        arguments: [
            "five.arpa", "three.probing", "three.trie", "five.array-trie", "three.quantized-array-trie",
        ])
    func aThousandMutationsEndInErrorsOrInScores(file: String) throws {
        let original = try LanguageModelFixture.bytes(file)
        let insertions =
            file.hasSuffix("arpa") ? ["\\", "\n\n", "ngram 3=", "\t", "-99999999999999999999999999", "1e999"] : []
        var random = RandomSource(seed: 33)
        var loaded = 0
        var refused = 0
        try withTemporaryFolder { folder in
            for _ in 0..<1000 {
                try write(
                    mutated(original, inserting: insertions.map { Array($0.utf8) }, &random), to: folder + "/model")
                do {
                    let model = try NGramModel.load(folder + "/model")
                    loaded += 1
                    _ = model.words()?.count
                    _ = model.scores(of: ["a", "the", "cat", "zzz", "cat", "dog", "sat", "on", "</s>"], begins: true)
                    var state = model.beginningOfSentence
                    for _ in 0..<20 {
                        let word = NGramModel.WordIndex.random(in: 0...20, using: &random)
                        state = model.score(word, after: state).state
                    }
                } catch is CheckpointError {
                    refused += 1
                }
            }
        }
        #expect(loaded > 0 && refused > 100, "\(loaded) loaded, \(refused) refused: both sides must be met")
    }

    @Test func compressionNeedsTheGzipProgram() throws {
        let path = LanguageModelFixture.url("three.arpa.gz").path
        let file = try MappedFile(path: path)
        let error = #expect(throws: CheckpointError.self) {
            try ARPAFile.loadCompressed(file, path: path, searchPath: "/nowhere")
        }
        #expect(error?.remedy == "install gzip, or unpack the file")
    }

    @Test(.timeLimit(.minutes(15)))
    func damagedCompressionIsAnError() throws {
        let original = try LanguageModelFixture.bytes("three.arpa.gz")
        var random = RandomSource(seed: 34)
        var refused = 0
        for _ in 0..<100 {
            do {
                _ = try languageModel(mutated(original, &random))
            } catch is CheckpointError {
                refused += 1
            }
        }
        #expect(refused > 50)
    }
}
