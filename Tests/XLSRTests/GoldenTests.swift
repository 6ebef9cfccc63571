import Backends
import TensorEngine
import Testing
import XLSR

@Suite struct GoldenTests {
    @Test(arguments: Golden.variants, GoldenDevices.all)
    func everyBlockIsWhatTransformersComputes(variant: String, device: GoldenDevice) throws {
        let golden = try Golden(variant)
        let model = try golden.model(on: device.backend)
        for index in 0..<golden.inputCount {
            let taps = Taps()
            let output = try model.outputs(of: [golden.clip(index, model)], taps: taps)
            #expect(taps.records.count >= 6)
            for record in taps.records {
                try golden.compare(record.utterance(0).floats(), "\(record.name).\(index)", device)
            }
            try golden.compare(output.states.floats(), "last_hidden_state.\(index)", device)
            if let text = golden.metadata["text.\(index)"] {
                #expect(try model.transcribe([golden.clip(index, model)])[0].text == text)
            }
        }
    }

    @Test(arguments: Golden.variants, GoldenDevices.all)
    func aBatchOfDifferentLengthsIsItsSingleRuns(variant: String, device: GoldenDevice) throws {
        let golden = try Golden(variant)
        let model = try golden.model(on: device.backend)
        let order = [1, 0, 2, 2, 0, 1]
        let batch = try model.outputs(of: order.map { try golden.clip($0, model) })
        let columns = model.configuration.outputSize
        let states = try batch.states.floats()
        for (place, index) in order.enumerated() {
            let single = try model.outputs(of: [golden.clip(index, model)]).states.floats()
            let rows = batch.segments[place]
            let part = Array(states[rows.lowerBound * columns..<rows.upperBound * columns])
            #expect(largestDifference(part, single) <= 1e-5 * largest(single), "utterance \(place)")
        }
    }

    @Test(arguments: GoldenDevices.registered)
    func aBatchTakesAsManyProductsAsOneUtterance(device: Device) throws {
        guard let backend = try? BackendRegistry.open(device) else { return }
        let golden = try Golden("layer-stable")
        let model = try golden.model(on: backend)
        let one = try golden.productCount(of: 1, by: model)
        #expect(one > 0)
        #expect(try golden.productCount(of: 8, by: model) == one)
    }
}
