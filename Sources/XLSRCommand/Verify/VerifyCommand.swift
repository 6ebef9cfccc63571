import Backends
import TensorEngine
import XLSR

extension Option {
    static let golden = Option(
        "--golden", value: "FILE", "a recorded run in safetensors: compare the model's blocks with it, one by one")
    static let quick = Option("--quick", "small cases only")
    static let filter = Option(
        "--filter", value: "TEXT", "only operations whose name contains TEXT, and no model")
    static let modelOnly = Option("--model-only", "no cases of operations, the model alone")
}

/// A device that doesn't compute what it should, in words.
private struct VerificationError: Error, CustomStringConvertible {
    let description: String
}

extension Command {
    static let verify = Command(
        name: "verify",
        summary: "Checks that a device computes what it should.",
        operands: .none,
        options: [
            .device, .model, .precision, .golden, .quick, .filter, .modelOnly, .threads, .quiet, .verbose,
        ],
        notes: [
            """
            Every operation is run on many cases, twice, and compared with a slow computation in double precision. \
            Then, with --golden, each block of the model is compared with a recorded run, and the first block that \
            differs is named; without --model, the bundled recordings are transcribed with the bundled model. With --verbose \
            each case is named before it runs.
            """,
            """
            A golden file holds samples as input.I at the model's sampling rate, and what a block gave for them as \
            BLOCK.I, where BLOCK is a name such as feature_projection, hidden_states.3, last_hidden_state or logits. \
            Weights of fewer bits are allowed the errors that they make anywhere.
            """,
            "Exit status: 0 all is right, 1 something differs, 2 wrong usage.",
        ],
        examples: [
            Example("xlsr verify", "check the fastest device"),
            Example("xlsr verify --device openblas --quick", "a short check of another one"),
            Example("xlsr verify --model ./model --golden run.safetensors", "compare with a run of another program"),
        ],
        perform: { arguments in
            guard arguments.has(.golden) || !arguments.has(.model) else {
                throw UsageError("--model needs --golden, a recorded run to compare with")
            }
            guard !(arguments.has(.quick) && arguments.has(.modelOnly)) else {
                throw UsageError("--quick and --model-only exclude each other")
            }
            for other in [Option.modelOnly, .golden] where arguments.has(.filter) && arguments.has(other) {
                throw UsageError("--filter and \(other.name) exclude each other")
            }
            let verbosity = try arguments.verbosity()
            if verbosity == .quiet { ProgressBar.disable() }
            let cases =
                arguments.has(.modelOnly)
                ? nil
                : try OperationCheck.cases(
                    of: arguments[.filter], sizes: arguments.has(.quick) ? [.small] : [.small, .large])
            let (source, precision) = (try arguments.modelSource(), try arguments.precision())
            let golden = try arguments[.golden].map(GoldenFile.init)
            let options = try arguments.backendOptions()
            let modelBackend = try BackendRegistry.open(arguments.device(), options: options)
            // Operations are compared with exact ones.
            var exactOptions = options
            exactOptions.usesTF32 = false
            let backend =
                options.usesTF32 ? try BackendRegistry.open(modelBackend.device, options: exactOptions) : modelBackend
            try Terminal.printResult("device \(backend.device): \(backend.summary)\n")

            let start = ContinuousClock.now
            var problems: [String?] = []
            if let cases {
                problems.append(try OperationCheck.run(cases, on: backend, verbosity: verbosity))
                if verbosity == .verbose {
                    Terminal.note("operations: \(decimal(start.duration(to: .now).seconds, 1)) s")
                }
            }
            if !arguments.has(.filter) {
                let model = try XLSRModel(source.files, name: source.name, on: modelBackend, precision: precision)
                if let golden { problems.append(try golden.compare(model)) }
                if !arguments.has(.model) { problems.append(try RecordingCheck.run(model)) }
            }
            let found = problems.compactMap(\.self)
            guard found.isEmpty else { throw VerificationError(description: found.joined(separator: "; ")) }
            return true
        })
}
