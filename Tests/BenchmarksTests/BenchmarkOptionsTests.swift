import Benchmarks
import Testing
import XLSR

struct BenchmarkOptionsTests {
    @Test func noArgumentsMeanEverythingWithDefaults() throws {
        let options = try BenchmarkOptions([])
        #expect(options.command == .everything)
        #expect(options.devices.isEmpty && options.shapes.isEmpty)
    }

    @Test func optionsMayRepeatAndHoldTheirValueAfterAnEqualsSign() throws {
        let options = try BenchmarkOptions(
            ["model", "--device", "simd", "--device=openblas", "--shape=300m", "--shape", "2B", "--seconds=2.5"])
        #expect(options.command == .model)
        #expect(options.devices.map(\.description) == ["simd", "openblas"])
        #expect(options.shapes == [.small, .large])
        #expect(options.seconds == 2.5)
    }

    @Test func peersHaveOptionsOfTheirOwn() throws {
        let options = try BenchmarkOptions(
            ["model", "--peers", "--peer", "f32", "--peer=openvino", "--rounds", "1", "--python", "/opt/python"])
        #expect(options.peers.areWanted && options.peers.roundCount == 1 && options.peers.python == "/opt/python")
        #expect(options.peers.filters == ["f32", "openvino"])
        #expect(options.peers.device == .cpu)
        #expect(try BenchmarkOptions(["model", "--peers", "--peer-device", "cuda"]).peers.device == .cuda)
    }

    @Test func peersTakeTurnsAtEveryPrecisionOrAtTheOneAskedFor() throws {
        let all = try BenchmarkOptions(["model", "--peers", "--peer", "onnx"]).peers
        #expect(all.precisions(on: .simd).map(\.rawValue) == ["f32", "bf16", "f16", "int8"])
        #expect(all.precisions(on: .openblas) == [.float32])
        #expect(all.wants("onnxruntime-int8", precision: "int8") && !all.wants("openvino-int8", precision: "int8"))
        let one = try BenchmarkOptions(["model", "--peers", "--precision", "int8"]).peers
        #expect(one.precisions(on: .simd) == [.int8] && one.precisions(on: .openblas).isEmpty)
        #expect(one.wants("openvino-int8", precision: "int8") && !one.wants("openvino-f32", precision: "f32"))
    }

    @Test(arguments: [
        ["train"], ["--seconds"], ["--seconds", "nan"], ["--batch", "0"], ["--device", "tpu"],
        ["ops", "--shape", "1b"],
        ["model", "--filter", "x"], ["--model", "a", "--shape", "1b"], ["--precision", "int32"], ["--help=yes"],
        ["ops", "--peers"], ["--peers"], ["model", "--rounds", "2"], ["model", "--peers", "--profile"],
        ["model", "--peer-device", "cpu"], ["model", "--peers", "--peer-device", "tpu"], ["ops", "model"],
        ["--device", "simd", "--device", "simd"], ["--threads", "99999999999999999999"],
    ])
    func wrongUsageIsRefused(arguments: [String]) {
        #expect(throws: UsageError.self) { try BenchmarkOptions(arguments) }
    }
}
