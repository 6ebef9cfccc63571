import FoundationEssentials
import TensorEngine
import Testing
import XLSR

@Suite struct TorchFileTests {
    @Test(arguments: ["zip.bin", "legacy.bin"])
    func readsBothLayoutsOfTorchSave(name: String) throws {
        let memory = try MappedFile(path: WeightsFixture.path(name))
        let file = try TorchFile(memory, path: name)
        let expected: [(String, Shape, DType)] = [
            ("weight", [3, 4], .float32), ("bias", [3], .float32), ("parameter", [2, 3], .float32),
            ("half", [2, 5], .float16), ("bfloat16", [2, 5], .bfloat16), ("double", [5], .float32),
            ("transposed", [4, 3], .float32), ("permuted", [2, 3, 4], .float32), ("shared.all", [6, 4], .float32),
            ("shared.none", [0, 4], .float32), ("scalar", [], .float32), ("empty", [0, 4], .float32),
        ]
        for (name, shape, dtype) in expected {
            let array = try file.tensor(named: name)
            #expect(array.shape == shape && file.shape(of: name) == shape && array.dtype == dtype, "\(name)")
            #expect(array.floats() == WeightsFixture.ramp(shape.count), "\(name)")
        }
        for (name, dtype) in [("int8", DType.int8), ("int32", .int32), ("int64", .int32)] {
            let array = try file.tensor(named: name)
            #expect(array.dtype == dtype && array.floats() == [0, 1, 2, 3, 4])
        }
        #expect(try file.tensor(named: "shared.rows").floats() == Array(WeightsFixture.ramp(24)[12..<20]))
        #expect(try file.tensor(named: "shared.column").floats() == [0.25, 1.25, 2.25, 3.25, 4.25, 5.25])
        #expect(
            Set(file.tensorNames).subtracting(expected.map(\.0)) == [
                "int8", "int32", "int64", "int64.large", "bool", "shared.rows", "shared.column",
            ])
        for name in ["int64.large", "bool", "absent"] {
            let error = #expect(throws: CheckpointError.self) { try file.tensor(named: name) }
            #expect(error?.kind == .weights && error?.description.contains(name) == true)
        }
        #expect(try file.tensor(named: "shared.rows").memory === memory, "dense tensors are views of the mapping")
        #expect(try file.tensor(named: "transposed").memory !== memory)
    }

    @Test func findsTheStateDictInsideATrainingCheckpoint() throws {
        let file = try TorchFile(MappedFile(path: WeightsFixture.path("nested.bin")), path: "nested.bin")
        #expect(file.tensorNames == ["weight"])
        #expect(try file.tensor(named: "weight").floats() == WeightsFixture.ramp(6))
    }

    @Test func everyCutOfAFileIsAnError() throws {
        for name in ["nested.bin", "legacy.bin"] {
            let whole = try WeightsFixture.bytes(name)
            for count in whole.indices {
                #expect(throws: CheckpointError.self, "\(name) \(count)") {
                    try TorchFile(ArrayMemory(Array(whole[..<count])), path: name)
                }
            }
        }
    }

    @Test func handMadeFilesWork() throws {
        let file = try torchFile(sizes: [2, 2], strides: [1, 2], offset: 1, storageCount: 5)
        #expect(try file.tensor(named: "w").floats() == [1, 3, 2, 4])
    }

    @Test(
        arguments: [
            ([4], [1], 3, 6), ([2, 2], [4, 1], 1, 6), ([6], [1], 1, 6), ([7], [0], 0, 6), ([2], [-1], 1, 6),
            ([2], [1], -1, 6), ([-1], [1], 0, 6), ([2], [.max], 0, 6), ([2, 2], [.max - 2, 2], 1, 6),
            ([1], [1], .max, 6),
            ([1 << 32, 1 << 32], [0, 0], 0, 6), ([1 << 40], [0], 0, 6), ([1], [], 0, 6), ([1], [1], 6, 6),
        ] as [([Int], [Int], Int, Int)])
    func viewsOutsideTheirStorageAreErrors(sizes: [Int], strides: [Int], offset: Int, storageCount: Int) throws {
        let error = #expect(throws: CheckpointError.self) {
            try torchFile(sizes: sizes, strides: strides, offset: offset, storageCount: storageCount)
        }
        #expect(error?.kind == .malformed && error?.description.contains("storage") == true)
    }

    @Test func stridesOfAxesWithoutNeighboursMayBeAnything() throws {
        #expect(
            try torchFile(sizes: [1, 2, 1], strides: [.max, 2, .max], storageCount: 3).tensor(named: "w").floats() == [
                0, 2,
            ])
        #expect(
            try torchFile(sizes: [0, .max], strides: [.max, .max], storageCount: 3).tensor(named: "w").floats() == [])
        #expect(try torchFile(sizes: [3], strides: [0], storageCount: 3).tensor(named: "w").floats() == [0, 0, 0])
    }

    @Test(arguments: [7, 5, -1, .max, 1 << 40])
    func aStorageOfAnotherSizeIsAnError(claimedCount: Int) {
        #expect(throws: CheckpointError.self) {
            try torchFile(sizes: [1], strides: [1], storageCount: 6, claimedCount: claimedCount)
        }
    }

    @Test func aRankBeyondPyTorchsIsAnError() {
        let ones = [Int](repeating: 1, count: 65)
        #expect(throws: CheckpointError.self) { try torchFile(sizes: ones, strides: ones, storageCount: 6) }
    }

    @Test func archivesBeyondFourGigabytesAreRead() throws {
        let pickle = [0x80, 2] + pickledTensor(sizes: [2], strides: [1], storageCount: 2) + Array(".".utf8)
        let storage = [Float(3), 4].flatMap { littleEndianBytes($0.bitPattern) }
        let files = [("x/data.pkl", pickle), ("x/data/0", storage)]
        let file = try TorchFile(ArrayMemory(zip64Archive(files)), path: "test.bin")
        #expect(try file.tensor(named: "w").floats() == [3, 4])
        for size in [.max, 1 << 63, (1 << 63) - 1, 1 << 20] as [UInt64] {
            let lying = ArrayMemory(zip64Archive(files, claimedSize: size))
            #expect(throws: CheckpointError.self) { try TorchFile(lying, path: "test.bin") }
        }
    }

    @Test func compressedArchivesAreRefused() throws {
        var bytes = try WeightsFixture.bytes("nested.bin")
        let signature: [UInt8] = [0x50, 0x4B, 0x01, 0x02]
        let entry = try #require(bytes.indices.dropLast(4).first { bytes[$0..<$0 + 4].elementsEqual(signature) })
        bytes[entry + 10] = 8
        let error = #expect(throws: CheckpointError.self) { try TorchFile(ArrayMemory(bytes), path: "nested.bin") }
        #expect(error?.kind == .refused)
    }

    @Test func bigEndianFilesAreRefused() throws {
        var bytes = try WeightsFixture.bytes("nested.bin")
        let order = Array("little".utf8)
        let position = try #require(bytes.indices.dropLast(6).first { bytes[$0..<$0 + 6].elementsEqual(order) })
        bytes.replaceSubrange(position..<position + 6, with: Array("big   ".utf8))
        let error = #expect(throws: CheckpointError.self) { try TorchFile(ArrayMemory(bytes), path: "nested.bin") }
        #expect(error?.kind == .refused && error?.description.contains("big-endian") == true)
    }
}
