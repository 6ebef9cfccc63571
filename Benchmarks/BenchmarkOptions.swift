import TensorEngine
import XLSR

/// What the command line asked for.
package struct BenchmarkOptions: Equatable {
    package enum Command: String {
        case everything
        case operations = "ops"
        case model
    }

    package var command = Command.everything
    package var wantsHelp = false
    /// Empty for all that are there.
    package var devices: [Device] = []
    package var threadCount: Int?
    /// For each of the processor's peaks.
    package var peakSeconds = 0.7
    package var jsonPath: String?
    package var chartPath: String?
    /// Text that the operations' names must contain.
    package var filter: String?
    package var modelPath: String?
    package var shapes: [ModelShape] = []
    package var seconds = 5.0
    package var batchSize = 1
    package var runCount = 5
    package var precision = Precision.float32
    package var wantsProfile = false
    package var peers = PeerOptions()

    static let help = """
        Measures operations and whole models on the devices of this machine, side by side.
        Each result is checked before it is timed.

        usage: Benchmarks [ops|model] [options]

        With neither, both: the operations, then the 300M shape with random weights on 5 s of audio.

          ops                operations at the sizes of XLS-R
            --filter TEXT    only those whose name contains TEXT
          model              a whole forward pass
            --model DIR      a checkpoint; OWNER/NAME from the Hugging Face cache
            --shape NAME     300m, 1b or 2b with random weights, or tiny; may be repeated (default 300m)
            --seconds S      length of each clip (default 5)
            --batch B        clips a pass (default 1)
            --precision P    what weights are stored as: f32, bf16, f16 or int8 (default f32; with --peers: each)
            --runs N         timed passes (default 5)
            --profile        where the time goes, block by block
            --peers          at each precision in turn with PyTorch, ONNX Runtime, OpenVINO and CTranslate2, where
                             Python has them; of a translation model the search, with PyTorch alone
              --peer TEXT    only peers whose name, such as onnxruntime-int8, contains TEXT; may be repeated
              --rounds N     times that each engine starts and makes its passes (default 3)
              --peer-device D  where they compute: cpu or cuda, which PyTorch alone does (default cpu)
              --python PATH  the Python that has them (default python3)
              --peer-cache DIR  for what they read in place of the checkpoint (default ~/.cache/xlsr/peers)

          --device D         simd, openblas, …; may be repeated (default: all that are there)
          --threads N        threads of CPU devices (default: all cores)
          --peak-seconds S   time for measuring each of the processor's peaks; 0 for one try (default 0.7)
          --json PATH        writes all figures
          --svg PATH         writes a chart
          --help             this text

        examples:
          swift run Benchmarks
          swift run Benchmarks ops --filter attention --device simd
          swift run Benchmarks model --shape 300m --shape 1b --seconds 10 --json times.json --svg times.svg
          swift run Benchmarks model --peers --model DIR --seconds 10
        """

    /// - Throws: `UsageError`
    package init(_ arguments: [String]) throws {
        var rest = ArgumentList(arguments)
        var given: Set<String> = []
        while let argument = rest.next() {
            switch argument {
            case "ops", "model":
                guard command == .everything else { throw UsageError("\(argument): one of ops and model, not both") }
                command = argument == "ops" ? .operations : .model
            case "--help", "-h": wantsHelp = true
            case "--profile", "--peers":
                if argument == "--peers" { peers.areWanted = true } else { wantsProfile = true }
                given.insert(argument)
            default:
                try apply(argument, &rest)
                given.insert(argument)
            }
        }
        try rest.requireNoUnusedValue()
        try check(given)
    }

    private mutating func apply(_ name: String, _ rest: inout ArgumentList) throws {
        switch name {
        case "--device":
            let text = try rest.value(of: name)
            guard let device = Device(text) else { throw UsageError("--device \(text): there is no such device") }
            guard !devices.contains(device) else { throw UsageError("--device \(text) is there twice") }
            devices.append(device)
        case "--threads": threadCount = try rest.integer(of: name, in: 1...1024)
        case "--json": jsonPath = try rest.value(of: name)
        case "--svg": chartPath = try rest.value(of: name)
        case "--filter": filter = try rest.value(of: name)
        case "--model": modelPath = try rest.value(of: name)
        case "--shape":
            let text = try rest.value(of: name)
            guard let shape = ModelShape(rawValue: text.lowercased()) else {
                let names = ModelShape.allCases.map(\.rawValue).joined(separator: ", ")
                throw UsageError("--shape \(text): not one of \(names)")
            }
            if !shapes.contains(shape) { shapes.append(shape) }
        case "--seconds": seconds = try rest.number(of: name, in: 0.1...3600)
        case "--peak-seconds": peakSeconds = try rest.number(of: name, in: 0...60)
        case "--batch": batchSize = try rest.integer(of: name, in: 1...1024)
        case "--runs": runCount = try rest.integer(of: name, in: 1...10_000)
        case "--precision":
            let text = try rest.value(of: name)
            guard let type = DType(rawValue: text), type != .int32 else {
                throw UsageError("--precision \(text): not one of f32, bf16, f16, int8")
            }
            precision = Precision(weights: type)
            peers.precisions = [type]
        case "--peer": peers.filters.append(try rest.value(of: name))
        case "--rounds": peers.roundCount = try rest.integer(of: name, in: 1...1000)
        case "--peer-device":
            let text = try rest.value(of: name)
            guard let device = PeerOptions.ComputeDevice(rawValue: text) else {
                throw UsageError("--peer-device \(text): not one of cpu, cuda")
            }
            peers.device = device
        case "--python": peers.python = try rest.value(of: name)
        case "--peer-cache": peers.cachePath = try rest.value(of: name)
        default: throw UsageError("\(name): unknown option or command")
        }
    }

    private func check(_ given: Set<String>) throws {
        let peersOnly: Set = ["--peer", "--rounds", "--python", "--peer-cache", "--peer-device"]
        let modelOnly = peersOnly.union([
            "--model", "--shape", "--seconds", "--batch", "--precision", "--runs", "--profile", "--peers",
        ])
        if command == .operations, let name = given.intersection(modelOnly).min() {
            throw UsageError("\(name) is an option of model, not of ops")
        }
        if command == .model, given.contains("--filter") {
            throw UsageError("--filter is an option of ops, not of model")
        }
        if !peers.areWanted, let name = given.intersection(peersOnly).min() {
            throw UsageError("\(name) needs --peers")
        }
        if peers.areWanted, command != .model { throw UsageError("--peers is an option of model") }
        if peers.areWanted, wantsProfile { throw UsageError("--peers or --profile, not both") }
        if modelPath != nil, !shapes.isEmpty { throw UsageError("--model or --shape, not both") }
    }
}
