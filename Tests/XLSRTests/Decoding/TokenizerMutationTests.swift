import TensorEngine
import Testing
import XLSR

@Suite struct TokenizerMutationTests {
    private static let insertions = [
        "{", "}", "[", "\"", ":", ",", "\\", "\\u", "\\ud800", "-", "9999999999", "1e9", ".5", "null", "true", "[]",
        "{}",
        "\u{0}", "\u{301}", "\"<pad>\": 7,",
    ].map { Array($0.utf8) }

    @Test func mutatedFilesLoadOrGiveTypedErrors() throws {
        let goldens = TokenizerGolden.all
        try #require(!goldens.isEmpty)
        var generator = RandomSource(seed: 2024)
        var (loaded, refused) = (0, 0)
        for round in 0..<1000 {
            let golden = goldens[round % goldens.count]
            var files = golden.files.mapValues { Array($0.utf8) }
            let names = files.keys.sorted()
            let name = names[Int.random(in: names.indices, using: &generator)]
            files[name] = mutated(files[name] ?? [], inserting: Self.insertions, &generator)
            do {
                let tokenizer = try Wav2Vec2CTCTokenizer(path: "m", language: golden.language) { [files] in files[$0] }
                loaded += 1
                _ = tokenizer.decode(golden.decoded.flatMap(\.ids))
                for text in golden.encoded.map(\.text) {
                    do { _ = try tokenizer.encode(text) } catch is UsageError {}
                }
            } catch is CheckpointError {
                refused += 1
            }
        }
        #expect(loaded > 100 && refused > 100 && loaded + refused == 1000, "\(loaded) loaded, \(refused) refused")
    }
}
