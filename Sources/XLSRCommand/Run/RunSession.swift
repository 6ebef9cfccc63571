import Backends
import TensorEngine
import XLSR

/// One `xlsr run`: loads the model, then reads, computes and writes one input after another.
final class RunSession {
    private let options: RunOptions
    private let plan: RunPlan
    private let destination: Destination
    private let model: XLSRModel
    private let decoder: CTCDecoder
    /// As the user named them; the bundled recording's name when there were none.
    private let inputs: [String]
    private var report = RunReport()

    /// - Throws: `UsageError` and errors of the model and the device, before anything is computed.
    init(_ options: RunOptions) throws {
        self.options = options
        if options.verbosity == .quiet { ProgressBar.disable() }
        let configuration = try XLSRModel.configuration(options.model.files)
        plan = try RunPlan(options, configuration)
        if options.chunking.wholeSeconds.isFinite {
            let rate = try FeatureExtractorSettings(options.model.files).sampleRate
            _ = try options.chunking.sizes(sampleRate: rate, configuration)
        }
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
        if case .transcript = plan.product {
            try model.requireTranscription()
            decoder = try options.decoder.decoder(for: model)
        } else {
            decoder = .bestPath
        }
        if options.verbosity > .quiet, let warning = decoder.warning { Terminal.note("xlsr: warning: \(warning)") }
        report.loadSeconds = start.duration(to: clock.now).seconds
    }

    /// - Returns: whether every input gave its result.
    func run() throws -> Bool {
        switch plan.product {
        case .tensors(let names):
            try run({ [model] in try model.tensors(named: Set(names), of: $0) }) { .tensors(joining: $1) }
        case .transcript(let format, let timestamps):
            try run({ [model, decoder] in try model.evidence(of: $0, for: decoder) }) {
                [inputs, model, decoder] outcome, pieces in
                let result = TranscriptionResult(
                    audio: inputs[outcome.index], transcript: try model.transcript(of: pieces, by: decoder),
                    model: model.name,
                    device: model.backend.device.description, precision: model.precision.weights.rawValue,
                    audioSeconds: outcome.audioSeconds, elapsedSeconds: outcome.elapsedSeconds)
                return .transcript(result, format, timestamps)
            }
        }
        ProgressBar.clear()
        if report.failureCount > report.messages.count {
            Terminal.error("\(report.failureCount) of \(inputs.count) inputs failed")
        }
        if options.verbosity == .verbose { report.print(model, plan.writesText ? decoder : nil) }
        return report.failureCount == 0
    }

    private func run<Piece>(
        _ compute: @escaping ([ChunkInput]) throws -> [Piece],
        result: @escaping (ChunkedRun<Piece>.Outcome, [Piece]) throws -> RunResult
    ) throws {
        let run = ChunkedRun(
            model, options.chunking, batchSeconds: options.batchSeconds, compute: compute, progress: showProgress
        ) { outcome in
            do {
                let value = try result(outcome, outcome.pieces.get())
                self.report.add(audio: outcome.audioSeconds, compute: outcome.elapsedSeconds)
                try self.destination.write(value, input: outcome.index, of: self.inputs.count)
                self.report.inputCount += 1
            } catch let error as OutputError {
                throw error
            } catch {
                self.fail(outcome.index, error)
            }
        }
        if options.inputs.isEmpty {
            guard let name = inputs.first else { return }
            if options.verbosity > .quiet {
                Terminal.note(
                    "no AUDIO given, so here is what the bundled recording \(name) says (- is standard input):")
            }
            try run.add(Demo.recording(named: name), index: 0, name: name)
            try run.finish()
        } else {
            try model.read(inputs, into: run, failed: fail)
        }
    }

    private func showProgress(_ seconds: Double, _ total: Double) {
        let count = inputs.count > 1 ? "\(report.inputCount)/\(inputs.count) inputs, " : ""
        ProgressBar.show(
            "\(count)\(decimal(seconds, 0))/\(decimal(total, 0)) s of audio",
            fraction: (Double(report.inputCount) + seconds / total) / Double(inputs.count))
    }

    private func fail(_ index: Int, _ error: any Error) {
        report.inputCount += 1
        report.failureCount += 1
        let message = "\(error)"
        // The device's own troubles are the same for every input.
        guard report.messages.insert(message).inserted else { return }
        let isNamed = error is AudioError || inputs.count == 1 || message.hasPrefix(inputs[index])
        Terminal.error(isNamed ? message : "\(inputs[index]): \(message)")
    }
}
