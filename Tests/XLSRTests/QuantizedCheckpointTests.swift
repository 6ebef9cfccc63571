import Backends
import Conformance
import TensorEngine
import Testing
import XLSR

/// Checkpoints that `xlsr convert --precision int8` writes.
@Suite struct QuantizedCheckpointTests {
    private static let matrix = "wav2vec2.encoder.layers.1.attention.k_proj.weight"

    /// Calls `body` with the folder of a golden in int8.
    private func quantized<Result>(
        _ source: String, to dtype: DType = .int8, _ body: (String) throws -> Result
    ) throws -> Result {
        try withTemporaryFolder { folder in
            try CheckpointConverter.convert(CheckpointFiles(folder: source), to: dtype, folder: folder + "/int8")
            return try body(folder + "/int8")
        }
    }

    private func outputs(_ model: XLSRModel, _ golden: Golden) throws -> [[Float]] {
        let clips = try (0..<golden.inputCount).map { try golden.clip($0, model) }
        let output = try model.outputs(of: clips)
        return try [output.states.floats()] + output.head.map { try $0.tensor.floats() }
    }

    /// A device of each family: every instruction set packs.
    private static let devices = GoldenDevices.all.filter { !$0.description.hasPrefix("opencl ") }

    @Test(arguments: Golden.variants)
    func aModelOfItIsThatOfTheOriginalAtInt8ToTheLastBit(variant: String) throws {
        let golden = try Golden(variant)
        try quantized(golden.folder) { folder in
            for device in Self.devices {
                let original = try XLSRModel.load(golden.folder, on: device.backend, precision: .int8)
                let model = try XLSRModel.load(folder, on: device.backend, precision: .int8)
                #expect(try outputs(model, golden) == outputs(original, golden), "\(device)")
            }
        }
    }

    @Test(arguments: Golden.variants)
    func theLayersMatricesAreInt8AndAllElseStaysAsItIs(variant: String) throws {
        let golden = try Golden(variant)
        let before = try CheckpointTensors(opening: golden.folder)
        try quantized(golden.folder) { folder in
            let after = try CheckpointTensors(opening: folder)
            let names = after.names.filter { !after.isScale($0) }
            #expect(names == before.names)
            let integers = try names.filter { try after.tensor(named: $0).dtype == .int8 }
            let layers = try XLSRModel.configuration(CheckpointFiles(folder: folder)).layerCount
            #expect(integers.count == 6 * layers && after.names.count == names.count + integers.count)
            for name in names where !integers.contains(name) {
                let (new, old) = (try after.tensor(named: name), try before.tensor(named: name))
                #expect(new.dtype == old.dtype && new.floats() == old.floats(), "\(name)")
            }
            let fields = try JSON(
                parsing: #require(try CheckpointFiles(folder: folder).contents(of: "config.json")), path: folder)
            let quantization = fields["quantization_config"]
            #expect(quantization?["quant_method"]?.string == "compressed-tensors")
            let modules = quantization?["config_groups"]?["group_0"]?["targets"]?.array?.compactMap(\.string)
            #expect(modules?.map { $0 + ".weight" } == integers)
        }
    }

    /// Within half a step of the original, by scales that are the largest number of a row / 127.
    @Test func integersTimesScalesAreTheNearestNumbers() throws {
        let golden = try Golden("layer-stable")
        let original = try CheckpointTensors(opening: golden.folder).tensor(named: Self.matrix)
        try quantized(golden.folder) { folder in
            let tensors = try CheckpointTensors(opening: folder)
            let integers = try tensors.tensor(named: Self.matrix)
            let scales = try tensors.tensor(named: Self.matrix + "_scale")
            #expect(integers.shape == original.shape && scales.shape == [original.shape[0], 1])
            let (values, steps, exact) = (integers.floats(), scales.floats(), original.floats())
            let columns = original.shape[1]
            for (row, step) in steps.enumerated() {
                let range = row * columns..<(row + 1) * columns
                #expect(step == exact[range].reduce(0) { max($0, $1.magnitude) } * (1 / 127))
                #expect(values[range].contains { $0.magnitude == 127 } && !values[range].contains(-128))
                #expect(range.allSatisfy { (values[$0] * step - exact[$0]).magnitude <= 0.5001 * step })
            }
        }
    }

    @Test(arguments: [DType.float32, .bfloat16])
    func itLoadsAndConvertsAtOtherPrecisionsAsItsProducts(dtype: DType) throws {
        let golden = try Golden("sharded")
        let backend = try BackendRegistry.open(.simd)
        try quantized(golden.folder) { folder in
            let model = try XLSRModel.load(folder, on: backend, precision: Precision(weights: dtype))
            try quantized(folder, to: .float32) { plain in
                let tensors = try CheckpointTensors(opening: plain)
                #expect(tensors.names == (try CheckpointTensors(opening: golden.folder).names))
                let fields = try JSON(
                    parsing: #require(try CheckpointFiles(folder: plain).contents(of: "config.json")), path: plain)
                #expect(fields["quantization_config"] == nil && fields["dtype"]?.string == "float32")
                let copy = try XLSRModel.load(plain, on: backend, precision: Precision(weights: dtype))
                #expect(try outputs(copy, golden) == outputs(model, golden))
            }
        }
    }

    @Test func whatIsInt8AlreadyIsCopied() throws {
        try quantized(Golden("layer-stable").folder) { folder in
            try quantized(folder) { again in
                let files = try [folder, again].map { try MappedFile(path: $0 + "/model.safetensors") }
                #expect(try files[0].contents(limit: 1 << 24, path: "") == files[1].contents(limit: 1 << 24, path: ""))
            }
        }
    }

    @Test(arguments: TranslationFixture.names)
    func aTiedEmbeddingStaysAndTranslationsAreTheSame(name: String) throws {
        let (source, backend) = (TranslationFixture.folder + "/" + name, try BackendRegistry.open(.simd))
        try quantized(source) { folder in
            let tensors = try CheckpointTensors(opening: folder)
            let integers = try tensors.names.filter { try tensors.tensor(named: $0).dtype == .int8 }
            let decoder = try #require(try TranslationConfiguration(CheckpointFiles(folder: folder))?.decoder)
            #expect(integers.count { $0.hasPrefix("decoder.model.decoder.layers.") } == 10 * decoder.layerCount)
            #expect(integers.contains("decoder.lm_head.weight") == !decoder.tiesEmbeddings)
            #expect(!integers.contains { $0.contains("embed_") })
            let samples = try TranslationFixture.clip(0).samples
            let scores = try [source, folder].map {
                try XLSRModel.load($0, on: backend, precision: .int8).decoderLogits(of: samples, tokens: [2, 5, 7])
                    .logits
            }
            #expect(scores[0] == scores[1])
        }
    }

    // MARK: Broken ones

    private func error(_ change: (inout [(name: String, array: HostArray)]) -> Void) throws -> CheckpointError? {
        try quantized(Golden("layer-stable").folder) { folder in
            let checkpoint = try CheckpointTensors(opening: folder)
            var tensors = try checkpoint.names.map { (name: $0, array: try checkpoint.tensor(named: $0)) }
            change(&tensors)
            try SafetensorsWriter.write(tensors, to: folder + "/model.safetensors")
            let backend = try BackendRegistry.open(.simd)
            for precision in [Precision.int8, .float32] {
                #expect(throws: CheckpointError.self) { try XLSRModel.load(folder, on: backend, precision: precision) }
            }
            return #expect(throws: CheckpointError.self) {
                try XLSRModel.load(folder, on: backend, precision: .int8)
            }
        }
    }

    @Test func aMissingOrWrongScaleIsNamed() throws {
        let scale = Self.matrix + "_scale"
        let missing = try error { $0.removeAll { $0.name == scale } }
        #expect(missing?.kind == .weights && missing?.detail.contains("no \(scale) [") == true, "\(missing as Any)")
        func replaced(_ values: (HostArray) -> HostArray) throws -> CheckpointError? {
            try error { tensors in
                tensors = tensors.map { $0.name == scale ? ($0.name, values($0.array)) : $0 }
            }
        }
        let wrong: [(HostArray) -> HostArray] = [
            { HostArray($0.floats(), shape: [1, $0.shape[0]]) }, { _ in HostArray([Float(1)], shape: [1]) },
            { HostArray([Int32](repeating: 1, count: $0.shape[0]), shape: $0.shape) },
            { HostArray($0.floats().dropLast() + [.nan], shape: $0.shape) },
            { HostArray($0.floats().dropLast() + [.infinity], shape: $0.shape) },
            { HostArray($0.floats().dropLast() + [-1], shape: $0.shape) },
        ]
        for change in wrong {
            let error = try replaced(change)
            #expect(error?.kind == .weights && error?.detail.contains(scale) == true, "\(error as Any)")
        }
    }

    @Test func whatCannotBeQuantisedLeavesNoCheckpoint() throws {
        let files = try CheckpointFiles(folder: Golden("layer-stable").folder)
        let checkpoint = try CheckpointTensors(files)
        let tensors = try checkpoint.names.map { name in
            let array = try checkpoint.tensor(named: name)
            guard name == Self.matrix else { return (name: name, array: array) }
            return (name: name, array: HostArray(array.floats().dropLast() + [.infinity], shape: array.shape))
        }
        try withTemporaryFolder { folder in
            try SafetensorsWriter.write(tensors, to: folder + "/model.safetensors")
            let changed = CheckpointFiles(
                [
                    "model.safetensors": try MappedFile(path: folder + "/model.safetensors"),
                    "config.json": ArrayMemory(try #require(try files.contents(of: "config.json"))),
                ], path: "changed")
            let error = #expect(throws: CheckpointError.self) {
                try CheckpointConverter.convert(changed, to: .int8, folder: folder + "/out")
            }
            #expect(error?.detail.contains(Self.matrix) == true)
            #expect(throws: CheckpointError.self) { try CheckpointFiles(folder: folder + "/out") }
        }
    }

    @Test(.timeLimit(.minutes(15)))
    func mutatedScalesEndInErrorsOrModels() throws {
        try quantized(Golden("layer-stable").folder) { folder in
            let checkpoint = try CheckpointTensors(opening: folder)
            let tensors = try checkpoint.names.map { (name: $0, array: try checkpoint.tensor(named: $0)) }
            let backend = try BackendRegistry.open(.simd)
            var random = RandomSource(seed: 12)
            var (loaded, refused) = (0, 0)
            for _ in 0..<60 {
                let mutants = tensors.map { name, array in
                    guard name == Self.matrix + "_scale" else { return (name: name, array: array) }
                    let bytes = mutated(array.withUnsafeBytes { Array($0) }, &random)
                    let count = bytes.count / 4
                    return (
                        name: name,
                        array: HostArray(
                            shape: [count, 1], dtype: .float32, memory: ArrayMemory(bytes), byteRange: 0..<4 * count)
                    )
                }
                try SafetensorsWriter.write(mutants, to: folder + "/model.safetensors")
                do {
                    _ = try XLSRModel.load(folder, on: backend, precision: .int8)
                    loaded += 1
                } catch let error as CheckpointError {
                    #expect(error.detail.contains(Self.matrix + "_scale"))
                    refused += 1
                }
            }
            #expect(loaded > 5 && refused > 5, "\(loaded) loaded, \(refused) refused: both sides must be met")
        }
    }
}
