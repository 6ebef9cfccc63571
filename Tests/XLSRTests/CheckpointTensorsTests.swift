import FoundationEssentials
import Glibc
import TensorEngine
import Testing
import XLSR

@Suite struct CheckpointTensorsTests {
    private let single = #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#

    private func open(_ files: [String: [UInt8]]) throws -> CheckpointTensors {
        try CheckpointTensors(CheckpointFiles(files.mapValues(ArrayMemory.init), path: "memory"))
    }

    @Test func shardsMakeOneListOfTensors() throws {
        let folder = WeightsFixture.path("sharded")
        let tensors = try CheckpointTensors(opening: folder)
        #expect(tensors.names == ["a", "b"])
        #expect(try tensors.tensor(named: "a").floats() == WeightsFixture.ramp(6))
        #expect(try tensors.tensor(named: "b").floats() == WeightsFixture.ramp(4))
        #expect(tensors.shape(of: "a") == [2, 3] && tensors.shape(of: "c") == nil)
        #expect(tensors.origin(of: "b") == folder + "/model-00002-of-00002.safetensors")
        #expect(throws: CheckpointError.self) { try tensors.tensor(named: "c") }
    }

    @Test func shardsOfTorchFilesWorkFromMemory() throws {
        let tensors = try open([
            "pytorch_model.bin.index.json": Array(#"{"weight_map": {"weight": "x.bin", "half": "y.bin"}}"#.utf8),
            "x.bin": WeightsFixture.bytes("nested.bin"), "y.bin": WeightsFixture.bytes("zip.bin"),
        ])
        #expect(tensors.names == ["half", "weight"], "only what the index lists")
        #expect(try tensors.tensor(named: "weight").floats() == WeightsFixture.ramp(6))
        #expect(try tensors.tensor(named: "half").floats() == WeightsFixture.ramp(10))
    }

    @Test func safetensorsComesBeforeTorchFiles() throws {
        let files = [
            "model.safetensors": safetensors(header: single, data: 4),
            "pytorch_model.bin": try WeightsFixture.bytes("nested.bin"),
        ]
        #expect(try open(files).names == ["a"])
        #expect(try open(["pytorch_model.bin": WeightsFixture.bytes("nested.bin")]).names == ["weight"])
    }

    @Test func aSingleFileOpensByItself() throws {
        #expect(try CheckpointTensors(opening: WeightsFixture.path("nested.bin")).names == ["weight"])
        #expect(try CheckpointTensors(opening: WeightsFixture.path("single.safetensors")).names.count == 8)
    }

    @Test(arguments: ["../model.safetensors", "/etc/passwd", "sub/model.safetensors", "..", "", "a\\u0000b"])
    func shardNamesStayInsideTheFolder(name: String) throws {
        let error = #expect(throws: CheckpointError.self) {
            try open(["model.safetensors.index.json": Array(#"{"weight_map": {"a": "\#(name)"}}"#.utf8)])
        }
        #expect(error?.kind == .refused)
    }

    @Test func brokenIndexesAreErrors() throws {
        let shard = safetensors(header: single, data: 4)
        for (index, expected) in [
            ("[]", "weight_map"), ("{", "weight_map"), (#"{"weight_map": {"a": 3}}"#, "weight_map"),
            (#"{"weight_map": {"b": "x.safetensors"}}"#, "lacks b"),
            (#"{"weight_map": {"a": "y.safetensors"}}"#, "y.safetensors: no such file"),
        ] {
            let error = #expect(throws: CheckpointError.self) {
                try open(["model.safetensors.index.json": Array(index.utf8), "x.safetensors": shard])
            }
            #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
        }
    }

    @Test func whatIsMissingIsSaid() throws {
        try withTemporaryFolder { folder in
            let empty = #expect(throws: CheckpointError.self) { try CheckpointTensors(opening: folder) }
            #expect(empty?.kind == .missingFile && empty?.description.contains("pytorch_model.bin.index.json") == true)
            let absent = #expect(throws: CheckpointError.self) { try CheckpointTensors(opening: folder + "/absent") }
            #expect(absent?.description == "\(folder)/absent: no such file")
            #expect(throws: CheckpointError.self) { try CheckpointFiles(folder: folder + "/absent") }

            try write(
                Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8),
                to: folder + "/model.safetensors")
            let pointer = #expect(throws: CheckpointError.self) { try CheckpointTensors(opening: folder) }
            #expect(pointer?.description.contains("git lfs pull") == true)
        }
    }

    @Test func smallFilesAreReadUpToALimit() throws {
        let files = CheckpointFiles(["config.json": ArrayMemory([1, 2, 3])], path: "memory")
        #expect(try files.contents(of: "config.json") == [1, 2, 3])
        #expect(try files.contents(of: "vocab.json") == nil)
        #expect(throws: CheckpointError.self) { try files.contents(of: "config.json", limit: 2) }
    }

    @Test func filesThatCannotBeMappedAreErrors() throws {
        try withTemporaryFolder { folder in
            try write([], to: folder + "/empty")
            try #require(mkfifo(folder + "/pipe", 0o600) == 0)
            for (name, expected) in [
                ("empty", "empty"), ("absent", "no such file"), ("pipe", "regular"), ("", "folder"),
            ] {
                let error = #expect(throws: CheckpointError.self) { try MappedFile(path: "\(folder)/\(name)") }
                #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
            }
            try write([1], to: folder + "/secret")
            try #require(chmod(folder + "/secret", 0) == 0)
            // The superuser may read everything.
            guard geteuid() != 0 else { return }
            #expect(throws: CheckpointError.self) { try MappedFile(path: folder + "/secret") }
        }
    }

    @Test func discardedPagesAreReadAgain() throws {
        try withTemporaryFolder { folder in
            let content = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
            try write(content, to: folder + "/file")
            let file = try MappedFile(path: folder + "/file")
            #expect(file.byteCount == content.count)
            for range in [0..<50_000, 1..<49_999, 5..<6, 4096..<8192, -5..<100_000, 60_000..<70_000] {
                file.discardResidentPages(in: range)
                #expect(file.withUnsafeBytes { $0.elementsEqual(content) })
            }
            #expect(try CheckpointFiles(folder: folder).contents(of: "file") == content)
        }
    }
}
