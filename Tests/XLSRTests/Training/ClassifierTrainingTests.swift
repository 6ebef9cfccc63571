import Backends
import FoundationEssentials
import Glibc
import TensorEngine
import Testing
import XLSR

@Suite struct ClassifierTrainingTests {
    private static let pitches = ["high": 1_500.0, "low": 150, "mid": 500]

    /// A tone, by `index` longer and higher, with its second harmonic.
    private static func tone(_ label: String, _ index: Int) -> AudioClip {
        let pitch = (pitches[label] ?? 0) * (1 + 0.04 * Double(index))
        let samples = (0..<6_000 + 700 * index).map { place in
            let phase = 2 * Double.pi * pitch * Double(place) / 16_000
            return Float(0.3 * sin(phase) + 0.1 * sin(2 * phase + Double(index)))
        }
        return AudioClip(samples: samples, sampleRate: 16_000)
    }

    /// A folder with a folder for each label.
    private static func writeTones(_ count: Int, to folder: String) throws -> LabelledFiles {
        for label in pitches.keys {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(label)", withIntermediateDirectories: true)
            for index in 0..<count {
                let samples = tone(label, index).samples.flatMap { little(Int16($0 * 32_767)) }
                try write(WAVBuilder(data: samples).bytes, to: "\(folder)/\(label)/\(index).wav")
            }
        }
        return try LabelledFiles(path: folder)
    }

    /// `[states][channels]`: the means over a clip's frames.
    private static func means(_ clip: AudioClip, _ model: XLSRModel) throws -> [[Double]] {
        let taps = Taps { $0.hasPrefix("hidden_states.") }
        _ = try model.outputs(of: [clip], taps: taps)
        return try taps.records.dropLast().map { record in
            let (values, channels) = (try record.tensor.floats(), record.tensor.shape[1])
            return (0..<channels).map { channel in
                stride(from: channel, to: values.count, by: channels).reduce(0) { $0 + Double(values[$1]) }
                    / Double(values.count / channels)
            }
        }
    }

    @Test func whatWasLearnedTellsOtherAudioApart() throws {
        let model = try XLSRModel.demo(device: .simd)
        try withTemporaryFolder { folder in
            let files = try Self.writeTones(7, to: folder + "/data")
            #expect(files.labels == ["high", "low", "mid"] && files.items.count == 21)
            var (heard, fitted) = (0, 0)
            let classifier = try model.trainedClassifier(on: files) { event in
                switch event {
                case .heard(let done, let total): (heard, _) = (done, #expect(total == 21))
                case .fitted(let done, let total): (fitted, _) = (done, #expect(total == 31))
                case .failed(let path, let error): Issue.record("\(path): \(error)")
                }
            }
            #expect(heard == 21 && fitted == 31)
            let evaluation = try #require(classifier.evaluation)
            #expect(evaluation.fileCount == 21 && evaluation.accuracy > 0.9 && evaluation.foldCount == 5)
            #expect(abs(classifier.layerShares.reduce(0, +) - 1) < 1e-5)

            try model.write(classifier, to: folder + "/out")
            #expect(throws: UsageError.self) { try model.write(classifier, to: folder + "/out") }
            let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/out").sorted()
            #expect(names == ["config.json", "model.safetensors", "preprocessor_config.json"])
            let trained = try XLSRModel.load(folder + "/out", device: .simd)
            #expect(trained.configuration.labels == files.labels && trained.configuration.layerSum != nil)
            for (label, index) in [("low", 3), ("mid", 8), ("high", 5)] {
                let clip = Self.tone(label, index)
                let best = try trained.classify(clip.samples, sampleRate: clip.sampleRate)
                #expect(best.first?.label == label)
            }
            // A classifier may take the place of another one, too; and the same files give the same one.
            let again = try trained.trainedClassifier(on: files)
            try trained.write(again, to: folder + "/again")
            let bytes = try ["out", "again"].map {
                try Data(contentsOf: URL(filePath: "\(folder)/\($0)/model.safetensors"))
            }
            #expect(bytes[0] == bytes[1])
        }
    }

    /// The loss by its definition, in float64: no step from what was written makes it smaller.
    @Test func whatIsWrittenIsAMinimumOfTheLoss() throws {
        let model = try XLSRModel.demo(device: .simd)
        try withTemporaryFolder { folder in
            let files = try Self.writeTones(4, to: folder + "/data")
            let classifier = try model.trainedClassifier(on: files)
            try model.write(classifier, to: folder + "/out")
            let written = try CheckpointTensors(opening: folder + "/out")
            func numbers(_ name: String) throws -> [Double] {
                try written.tensor(named: name).floats().map(Double.init)
            }
            let examples = try files.items.map { item in
                (
                    means: try Self.means(AudioFile.read(path: item.path, sampleRate: 16_000), model),
                    label: try #require(files.labels.firstIndex(of: item.label))
                )
            }
            let (states, channels) = (examples[0].means.count, examples[0].means[0].count)
            let layers = try numbers("layer_weights")
            #expect(layers.count == states + 1 && layers.last == -10_000)
            func average(_ means: [[Double]], _ shares: [Double]) -> [Double] {
                (0..<channels).map { channel in zip(shares, means).reduce(0) { $0 + $1.0 * $1.1[channel] } }
            }
            let plain = examples.map { average($0.means, [Double](repeating: 1 / Double(states), count: states)) }
            let deviations = (0..<channels).map { channel in
                let mean = plain.reduce(0) { $0 + $1[channel] } / Double(plain.count)
                return (plain.reduce(0) { $0 + ($1[channel] - mean) * ($1[channel] - mean) } / Double(plain.count))
                    .squareRoot()
            }
            // Layers, then a row of weights and a bias for each label.
            func loss(_ point: [Double]) -> Double {
                let logits = point[..<states].map { exp($0) }
                let shares = logits.map { $0 / logits.reduce(0, +) }
                var sum = 0.0
                for example in examples {
                    let x = average(example.means, shares)
                    let scores = (0..<3).map { label in
                        let row = states + label * (channels + 1)
                        return (0..<channels).reduce(point[row + channels]) { $0 + point[row + $1] * x[$1] }
                    }
                    sum += log(scores.reduce(0) { $0 + exp($1 - scores[example.label]) }) / Double(examples.count)
                }
                var squares = point[..<states].reduce(0) { $0 + $1 * $1 }
                for label in 0..<3 {
                    for channel in 0..<channels {
                        let weight = point[states + label * (channels + 1) + channel] * deviations[channel]
                        squares += weight * weight
                    }
                }
                return sum + classifier.penalty / 2 * squares
            }
            let (weights, biases) = (try numbers("projector.weight"), try numbers("projector.bias"))
            var point = Array(layers[..<states])
            for label in 0..<3 { point += weights[label * channels..<(label + 1) * channels] + [biases[label]] }
            let least = loss(point)
            #expect(least < log(3) && least > 0)
            for direction in 0..<20 {
                func step(_ size: Double) -> Double {
                    loss(
                        point.enumerated().map { index, value in
                            let channel = index < states ? channels : (index - states) % (channels + 1)
                            let unit = channel < channels ? deviations[channel] : 1
                            return value + size * sin(Double(1 + index * (direction + 1))) / unit
                        })
                }
                #expect(abs(step(1e-3) - step(-1e-3)) < 2e-3 * 2e-4)
                #expect(step(0.3) > least && step(-0.3) > least)
            }
        }
    }

    @Test func filesForValidationDecideAndBrokenOnesAreNamed() throws {
        let model = try XLSRModel.demo(device: .simd)
        try withTemporaryFolder { folder in
            let files = try Self.writeTones(3, to: folder + "/data")
            try write("no audio", to: folder + "/data/low/broken.wav")
            let validation = LabelledFiles([
                .init(path: folder + "/data/mid/1.wav", label: "mid"), .init(path: folder + "/none.wav", label: "low"),
            ])
            var failed: [String] = []
            let classifier = try model.trainedClassifier(
                on: LabelledFiles(path: folder + "/data"), validation: validation
            ) { if case .failed(let path, _) = $0 { failed.append(path) } }
            #expect(Set(failed) == [folder + "/data/low/broken.wav", folder + "/none.wav"])
            let evaluation = try #require(classifier.evaluation)
            #expect(evaluation.foldCount == nil && evaluation.fileCount == 1 && evaluation.rightCount == 1)
            // One file a label: nothing to hold out.
            let few = LabelledFiles(files.items.filter { $0.path.hasSuffix("/0.wav") })
            #expect(try model.trainedClassifier(on: few).evaluation == nil)

            let one = LabelledFiles(files.items.filter { $0.label == "mid" })
            #expect(throws: UsageError.self) { try model.trainedClassifier(on: one) }
            let other = LabelledFiles([.init(path: folder + "/data/mid/1.wav", label: "other")])
            #expect(throws: UsageError.self) { try model.trainedClassifier(on: files, validation: other) }
            let unusable = LabelledFiles(files.items + [.init(path: folder + "/none.wav", label: "other")])
            #expect(throws: UsageError.self) { try model.trainedClassifier(on: unusable) }
        }
    }

    /// Bare encoders, group norm, and heads of other kinds.
    @Test(arguments: ["headless", "group-post", "pretraining", "frames-sum", "bin-legacy"])
    func anyEncoderWillDo(variant: String) throws {
        let golden = try Golden(variant)
        try withTemporaryFolder { folder in
            let files = try Self.writeTones(2, to: folder + "/data")
            let model = try XLSRModel.load(golden.folder, device: .simd)
            try model.write(model.trainedClassifier(on: files), to: folder + "/out")
            let trained = try XLSRModel.load(folder + "/out", device: .simd)
            let clip = Self.tone("low", 1)
            #expect(try trained.classify(clip.samples, sampleRate: 16_000).first?.label == "low")
        }
    }

    /// What transformers 5 writes instead of preprocessor_config.json.
    @Test func theSettingsOfAProcessorStay() throws {
        let settings = #"{"feature_extractor": {"do_normalize": false, "sampling_rate": 16000}}"#
        try withTemporaryFolder { folder in
            let source = folder + "/source"
            try FileManager.default.copyItem(atPath: Golden("headless").folder, toPath: source)
            _ = unlink(source + "/preprocessor_config.json")
            try write(settings, to: source + "/processor_config.json")
            let model = try XLSRModel.load(source, device: .simd)
            try model.write(model.trainedClassifier(on: Self.writeTones(2, to: folder + "/data")), to: folder + "/out")
            let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/out").sorted()
            #expect(names == ["config.json", "model.safetensors", "processor_config.json"])
            let written = try Data(contentsOf: URL(filePath: folder + "/out/processor_config.json"))
            #expect(String(decoding: written, as: UTF8.self) == settings)
        }
    }

    @Test func anEncoderWithAConvolutionalAdapterIsRefused() throws {
        let model = try XLSRModel.load(Golden("adapter").folder, device: .simd)
        let files = LabelledFiles([.init(path: "a.wav", label: "a"), .init(path: "b.wav", label: "b")])
        #expect(throws: CheckpointError.self) { try model.trainedClassifier(on: files) }
    }

    @Test func foldersAreLabelsWhateverElseIsInThem() throws {
        try withTemporaryFolder { folder in
            let manager = FileManager.default
            for name in ["data/a/inner", "data/empty", "data/.git", "elsewhere"] {
                try manager.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
            }
            try manager.createSymbolicLink(atPath: folder + "/data/b", withDestinationPath: folder + "/elsewhere")
            try manager.createSymbolicLink(
                atPath: folder + "/data/a/inner/round", withDestinationPath: folder + "/none")
            for name in ["a/2.WAV", "a/inner/1.mp3", "a/.3.wav", "a/1.txt", "a/wav", ".git/1.wav", "1.wav", "b/1.flac"]
            {
                try write("", to: "\(folder)/data/\(name)")
            }
            let files = try LabelledFiles(path: folder + "/data")
            #expect(
                files.items.map { $0.label + $0.path.dropFirst(folder.count) } == [
                    "a/data/a/2.WAV", "a/data/a/inner/1.mp3", "b/data/b/1.flac",
                ])
            try manager.createSymbolicLink(
                atPath: folder + "/data/a/inner/again", withDestinationPath: folder + "/data/a")
            #expect(try LabelledFiles(path: folder + "/data").items == files.items)
        }
    }

    @Test func tablesNameFilesBesideThem() throws {
        try withTemporaryFolder { folder in
            let table = folder + "/table.tsv"
            try write("a.wav\tx\n\n/b c.wav\ty\n", to: table)
            #expect(
                try LabelledFiles(path: table).items == [
                    .init(path: folder + "/a.wav", label: "x"), .init(path: "/b c.wav", label: "y"),
                ])
            try write("id\tlabel\tpath\n1\tx\tsub/a.wav\n", to: table)
            #expect(try LabelledFiles(path: table).items == [.init(path: folder + "/sub/a.wav", label: "x")])
            for text in ["a.wav\n", "a.wav\t\n", "\tx\n", "", "path\tlabel\n"] {
                try write(text, to: table)
                #expect(throws: TextError.self) { try LabelledFiles(path: table) }
            }
            #expect(throws: TextError.self) { try LabelledFiles(path: folder) }
            #expect(throws: TextError.self) { try LabelledFiles(path: folder + "/none") }
        }
    }
}
