import TensorEngine
import XLSR

/// A recorded run of a model: samples, and the output of its blocks for them.
struct GoldenFile: Sendable {
    /// Largest difference from a recorded block, as a share of its largest magnitude: rounding of float32, or what
    /// rounding the weights of tiny models costs, of which 0.004 was seen in f16 and 0.1 in bf16 and int8. What is
    /// wrong differs by about 1.
    private static func tolerance(_ precision: Precision) -> Float {
        switch precision.weights {
        case .float32 where precision.usesTF32: 2e-2
        case .float32, .int32: 1e-4
        case .float16: 2e-2
        case .bfloat16, .int8: 2e-1
        }
    }

    private let path: String
    private let tensors: SafetensorsFile
    /// The I of each `input.I`, and the recorded blocks for it.
    private let inputs: [(name: String, blocks: Set<String>)]

    /// - Throws: `CheckpointError` for a file that isn't safetensors or holds no samples or no blocks.
    init(path: String) throws {
        self.path = path
        tensors = try SafetensorsFile(MappedFile(path: path), path: path)
        var blocks: [String: Set<String>] = [:]
        for name in tensors.tensorNames {
            guard let dot = name.lastIndex(of: "."), dot != name.startIndex else {
                throw Self.invalid(path, "\(name) names no input")
            }
            blocks[String(name[name.index(after: dot)...]), default: []].insert(String(name[..<dot]))
        }
        inputs = blocks.sorted { $0.key < $1.key }.map { ($0.key, $0.value.subtracting(["input"])) }
        guard !inputs.isEmpty else { throw Self.invalid(path, "holds nothing") }
        for (name, recorded) in blocks {
            guard recorded.contains("input") else {
                throw Self.invalid(path, "lacks input.\(name), the samples of a recorded run")
            }
            guard recorded.count > 1 else { throw Self.invalid(path, "holds nothing but samples for input \(name)") }
        }
    }

    private static func invalid(_ path: String, _ detail: String) -> CheckpointError {
        CheckpointError(.weights, path: path, detail, remedy: "see `xlsr verify --help` for what a golden file holds")
    }

    private struct Block {
        let name: String
        /// The largest share over all inputs.
        var error: Float
        var problem: String?

        func diverges(beyond tolerance: Float) -> Bool { problem != nil || !(error <= tolerance) }
    }

    /// Prints every block in the order in which they run.
    /// - Returns: what is wrong, in words, with the first block that differs; nil when all agree.
    func compare(_ model: XLSRModel) throws -> String? {
        var blocks: [Block] = []
        for (index, (input, recorded)) in inputs.enumerated() {
            ProgressBar.show("input.\(input)", index, of: inputs.count)
            let clip = AudioClip(
                samples: try tensors.tensor(named: "input.\(input)").floats(),
                sampleRate: model.featureExtractor.sampleRate, source: "\(path): input.\(input)")
            let taps = Taps()
            _ = try model.outputs(of: [clip], taps: taps)
            var left = recorded
            for record in taps.records where left.remove(record.name) != nil {
                Self.add(try comparison(record, input), to: &blocks)
            }
            for name in left.sorted() {
                Self.add(Block(name: name, error: .infinity, problem: "not a block of this model"), to: &blocks)
            }
        }
        return try report(blocks, model)
    }

    private func comparison(_ record: Taps.Record, _ input: String) throws -> Block {
        let expected = try tensors.tensor(named: "\(record.name).\(input)")
        let actual = try record.utterance(0)
        // What there is one of a whole utterance may be recorded without an axis for it.
        guard expected.shape.dimensions.drop(while: { $0 == 1 }) == actual.shape.dimensions.drop(while: { $0 == 1 })
        else {
            return Block(
                name: record.name, error: .infinity,
                problem: "is \(actual.shape), recorded as \(expected.shape) for input.\(input)")
        }
        var (difference, largest): (Float, Float) = (0, 0)
        for (a, b) in zip(try actual.floats(), expected.floats()) {
            let delta = (a - b).magnitude
            // NaN on either side must stay.
            if !(delta <= difference) { difference = delta.isNaN ? .infinity : max(difference, delta) }
            largest = max(largest, b.magnitude)
        }
        let share = difference == 0 ? 0 : difference / largest
        return Block(name: record.name, error: share.isNaN ? .infinity : share)
    }

    private static func add(_ block: Block, to blocks: inout [Block]) {
        guard let place = blocks.firstIndex(where: { $0.name == block.name }) else { return blocks.append(block) }
        blocks[place].error = max(blocks[place].error, block.error)
        blocks[place].problem = blocks[place].problem ?? block.problem
    }

    private func report(_ blocks: [Block], _ model: XLSRModel) throws -> String? {
        let tolerance = Self.tolerance(model.precision)
        let width = 2 + max(5, blocks.map(\.name.count).max() ?? 0)
        let lines = blocks.map { block in
            padded(block.name, width) + (block.problem ?? scientific(block.error))
                + (block.diverges(beyond: tolerance) ? "  differs\n" : "\n")
        }
        try Terminal.printResult(padded("block", width) + "max |Δ| / max |recorded|\n" + lines.joined())
        guard let first = blocks.first(where: { $0.diverges(beyond: tolerance) }) else {
            try Terminal.printResult("all \(blocks.count) blocks agree within \(scientific(tolerance))\n")
            return nil
        }
        return "the first block of \(model.name) that differs from \(path) is \(first.name)"
    }
}
