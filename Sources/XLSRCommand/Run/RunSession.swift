import Backends
import TensorEngine
import XLSR

/// One `xlsr run`: loads the model, then reads, computes and writes batch after batch.
final class RunSession {
    private let options: RunOptions
    private let plan: RunPlan
    private let destination: Destination
    private let model: XLSRModel
    /// As the user named them; the bundled recording's name when there were none.
    private let inputs: [String]
    private var report = RunReport()

    /// - Throws: `UsageError` and errors of the model and the device, before anything is computed.
    init(_ options: RunOptions) throws {
        self.options = options
        if options.verbosity == .quiet { ProgressBar.disable() }
        plan = try RunPlan(options, XLSRModel.configuration(options.model.files))
        inputs = options.inputs.isEmpty ? Array(Demo.recordingNames.prefix(1)) : options.inputs
        destination = try Destination(options.output, inputs: inputs, plan: plan)
        let clock = ContinuousClock()
        let start = clock.now
        ProgressBar.show("loading \(options.model.name)")
        defer { ProgressBar.clear() }
        let backend = try BackendRegistry.open(options.device, options: options.backendOptions)
        model = try XLSRModel(
            options.model.files, name: options.model.name, on: backend, precision: options.precision,
            language: options.language)
        if case .transcript = plan.product { try model.requireTranscription() }
        report.loadSeconds = start.duration(to: clock.now).seconds
    }

    /// - Returns: whether every input gave its result.
    func run() throws -> Bool {
        if options.inputs.isEmpty {
            try runBundledRecording()
        } else {
            ProgressBar.show("reading", 0, of: inputs.count)
            try model.batches(of: inputs, batchSeconds: options.batchSeconds, run) { fail([$0], $1) }
        }
        ProgressBar.clear()
        if report.failureCount > report.messages.count {
            Terminal.error("\(report.failureCount) of \(inputs.count) inputs failed")
        }
        if options.verbosity == .verbose { report.print(model) }
        return report.failureCount == 0
    }

    private func runBundledRecording() throws {
        guard let name = inputs.first else { return }
        if options.verbosity > .quiet {
            Terminal.note("no AUDIO given, so here is what the bundled recording \(name) says (- is standard input):")
        }
        var batch = XLSRModel.Batch()
        batch.indices = [0]
        batch.names = [name]
        batch.clips = [try Demo.recording(named: name)]
        try run(batch)
    }

    private func run(_ batch: XLSRModel.Batch) throws {
        ProgressBar.show("computing", report.inputCount, of: inputs.count)
        let results: [RunResult]
        do {
            results = try compute(batch)
        } catch {
            // One by one, what is wrong with one input or too much for memory together spares the others.
            let parts = batch.singles
            guard parts.count > 1 else { return fail(batch.indices, error) }
            return try parts.forEach(run)
        }
        for (index, result) in zip(batch.indices, results) {
            do {
                try destination.write(result, input: index, of: inputs.count)
                report.inputCount += 1
            } catch let error as CheckpointError {
                fail([index], error)
            }
        }
    }

    private func fail(_ indices: [Int], _ error: any Error) {
        report.inputCount += indices.count
        report.failureCount += indices.count
        let message = "\(error)"
        // The device's own troubles are the same for every input.
        guard report.messages.insert(message).inserted else { return }
        let name = indices.first.map { inputs[$0] } ?? ""
        let isNamed = error is AudioError || inputs.count == 1 || message.hasPrefix(name)
        Terminal.error(isNamed ? message : "\(name): \(message)")
    }

    private func compute(_ batch: XLSRModel.Batch) throws -> [RunResult] {
        let clock = ContinuousClock()
        let start = clock.now
        let seconds = batch.clips.reduce(0) { $0 + $1.seconds }
        switch plan.product {
        case .tensors(let names):
            let taps = Taps { names.contains($0) }
            let output = try model.outputs(of: batch.clips, names: batch.names, taps: taps)
            let results = try (0..<output.segments.count).map { index in
                RunResult.tensors(
                    try taps.records.map { (name: $0.name, array: try $0.utterance(index).hostArray()) })
            }
            report.add(audio: seconds, compute: start.duration(to: clock.now).seconds)
            return results
        case .transcript(let format, let timestamps):
            let transcripts = try model.transcribe(batch.clips, names: batch.names)
            let elapsed = start.duration(to: clock.now).seconds
            report.add(audio: seconds, compute: elapsed)
            return zip(zip(batch.indices, batch.clips), transcripts).map { input, transcript in
                let result = TranscriptionResult(
                    audio: inputs[input.0], transcript: transcript, model: model.name,
                    device: model.backend.device.description, precision: model.precision.weights.rawValue,
                    audioSeconds: input.1.seconds, elapsedSeconds: elapsed * input.1.seconds / seconds)
                return .transcript(result, format, timestamps)
            }
        }
    }
}

extension XLSRModel.Batch {
    fileprivate var singles: [XLSRModel.Batch] {
        indices.indices.map { place in
            var batch = XLSRModel.Batch()
            batch.indices = [indices[place]]
            batch.names = [names[place]]
            batch.clips = [clips[place]]
            return batch
        }
    }
}
