import Testing
import XLSR

@Suite struct TokenizerMutationTests {
    private static let insertions = [
        "{", "}", "[", "\"", ":", ",", "\\", "\\u", "\\ud800", "-", "9999999999", "1e9", ".5", "null", "true", "[]",
        "{}",
        "\u{0}", "\u{301}", "\"<pad>\": 7,",
    ].map { Array($0.utf8) }

    private func mutate(_ bytes: [UInt8], with generator: inout SplitMix64) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
            let index = Int.random(in: bytes.indices, using: &generator)
            let end = Int.random(in: index...min(bytes.count, index + 30), using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
            case 1: bytes.removeSubrange(index..<end)
            case 2: bytes.removeLast(bytes.count - index)
            case 3: bytes.insert(contentsOf: bytes[index..<end], at: index)
            default:
                let insertion = Self.insertions[Int.random(in: Self.insertions.indices, using: &generator)]
                bytes.insert(contentsOf: insertion, at: index)
            }
        }
        return bytes
    }

    @Test func mutatedFilesLoadOrGiveTypedErrors() throws {
        let goldens = TokenizerGolden.all
        try #require(!goldens.isEmpty)
        var generator = SplitMix64(state: 2024)
        var (loaded, refused) = (0, 0)
        for round in 0..<1000 {
            let golden = goldens[round % goldens.count]
            var files = golden.files.mapValues { Array($0.utf8) }
            let names = files.keys.sorted()
            let name = names[Int.random(in: names.indices, using: &generator)]
            files[name] = mutate(files[name] ?? [], with: &generator)
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
        #expect(loaded > 100 && refused > 100 && loaded + refused == 1000)
    }
}
