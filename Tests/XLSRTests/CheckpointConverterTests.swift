import Backends
import FoundationEssentials
import TensorEngine
import Testing
import XLSR

@Suite struct CheckpointConverterTests {
    @Test(arguments: [DType.bfloat16, .float16, .float32], ["layer-stable", "bin-legacy", "sharded"])
    func aConvertedCheckpointHasTheRoundedNumbers(dtype: DType, variant: String) throws {
        let golden = try Golden(variant)
        let backend = try BackendRegistry.open(.simd)
        try withTemporaryFolder { folder in
            let out = folder + "/out"
            try CheckpointConverter.convert(CheckpointFiles(folder: golden.folder), to: dtype, folder: out)
            let before = try CheckpointTensors(opening: golden.folder)
            let after = try CheckpointTensors(opening: out)
            #expect(after.names == before.names)
            for name in before.names {
                let array = try after.tensor(named: name)
                #expect(array.dtype == dtype && array.shape == before.shape(of: name))
                let rounded = try Tensor(
                    HostArray(before.tensor(named: name).floats(), shape: array.shape), on: backend
                )
                .converted(to: dtype).floats()
                #expect(array.floats() == rounded, "\(name)")
            }
            let model = try XLSRModel.load(out, on: backend)
            let text = try model.transcribe([golden.clip(2, model)])[0].text
            if dtype != .bfloat16 { #expect(text == golden.metadata["text.2"]) }
            let configuration = try #require(try CheckpointFiles(folder: out).contents(of: "config.json"))
            let fields = try JSON(parsing: configuration, path: out)
            #expect(fields["dtype"]?.string?.contains("float") == true && fields["torch_dtype"] == nil)
        }
    }

    @Test func theLanguageModelComesAlongAndAnEmptyFileStaysOne() throws {
        let manager = FileManager.default
        try withTemporaryFolder { folder in
            let (source, out) = (folder + "/source", folder + "/out")
            try manager.copyItem(atPath: Golden("layer-stable").folder, toPath: source)
            try manager.createDirectory(atPath: source + "/language_model", withIntermediateDirectories: true)
            let texts = [
                "README.md": "", "alphabet.json": "{}", "language_model/attrs.json": "{}",
                "language_model/unigrams.txt": "", "language_model/3gram.arpa": "arpa",
            ]
            for (name, text) in texts { try write(text, to: "\(source)/\(name)") }
            var progress = 0
            try XLSRModel.convert(source, to: .bfloat16, folder: out) { done, _ in progress = done }
            #expect(progress > 0)
            for (name, text) in texts {
                #expect(try String(contentsOfFile: "\(out)/\(name)", encoding: .utf8) == text, "\(name)")
            }
        }
    }

    @Test func aFolderWithFilesIsLeftAlone() throws {
        let files = try CheckpointFiles(folder: Golden("layer-stable").folder)
        try withTemporaryFolder { folder in
            try write("mine", to: folder + "/notes.txt")
            #expect(throws: UsageError.self) { try CheckpointConverter.convert(files, to: .float16, folder: folder) }
            #expect(throws: UsageError.self) {
                try CheckpointConverter.convert(files, to: .int32, folder: folder + "/o")
            }
            #expect(try CheckpointFiles(folder: folder).contents(of: "notes.txt") == Array("mine".utf8))
            #expect(try CheckpointFiles(folder: folder).contents(of: "config.json") == nil)
        }
    }

    @Test(arguments: [false, true]) func aConversionThatFailsLeavesNothing(folderIsThere: Bool) throws {
        let manager = FileManager.default
        try withTemporaryFolder { folder in
            let (source, out) = (folder + "/source", folder + "/out")
            try manager.createDirectory(atPath: source, withIntermediateDirectories: true)
            for name in ["config.json", "model.safetensors"] {
                try manager.createSymbolicLink(
                    atPath: "\(source)/\(name)", withDestinationPath: "\(Golden("layer-stable").folder)/\(name)")
            }
            try write("version https://git-lfs.github.com/spec/v1", to: source + "/vocab.json")
            if folderIsThere { try manager.createDirectory(atPath: out, withIntermediateDirectories: true) }
            #expect(throws: CheckpointError.self) {
                try CheckpointConverter.convert(CheckpointFiles(folder: source), to: .bfloat16, folder: out)
            }
            #expect(
                try manager.contentsOfDirectory(atPath: folder).sorted()
                    == (folderIsThere ? ["out", "source"] : ["source"]))
            if folderIsThere { #expect(try manager.contentsOfDirectory(atPath: out).isEmpty) }
        }
    }
}
