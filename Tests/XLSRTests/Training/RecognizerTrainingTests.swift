import Backends
import FoundationEssentials
import Glibc
import TensorEngine
import Testing
import XLSR

@Suite struct RecognizerTrainingTests {
    // MARK: Against PyTorch

    /// What Fixtures/make_training.py trained.
    struct Variant: Sendable, CustomStringConvertible {
        let golden: String
        let part: RecognizerTraining.Part
        let rate: Double
        let texts: [String]

        var description: String { golden }

        static let all = [
            Variant(
                golden: "language-adapters", part: .adapters, rate: 0.02, texts: ["ab", "hello world", "abba cc"]),
            Variant(golden: "layer-stable", part: .encoder, rate: 0.005, texts: ["a", "ab", "abba c"]),
            Variant(golden: "group-post", part: .encoder, rate: 0.005, texts: ["a", "ab", "abba c"]),
        ]
    }

    /// The checkpoint, with a config.json that hides no frames.
    private static func checkpoint(_ golden: Golden, in folder: String) throws -> CheckpointFiles {
        let copy = folder + "/model"
        try FileManager.default.copyItem(atPath: golden.folder, toPath: copy)
        let path = copy + "/config.json"
        let fields = String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
            .replacing("\"apply_spec_augment\": true,", with: "")
        try write(fields.replacing("{", with: "{\"apply_spec_augment\": false,", maxReplacements: 1), to: path)
        return try CheckpointFiles(folder: copy)
    }

    /// The golden's inputs as files.
    private static func files(_ golden: Golden, _ texts: [String], in folder: String) throws -> TranscribedFiles {
        TranscribedFiles(
            try texts.enumerated().map { index, text in
                let samples = try golden.tensors.tensor(named: "input.\(index)").floats()
                let path = "\(folder)/\(index).wav"
                try write(WAVBuilder(tag: 3, bits: 32, data: samples.flatMap { little($0.bitPattern) }).bytes, to: path)
                return .init(path: path, text: text)
            })
    }

    /// The reference would take minutes for what its single operations are checked for anyway.
    private static let devices = GoldenDevices.all.filter { $0.description != "reference" }

    @Test(arguments: devices, Variant.all)
    func twelveStepsAreThoseOfPyTorchInDoublePrecision(device: GoldenDevice, variant: Variant) throws {
        let golden = try Golden(variant.golden)
        let expected = try CheckpointTensors(
            opening: testFolder + "/Fixtures/training-\(variant.part.rawValue)-\(variant.golden).safetensors")
        let losses = try expected.tensor(named: "losses").floats()
        try withTemporaryFolder { folder in
            let files = try Self.files(golden, variant.texts, in: folder)
            var options = RecognizerTraining.Options()
            (options.part, options.learningRate) = (variant.part, variant.rate)
            (options.epochCount, options.heldOutShare, options.batchSeconds) = (losses.count, 0, 30)
            let training = try RecognizerTraining(
                Self.checkpoint(golden, in: folder), name: "model", on: device.backend, options: options)
            let trained = try training.trained(on: files)
            #expect(trained.keepsVocabulary && trained.fileCount == 3 && trained.heldCount == 0)
            #expect(trained.bestEpoch == losses.count)
            for (epoch, loss) in zip(trained.epochs, losses) {
                // Those of whole encoders come near zero.
                let size = variant.part == .adapters ? loss : losses[0]
                #expect((Float(epoch.loss) - loss).magnitude < 1e-3 * size, "epoch \(epoch.number) on \(device)")
            }
            try training.write(trained, to: folder + "/out")
            let written = try CheckpointTensors(opening: folder + "/out")
            let source = try CheckpointTensors(opening: golden.folder)
            #expect(written.names == source.names)
            for name in written.names {
                let values = try written.tensor(named: name).floats()
                let before = try source.tensor(named: name).floats()
                guard expected.shape(of: name) != nil else {
                    #expect(values == before, "\(name)")
                    continue
                }
                // Softmax takes it away, so its gradient is nothing but rounding.
                guard !name.hasSuffix("k_proj.bias") else { continue }
                // Of what training changed; single numbers' gradients may be little more than rounding.
                let after = try expected.tensor(named: name).floats()
                let tolerance = 0.02 * largestDifference(before, after)
                let wrong = zip(values, after).count { ($0 - $1).magnitude > tolerance }
                let leastCount = wrong * (variant.part == .adapters ? 100 : 50)
                #expect(leastCount <= values.count, "\(name): \(wrong) of \(values.count) on \(device)")
            }
        }
    }

    // MARK: What is learned

    /// Of the bundled recordings, with the digits' names in another language.
    private static func recordings(in folder: String) throws {
        let german = [
            "zero": "null", "one": "eins", "two": "zwei", "three": "drei", "four": "vier", "five": "fünf",
            "six": "sechs", "seven": "sieben", "eight": "ācht", "nine": "neun",
        ]
        for name in Demo.recordingNames {
            let clip = try Demo.recording(named: name)
            let text = (Demo.transcript(ofRecording: name) ?? "").split(separator: " ").map { german[String($0)] ?? "" }
            let wave = WAVBuilder(
                sampleRate: UInt32(clip.sampleRate), data: little(clip.samples.map { Int16($0 * 32_767) }))
            try write(wave.bytes, to: "\(folder)/\(name)")
            try write(text.joined(separator: "\n") + "\n", to: "\(folder)/\(name.replacing(".wav", with: ".txt"))")
        }
    }

    @Test func otherWordsAndOtherLettersAreLearned() throws {
        try withTemporaryFolder { folder in
            try Self.recordings(in: folder)
            // Two, each a batch, as there are so few.
            let files = TranscribedFiles(Array(try TranscribedFiles(path: folder).items.prefix(2)))
            var options = RecognizerTraining.Options()
            (options.epochCount, options.learningRate, options.heldOutShare) = (100, 0.01, 0)
            let training = try RecognizerTraining(
                CheckpointFiles(Demo.memories(), path: "demo"), name: "demo",
                on: BackendRegistry.open(.simd), options: options)
            var shares: [Double] = []
            let trained = try training.trained(on: files) { event in
                if case .step(let share, _) = event { shares.append(share) }
                if case .failed(let path, let error) = event { Issue.record("\(path): \(error)") }
            }
            #expect(shares == shares.sorted() && shares.count == 200)
            // ā is none of the checkpoint's letters: 14 of their own, a delimiter, unknown and blank.
            #expect(!trained.keepsVocabulary && trained.vocabularySize == 17)
            try training.write(trained, to: folder + "/out")
            #expect(throws: UsageError.self) { try training.write(trained, to: folder + "/out") }
            let model = try XLSRModel.load(folder + "/out", device: .simd)
            for item in files.items {
                let clip = try AudioFile.read(path: item.path)
                let heard = try model.transcribe([clip])[0].text
                #expect(heard == item.text.split(separator: "\n").joined(separator: " "))
            }
        }
    }

    @Test func trainingStopsWhenAskedAndGivesTheBestSoFar() throws {
        try withTemporaryFolder { folder in
            try Self.recordings(in: folder)
            let training = try RecognizerTraining(
                CheckpointFiles(Demo.memories(), path: "demo"), name: "demo", on: BackendRegistry.open(.simd))
            var epochs: [RecognizerTraining.Epoch] = []
            let trained = try training.trained(on: TranscribedFiles(path: folder)) { event in
                if case .epoch(let epoch) = event { epochs.append(epoch) }
            } shouldStop: {
                epochs.count == 2
            }
            #expect(trained.epochs == epochs && epochs.map(\.number) == [1, 2, 3])
            #expect(trained.heldCount == 1 && trained.fileCount == 5)
            let best = epochs.min {
                ($0.characters?.errors ?? 0, -$0.number) < ($1.characters?.errors ?? 0, -$1.number)
            }
            #expect(trained.bestEpoch == best?.number)
        }
    }

    @Test func filesThatCannotBeLearnedFromAreNamed() throws {
        try withTemporaryFolder { folder in
            try Self.recordings(in: folder)
            let name = try #require(Demo.recordingNames.first)
            try write("no audio", to: folder + "/broken.wav")
            try write("a", to: folder + "/broken.txt")
            try write(String(repeating: "ab ", count: 500), to: folder + "/" + name.replacing(".wav", with: ".txt"))
            var options = RecognizerTraining.Options()
            options.epochCount = 1
            let training = try RecognizerTraining(
                CheckpointFiles(Demo.memories(), path: "demo"), name: "demo", on: BackendRegistry.open(.simd),
                options: options)
            var failed: [String] = []
            let trained = try training.trained(on: TranscribedFiles(path: folder)) { event in
                if case .failed(let path, _) = event { failed.append(path) }
            }
            #expect(failed == ["\(folder)/broken.wav", "\(folder)/\(name)"] && trained.fileCount == 4)
            let none = TranscribedFiles([.init(path: folder + "/broken.wav", text: "a")])
            #expect(throws: UsageError.self) { try training.trained(on: none) }
        }
    }

    @Test(arguments: ["group-post", "adapter-ctc"])
    func encodersThatAdaptersDoNotStandInAreRefused(variant: String) throws {
        let files = try CheckpointFiles(folder: Golden(variant).folder)
        #expect(throws: CheckpointError.self) {
            try RecognizerTraining(files, name: variant, on: BackendRegistry.open(.simd))
        }
    }

    @Test func aLanguageIsOneThatTheCheckpointHas() throws {
        let backend = try BackendRegistry.open(.simd)
        #expect(throws: CheckpointError.self) {
            try RecognizerTraining(
                CheckpointFiles(Demo.memories(), path: "demo"), name: "demo", on: backend, language: "deu")
        }
        let golden = try CheckpointFiles(folder: Golden("language-adapters").folder)
        #expect(throws: CheckpointError.self) {
            try RecognizerTraining(golden, name: "golden", on: backend, language: "ita")
        }
        #expect(try RecognizerTraining(golden, name: "golden", on: backend, language: "fra").model.language == "fra")
    }
}

@Suite struct TranscribedFilesTests {
    @Test func tablesNameTheirColumnsOrHaveTwo() throws {
        try withTemporaryFolder { folder in
            try write("a.wav\tone two\n\nsub/b.wav\tthree\r\n", to: folder + "/plain.tsv")
            #expect(
                try TranscribedFiles(path: folder + "/plain.tsv").items == [
                    .init(path: folder + "/a.wav", text: "one two"), .init(path: folder + "/sub/b.wav", text: "three"),
                ])
            try write("client_id\tpath\tsentence\nx\t/c.mp3\tHello, you.\n", to: folder + "/named.tsv")
            #expect(
                try TranscribedFiles(path: folder + "/named.tsv").items == [.init(path: "/c.mp3", text: "Hello, you.")])
            try write("a.wav\n", to: folder + "/bad.tsv")
            #expect(throws: TextError.self) { try TranscribedFiles(path: folder + "/bad.tsv") }
        }
    }

    @Test func tablesOfCommonVoiceHaveTheirAudioInAFolder() throws {
        try withTemporaryFolder { folder in
            try FileManager.default.createDirectory(atPath: folder + "/clips", withIntermediateDirectories: true)
            try write("mp3", to: folder + "/clips/1.mp3")
            try write("path\tsentence\n1.mp3\tone\n2.mp3\ttwo\n", to: folder + "/train.tsv")
            #expect(
                try TranscribedFiles(path: folder + "/train.tsv").items.map(\.path)
                    == [folder + "/clips/1.mp3", folder + "/clips/2.mp3"])
        }
    }

    @Test func foldersHaveATextBesideEachAudio() throws {
        try withTemporaryFolder { folder in
            #expect(throws: TextError.self) { try TranscribedFiles(path: folder) }
            try write("audio", to: folder + "/a.b.wav")
            #expect(throws: TextError.self) { try TranscribedFiles(path: folder) }
            try write("text", to: folder + "/a.b.txt")
            #expect(
                try TranscribedFiles(path: folder + "/").items == [.init(path: folder + "/a.b.wav", text: "text")])
        }
    }
}

@Suite struct CTCLossTests {
    /// By adding up all paths.
    private static func expected(_ logits: [Double], _ vocabulary: Int, _ tokens: [Int]) -> Double {
        let frames = logits.count / vocabulary
        let shares = (0..<frames).map { frame -> [Double] in
            let row = logits[frame * vocabulary..<(frame + 1) * vocabulary].map { exp($0) }
            return row.map { $0 / row.reduce(0, +) }
        }
        var sum = 0.0
        var path = [Int](repeating: 0, count: frames)
        while true {
            let changes = path.indices.filter { $0 == 0 || path[$0] != path[$0 - 1] }.map { path[$0] }
            if changes.filter({ $0 != 1 }) == tokens {
                sum += path.indices.reduce(1) { $0 * shares[$1][path[$1]] }
            }
            guard let place = path.indices.last(where: { path[$0] < vocabulary - 1 }) else { return -log(sum) }
            path[place] += 1
            for later in path.indices where later > place { path[later] = 0 }
        }
    }

    @Test(arguments: [([Int](), 3), ([0], 1), ([2], 4), ([0, 2], 5), ([2, 2], 3), ([0, 0, 2], 6)])
    func itIsTheSumOfAllPathsAndItsGradientThatOfDifferences(tokens: [Int], frames: Int) {
        var random = RandomSource(seed: UInt64(frames))
        let logits = random.floats(3 * frames, scale: 2)
        let loss = CTCLoss(logits: logits[...], vocabularySize: 3, tokens: tokens, blank: 1)
        let exact = logits.map(Double.init)
        #expect((loss.value - Self.expected(exact, 3, tokens)).magnitude < 1e-9)
        for index in exact.indices {
            let (above, below) = [1e-4, -1e-4].map { step -> Double in
                var moved = exact
                moved[index] += step
                return Self.expected(moved, 3, tokens)
            }.pair
            #expect((Double(loss.gradient[index]) - (above - below) / 2e-4).magnitude < 1e-6)
        }
        #expect(CTCLoss.frameCount(for: tokens) <= frames)
    }
}

extension [Double] {
    fileprivate var pair: (Double, Double) { (self[0], self[1]) }
}
