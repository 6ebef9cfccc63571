import GPUBackends
import TensorEngine
import Testing
import XLSR

/// Models whose layers are recorded and done again, by a driver that really computes; skipped without OpenCL.
@Suite struct CapturedGraphTests {
    private struct Devices {
        let driver: ReplayingDriver
        let replaying: GPUBackend
        let plain: GPUBackend

        /// In the shape of kernels that a GPU has.
        init?() throws {
            guard let base = try? OpenCLDriver(index: 0) else { return nil }
            driver = ReplayingDriver(base)
            replaying = try GPUBackend(driver: driver, kernelShape: "tiled", usesGraphs: true)
            plain = try GPUBackend(driver: base, kernelShape: "tiled")
        }
    }

    /// Layers of every kind, adapters for languages, averages of layers.
    @Test(arguments: ["layer-stable", "group-post", "heads-80", "adapter-ctc", "language-adapters", "classifier-sum"])
    func everyRunIsTheGoldenOne(variant: String) throws {
        guard let devices = try Devices() else { return }
        let golden = try Golden(variant)
        let model = try golden.model(on: devices.replaying)
        for round in 1...4 {
            let device = GoldenDevice(description: "replaying, round \(round)", backend: devices.replaying)
            for index in 0..<golden.inputCount {
                let output = try model.outputs(of: [golden.clip(index, model)])
                try golden.compare(output.states.floats(), "last_hidden_state.\(index)", device)
                try golden.compare(try #require(output.logits).floats(), "logits.\(index)", device)
            }
        }
        #expect(devices.driver.graphCount > 0)
    }

    /// Lengths of one step share a graph; between its runs others use the device's memory.
    @Test func lengthsTakeTurnsAndNoRunLeavesAMark() throws {
        guard let devices = try Devices() else { return }
        let models = (
            replaying: try XLSRModel.demo(on: devices.replaying), plain: try XLSRModel.demo(on: devices.plain)
        )
        let samples = try Demo.recording(named: "digits-3-lucas.wav").samples
        let batches: [[Int]] = [
            [16_000], [17_000], [60_000], [16_640], [20_000, 9_000], [16_000], [9_000, 20_000], [61_000], [40_000],
            [15_000], [24_000, 5_000], [20_480],
        ]
        func logits(_ model: XLSRModel, _ batch: [Int]) throws -> [Float] {
            let clips = batch.map { AudioClip(samples: Array(samples.prefix($0)), sampleRate: 16_000) }
            return try #require(try model.outputs(of: clips).logits).floats()
        }
        var known: [[Int]: [Float]] = [:]
        for batch in batches + batches + batches {
            let actual = try logits(models.replaying, batch)
            let expected = try logits(models.plain, batch)
            try #require(actual.count == expected.count)
            #expect(largestDifference(actual, expected) <= 1e-5 * largest(expected), "\(batch)")
            // All runs do the same.
            #expect(actual == known[batch] ?? actual, "\(batch)")
            known[batch] = actual
        }
        #expect(devices.driver.graphCount > 20)
    }

    @Test func aRepeatedBatchAsksForFewOperations() throws {
        guard let devices = try Devices() else { return }
        let model = try XLSRModel.demo(on: devices.replaying)
        let clip = AudioClip(samples: (0..<16_000).map { Float($0 % 100) / 100 }, sampleRate: 16_000)
        var launches: [Int] = []
        for _ in 0..<4 {
            let before = devices.driver.launchCount
            _ = try model.outputs(of: [clip])
            launches.append(devices.driver.launchCount - before)
        }
        #expect(devices.driver.graphCount == 3)
        #expect(launches[1] == launches[2] && launches[2] == launches[3])
        // The front-end, the projection and the head are left.
        #expect(launches[1] < launches[0] - 7 * model.configuration.layerCount)
    }

    @Test func whatIsTappedIsNotRecorded() throws {
        guard let devices = try Devices() else { return }
        let model = try XLSRModel.demo(on: devices.replaying)
        let clip = AudioClip(samples: (0..<16_000).map { Float($0 % 100) / 100 }, sampleRate: 16_000)
        for _ in 0..<3 {
            let taps = Taps { $0 == "hidden_states.1" }
            _ = try model.outputs(of: [clip], taps: taps)
            #expect(taps.records.count == 1)
        }
        #expect(devices.driver.graphCount == 0)
    }

    @Test func aModelThatIsGoneTakesItsGraphsAlong() throws {
        guard let devices = try Devices() else { return }
        let clip = AudioClip(samples: (0..<16_000).map { Float($0 % 100) / 100 }, sampleRate: 16_000)
        var used: [Int] = []
        for _ in 0..<3 {
            let model = try XLSRModel.demo(on: devices.replaying)
            for _ in 0..<3 { _ = try model.outputs(of: [clip]) }
            used.append(devices.replaying.pool.statistics.usedByteCount)
        }
        #expect(devices.driver.graphCount == 6)
        #expect(used[1] == used[2])
    }
}
