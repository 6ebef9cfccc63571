import Backends
import TensorEngine
import Testing
import XLSR

@Suite struct ReportTests {
    @Test func devicesListsEveryEntryAndWhatItNeeds() throws {
        let run = try xlsr("devices")
        #expect(run.status == 0 && run.errors.isEmpty)
        for word in ["simd       present", "openblas", "reference", "auto is ", "baseline"] {
            #expect(run.text.contains(word), "\(word)")
        }
        let json = try JSON(parsing: xlsr("devices", "--json").output, path: "output")
        let devices = try #require(json["devices"]?.array)
        #expect(devices.compactMap { $0["name"]?.string } == BackendRegistry.entries.map(\.kind.rawValue))
        #expect(devices[0]["present"]?.bool == true)
        #expect(json["instruction_sets"]?.array?.first == .string("baseline"))
        let opencl = devices.first { $0["name"]?.string == "opencl" }
        #expect((json["opencl"]?["devices"]?.array?.isEmpty == false) == (opencl?["present"]?.bool == true))
        for device in json["opencl"]?["devices"]?.array ?? [] {
            let words = ["name", "type", "description", "driver"].compactMap { device[$0]?.string }
            #expect(words.count == 4 && words.allSatisfy(run.text.contains))
            #expect(device["memory_bytes"]?.int ?? 0 > 0)
        }
    }

    @Test func devicesTellsWhatThereIsOfCUDA() throws {
        let json = try JSON(parsing: xlsr("devices", "--json").output, path: "output")
        let cuda = try #require(json["cuda"])
        let isPresent = json["devices"]?.array?.first { $0["name"]?.string == "cuda" }?["present"]?.bool
        #expect(cuda["devices"]?.array?.contains { $0["target"]?.string != nil } == isPresent)
        // Each library has a place or a reason.
        for library in ["driver", "nvrtc"].compactMap({ cuda[$0] }) {
            #expect((library["path"]?.string ?? library["failure"]?.string)?.isEmpty == false)
        }
        let text = try xlsr("devices", "--verbose").text
        for word in ["CUDA driver: ", "NVRTC: ", "NVRTC is looked for as ", "kernels for tensor cores are off"] {
            #expect(text.contains(word), "\(word)")
        }
    }

    @Test func infoCountsWhatTheFilesHold() throws {
        let demo = try xlsr("info")
        #expect(demo.status == 0 && demo.errors.isEmpty)
        for word in ["Wav2Vec2ForCTC", "transcribe, features, logits", "4 heads of 32", "37 outputs", "(36)"] {
            #expect(demo.text.contains(word), "\(word)")
        }
        for (variant, vocabulary, type) in [("sharded", 32, "bf16"), ("headless", nil, "f32")] {
            let json = try JSON(parsing: xlsr("info", "--json", goldensFolder + "/\(variant)").output, path: "output")
            #expect(json["vocabulary_size"]?.int == vocabulary)
            let weights = try #require(json["weights"])
            #expect(weights["types"]?.object?.keys.sorted() == [type])
            let tensors = try CheckpointTensors(opening: goldensFolder + "/\(variant)")
            let count = tensors.names.reduce(0) { $0 + (tensors.shape(of: $1)?.count ?? 0) }
            let (read, unread) = (weights["parameters"]?.int ?? 0, weights["unread_parameters"]?.int ?? 0)
            #expect(read > 0 && read + unread == count)
            #expect(weights["memory"]?["f32"]?.int == 4 * read)
        }
    }
}

@Suite struct VerifyTests {
    @Test func aRightDeviceAndTheBundledModelPass() throws {
        let run = try xlsr("verify", "--quick")
        #expect(run.status == 0 && run.errors.isEmpty)
        #expect(run.text.contains("cases of operations are right"))
        for name in Demo.recordingNames { #expect(run.lines.contains { $0.hasPrefix(name) && $0.hasSuffix("right") }) }
    }

    @Test func oneOperationIsCheckedAloneAndNamesItsCasesBeforehand() throws {
        let run = try xlsr("verify", "--device", "simd", "--quick", "--filter", "softmax", "--verbose")
        #expect(run.status == 0)
        // The device, the table's title, its one row, the verdict.
        #expect(run.lines.count == 4 && run.lines[2].hasPrefix("softmax "), "\(run.text)")
        #expect(run.errors.contains("softmax 7 × 33, logarithm\n"))
    }

    @Test(arguments: ["f16", "bf16", "int8"])
    func theModelAloneIsCheckedAtEveryPrecision(precision: String) throws {
        let (model, golden) = (goldensFolder + "/sharded", goldensFolder + "/sharded/golden.safetensors")
        let run = try xlsr(
            "verify", "--model-only", "--precision", precision, "--model", model, "--golden", golden)
        #expect(run.status == 0 && run.errors.isEmpty && run.text.contains("blocks agree within"))
        #expect(!run.text.contains("cases"))
        let demo = try xlsr("verify", "--model-only", "--precision", precision)
        #expect(demo.status == 0 && demo.lines.count(where: { $0.hasSuffix("right") }) == Demo.recordingNames.count)
    }

    @Test(arguments: [Float(1), .nan])
    func aTamperedGoldenNamesTheFirstBlockThatDiffers(change: Float) throws {
        try withTemporaryFolder { folder in
            let (model, path) = (goldensFolder + "/sharded", folder + "/golden.safetensors")
            let golden = try CheckpointTensors(opening: model + "/golden.safetensors")
            let tensors = try golden.names.map { name in
                let array = try golden.tensor(named: name)
                guard ["hidden_states.2.1", "logits.0"].contains(name) else { return (name: name, array: array) }
                var floats = array.floats()
                floats[0] += change
                return (name: name, array: HostArray(floats, shape: array.shape))
            }
            try SafetensorsWriter.write(tensors, to: path)
            let run = try xlsr("verify", "--quick", "--model", model, "--golden", path)
            #expect(run.status == 1 && run.errorLines.count == 1)
            #expect(run.errors.contains("the first block of \(model) that differs from \(path) is hidden_states.2\n"))
            let differing = run.lines.filter { $0.hasSuffix("differs") }
            #expect(differing.map { $0.prefix { $0 != " " } } == ["hidden_states.2", "logits"])
        }
    }

    @Test func anUntouchedGoldenAgreesAndOneOfAnotherModelDoesNot() throws {
        let golden = goldensFolder + "/sharded/golden.safetensors"
        let right = try xlsr("verify", "--quick", "--model", goldensFolder + "/sharded", "--golden", golden)
        #expect(right.status == 0 && right.errors.isEmpty && right.text.contains("blocks agree within 1.0e-04"))
        let other = try xlsr("verify", "--quick", "--model", goldensFolder + "/headless", "--golden", golden)
        #expect(other.status == 1 && other.text.contains("not a block of this model"))
    }

    @Test func whatHoldsNoRunIsRefusedAtOnce() throws {
        let run = try xlsr("verify", "--golden", goldensFolder + "/demo/golden.safetensors")
        #expect(run.status == 1 && run.output.isEmpty && run.errors.contains("lacks input.0"))
    }
}
