import Conformance
import TensorEngine
import Testing
import XLSR

/// Damaged files must end in a `CheckpointError` or in tensors, never in a crash, a hang or a huge allocation.
@Suite struct WeightMutationTests {
    @Test(
        .timeLimit(.minutes(15)),
        arguments: [
            ("single.safetensors", "model.safetensors"), ("zip.bin", "pytorch_model.bin"),
            ("legacy.bin", "pytorch_model.bin"), ("nested.bin", "pytorch_model.bin"),
            ("sharded/model.safetensors.index.json", "model.safetensors.index.json"),
        ])
    func aThousandMutationsEndInErrorsOrTensors(fixture: String, name: String) throws {
        let original = try WeightsFixture.bytes(fixture)
        var files: [String: any HostMemory] = [:]
        for shard in ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] {
            files[shard] = ArrayMemory(try WeightsFixture.bytes("sharded/" + shard))
        }
        var random = RandomSource(seed: 20)
        var opened = 0
        var refused = 0
        for _ in 0..<1000 {
            let mutant = mutated(original, &random)
            files[name] = ArrayMemory(mutant)
            do {
                let tensors = try CheckpointTensors(CheckpointFiles(files, path: "memory"))
                opened += 1
                for name in tensors.names { try read(name, in: tensors, byteLimit: original.count + mutant.count) }
            } catch is CheckpointError {
                refused += 1
            }
        }
        #expect(opened > 0 && refused > 100, "\(opened) opened, \(refused) refused: both sides must be met")
    }

    private func read(_ name: String, in tensors: CheckpointTensors, byteLimit: Int) throws {
        do {
            let array = try tensors.tensor(named: name)
            #expect(array.byteRange.count <= byteLimit)
            #expect(array.floats().count == array.shape.count)
        } catch is CheckpointError {}
    }
}
