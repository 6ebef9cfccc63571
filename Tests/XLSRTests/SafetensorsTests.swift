import FoundationEssentials
import TensorEngine
import Testing
import XLSR

@Suite struct SafetensorsTests {
    private func open(_ header: String, data: Int) throws -> SafetensorsFile {
        try SafetensorsFile(ArrayMemory(safetensors(header: header, data: data)), path: "test.safetensors")
    }

    @Test func readsWhatTheReferenceImplementationWrites() throws {
        let file = try SafetensorsFile(
            MappedFile(path: WeightsFixture.path("single.safetensors")), path: "single.safetensors")
        #expect(file.tensorNames == ["a", "bfloat16", "bool", "double", "empty", "half", "int64", "scalar"])
        #expect(file.metadata == ["format": "pt"])
        for (name, shape, dtype) in [
            ("a", [2, 3], DType.float32), ("half", [2, 5], .float16), ("bfloat16", [3], .bfloat16),
            ("double", [5], .float32), ("scalar", [], .float32), ("empty", [0, 4], .float32),
        ] as [(String, Shape, DType)] {
            let array = try file.tensor(named: name)
            #expect(array.shape == shape && file.shape(of: name) == shape && array.dtype == dtype)
            #expect(array.floats() == WeightsFixture.ramp(shape.count), "\(name)")
        }
        #expect(try file.tensor(named: "int64").dtype == .int32)
        #expect(try file.tensor(named: "int64").floats() == [0, 1, 2, 3, 4])
    }

    @Test func aTypeThatNoTensorHasIsAnErrorOnlyWhenAskedFor() throws {
        let file = try open(#"{"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}"#, data: 2)
        #expect(file.shape(of: "a") == [2])
        let error = #expect(throws: CheckpointError.self) { try file.tensor(named: "a") }
        #expect(error?.kind == .weights)
        #expect(error?.description.contains("F8_E4M3") == true)
        #expect(throws: CheckpointError.self) { try file.tensor(named: "b") }
    }

    @Test func writesWhatItReadsAndWhatTheFormatDemands() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/out.safetensors"
            let half = HostArray(
                shape: [3], dtype: .float16, memory: ArrayMemory([0, 0x3C, 0, 0xC0, 1, 0]), byteRange: 0..<6)
            let tensors = [
                ("tiny", HostArray(shape: [3], dtype: .int8, memory: ArrayMemory([1, 2, 3, 4]), byteRange: 1..<4)),
                ("half", half), ("name \"with\" / and ü", HostArray([1.5, -2] as [Float], shape: [2, 1])),
                ("ids", HostArray([7, -8] as [Int32], shape: [2])), ("none", HostArray([Float](), shape: [0, 3])),
            ]
            try SafetensorsWriter.write(tensors, metadata: ["format": "pt"], to: path)
            try SafetensorsWriter.write(tensors, metadata: ["format": "pt"], to: path)

            let file = try SafetensorsFile(MappedFile(path: path), path: path)
            #expect(file.tensorNames == tensors.map(\.0).sorted() && file.metadata == ["format": "pt"])
            for (name, array) in tensors {
                let read = try file.tensor(named: name)
                #expect(read.shape == array.shape && read.dtype == array.dtype && read.floats() == array.floats())
                #expect(read.byteRange.lowerBound.isMultiple(of: read.dtype.byteSize), "\(name) is aligned")
            }
            let headerByteCount = try MappedFile(path: path).withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
            #expect(headerByteCount.isMultiple(of: 8))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["out.safetensors"])
        }
    }

    @Test func aWriteThatFailsLeavesNothing() throws {
        try withTemporaryFolder { folder in
            let one = HostArray([1] as [Float], shape: [1])
            #expect(throws: CheckpointError.self) {
                try SafetensorsWriter.write([("a", one), ("a", one)], to: folder + "/twice")
            }
            #expect(throws: CheckpointError.self) { try SafetensorsWriter.write([("a", one)], to: folder + "/no/file") }
            try FileManager.default.createDirectory(atPath: folder + "/taken", withIntermediateDirectories: true)
            #expect(throws: CheckpointError.self) { try SafetensorsWriter.write([("a", one)], to: folder + "/taken") }
            do {
                let file = try AtomicFile(path: folder + "/abandoned")
                try [1, 2, 3].withUnsafeBytes(file.write)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["taken"])
        }
    }

    @Test(arguments: [
        ("not an object", "[]", 0, "not a JSON object"),
        ("invalid JSON", #"{"a":"#, 0, "not valid JSON"),
        ("no shape", #"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#, 4, "a / shape"),
        ("fractional size", #"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#, 4, "no 64-bit integer"),
        ("negative size", #"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4, "impossible shape"),
        (
            "overflowing shape",
            #"{"a":{"dtype":"F8_E4M3","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#, 4, "impossible shape"
        ),
        (
            "overflowing byte count",
            #"{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,4]}}"#, 4, "not [4611686018427387904]"
        ),
        ("too few bits", #"{"a":{"dtype":"F4","shape":[2305843009213693952],"data_offsets":[0,4]}}"#, 4, "too few"),
        ("too few bytes", #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4, "has 4 bytes"),
        ("reversed offsets", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4, "outside"),
        ("negative offset", #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[-4,4]}}"#, 4, "outside"),
        ("offset beyond the file", #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 4, "outside"),
        (
            "offset at the end of the integers",
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[9223372036854775803,9223372036854775807]}}"#, 4, "outside"
        ),
        ("one offset", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, 4, "outside"),
        (
            "overlap",
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
            12, "overlaps"
        ),
        (
            "the same bytes twice",
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
            4, "overlaps"
        ),
        ("a gap", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, "gap"),
        ("bytes left over", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 8, "belong to no tensor"),
        (
            "a name twice",
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}"#,
            4, "twice"
        ),
    ])
    func lyingHeadersAreErrors(what: String, header: String, data: Int, expected: String) throws {
        let error = #expect(throws: CheckpointError.self, "\(what)") { try open(header, data: data) }
        #expect(error?.kind == .malformed)
        #expect(error?.description.contains(expected) == true, "\(what): \(error?.description ?? "")")
    }

    @Test func everyCutOfAFileIsAnError() throws {
        let whole = try WeightsFixture.bytes("single.safetensors")
        for count in whole.indices {
            #expect(throws: CheckpointError.self, "\(count)") {
                try SafetensorsFile(ArrayMemory(Array(whole[..<count])), path: "cut.safetensors")
            }
        }
    }

    @Test(arguments: [UInt64.max, 1 << 63, 100_000_001, 50])
    func aHeaderLengthBeyondTheFileIsAnError(byteCount: UInt64) throws {
        let bytes = safetensors(header: "{}", claimedHeaderByteCount: byteCount, data: 16)
        #expect(throws: CheckpointError.self) { try SafetensorsFile(ArrayMemory(bytes), path: "test.safetensors") }
    }

    @Test func deeplyNestedHeadersAreErrors() throws {
        #expect(throws: CheckpointError.self) {
            try open(#"{"a":"# + String(repeating: "[", count: 100_000), data: 0)
        }
    }

    @Test func thousandsOfTensorsOpen() throws {
        let entries = (0..<2000).map {
            #""encoder.layers.\#($0).weight":{"dtype":"F32","shape":[1],"data_offsets":[\#($0 * 4),\#($0 * 4 + 4)]}"#
        }
        let file = try open("{" + entries.joined(separator: ",") + "}", data: 8000)
        #expect(file.tensorNames.count == 2000)
        #expect(try file.tensor(named: "encoder.layers.1999.weight").byteRange.count == 4)
    }
}
