import FoundationEssentials
import TensorEngine
import Testing
import XLSR

@Suite struct UnpicklerTests {
    private func open(_ opcodes: [UInt8]) throws -> TorchFile {
        try TorchFile(ArrayMemory(legacyTorchFile(object: opcodes)), path: "test.bin")
    }

    /// Every way in which a pickle can call something, with the name that the refusal must give.
    private static func calls(_ command: String) -> [(name: String, opcodes: [UInt8])] {
        let argument = pickledString(command)
        let text = { (text: String) in Array(text.utf8) }
        let system = text("cposix\nsystem\n")
        return [
            ("posix.system", system + argument + [0x85] + text("R")),
            ("os.system", text("cos\nsystem\n") + argument + [0x85] + text("R")),
            ("builtins.eval", text("cbuiltins\neval\n") + argument + [0x85] + text("R")),
            ("posix.system", pickledString("posix") + pickledString("system") + [0x93] + argument + [0x85] + text("R")),
            ("posix.system", text("(") + argument + text("iposix\nsystem\n")),
            ("posix.system", text("(") + system + argument + text("o")),
            ("posix.system", system + argument + [0x85, 0x81]),
            ("posix.system", system + argument + [0x85] + text("}") + [0x92]),
            ("posix.system", system + argument + text("b")),
            // Inside the arguments of an allowed call.
            (
                "posix.system",
                text("ctorch._utils\n_rebuild_parameter\n(") + system + argument + [0x85] + text("R") + [0x89]
                    + text("NtR")
            ),
            ("builtins.getattr", text("cbuiltins\ngetattr\n") + system + argument + [0x86] + text("R")),
            ("torch._utils._rebuild_wrapper", text("ctorch._utils\n_rebuild_wrapper\n)R")),
            ("collections.OrderedDict", text("ccollections\nOrderedDict\n(]tR")),
        ]
    }

    @Test func callsAreRefusedByNameAndNeverExecuted() throws {
        try withTemporaryFolder { folder in
            let evidence = folder + "/executed"
            for (name, opcodes) in Self.calls("touch \(evidence)") {
                let error = #expect(throws: CheckpointError.self) { try open(opcodes) }
                #expect(error?.kind == .refused, "\(name): \(error?.description ?? "")")
                #expect(error?.description.contains(name) == true, "\(name): \(error?.description ?? "")")
            }
            #expect(!FileManager.default.fileExists(atPath: evidence))
        }
    }

    @Test(arguments: [("calls-system.bin", "posix.system"), ("calls-path.bin", "pathlib")])
    func callsInFilesOfTorchSaveAreRefusedByName(file: String, name: String) throws {
        let error = #expect(throws: CheckpointError.self) {
            try TorchFile(MappedFile(path: WeightsFixture.path(file)), path: file)
        }
        #expect(error?.kind == .refused && error?.description.contains(name) == true, "\(error?.description ?? "")")
    }

    @Test func aNameThatIsOnlyMentionedIsHarmless() throws {
        let state = pickledTensor(sizes: [1], strides: [1], storageCount: 1)
        let mention = pickledString("loss") + Array("cposix\nsystem\ns".utf8)
        let storage = littleEndianBytes(Int64(1)) + littleEndianBytes(Float(3).bitPattern)
        let bytes = legacyTorchFile(object: state + mention, keys: ["0"], storages: storage)
        #expect(try TorchFile(ArrayMemory(bytes), path: "test.bin").tensor(named: "w").floats() == [3])
    }

    @Test func valuesThatContainThemselvesDoNotHang() throws {
        let cyclic = Array("}q\u{1}".utf8) + pickledString("model") + Array("h\u{1}s".utf8)
        let error = #expect(throws: CheckpointError.self) { try open(cyclic) }
        #expect(error?.kind == .malformed)
        let list = Array("}".utf8) + pickledString("model") + Array("]q\u{1}h\u{1}as".utf8)
        #expect(throws: CheckpointError.self) { try open(list) }
    }

    @Test func deepNestingAndEndlessPicklesAreErrors() throws {
        let deep = Array("N".utf8) + [UInt8](repeating: 0x85, count: 300_000)
        #expect(throws: CheckpointError.self) { try open(deep) }
        let marks = [UInt8](repeating: UInt8(ascii: "("), count: 300_000)
        #expect(throws: CheckpointError.self) { try open(marks) }
    }

    @Test func brokenPicklesAreErrors() {
        let broken: [[UInt8]] = [
            Array("0".utf8), Array("t".utf8), Array("}N".utf8) + Array("u".utf8), Array("(Nu".utf8), [0x80, 9],
            Array("h\u{5}".utf8), Array("X\u{FF}\u{FF}\u{FF}\u{7F}".utf8), [0x8B, 0xFF, 0xFF, 0xFF, 0xFF],
            [0x8D] + littleEndianBytes(UInt64.max), [0x95] + littleEndianBytes(UInt64.max), [0xFF],
            Array("I12x\n".utf8), Array("I99999999999999999999\n".utf8), Array("p-1\n".utf8), Array("NNR".utf8),
            Array("cposix\nsystem\nNR".utf8), Array("NNa".utf8), Array("NNNs".utf8), Array("NQ".utf8), Array("N".utf8),
            Array("X\u{1}\0\0\0".utf8) + [0xFF], Array("(K\u{1}0(1N".utf8), Array("S'a\\x00'\n".utf8),
        ]
        for opcodes in broken {
            #expect(throws: CheckpointError.self, "\(opcodes)") { try open(opcodes) }
        }
    }

    @Test func oldProtocolsAreRead() throws {
        let object = Array(
            """
            (dp0
            S'w'
            p1
            ctorch._utils
            _rebuild_tensor
            ((S'storage'
            ctorch
            FloatStorage
            V0
            S'cpu'
            I2
            NtQL0L
            (I2
            t(I1
            ttRsS'rate'
            F0.5
            sS'flag'
            I01
            s
            """.utf8
        )
        let storage = littleEndianBytes(Int64(2)) + [Float(1), 2].flatMap { littleEndianBytes($0.bitPattern) }
        let bytes = legacyTorchFile(object: Array(object), keys: ["0"], storages: storage)
        #expect(try TorchFile(ArrayMemory(bytes), path: "test.bin").tensor(named: "w").floats() == [1, 2])
    }
}
