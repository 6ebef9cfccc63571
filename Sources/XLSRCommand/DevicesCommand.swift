import Backends
import TensorEngine

extension Option {
    fileprivate static let details = Option("--verbose", "also where libraries are looked for, and what is off")
}

extension Command {
    static let devices = Command(
        name: "devices",
        summary: "Shows which devices are here, and what the others are missing.",
        operands: .none,
        options: [.json, .details],
        notes: [],
        examples: [
            Example("xlsr devices", "what this machine can compute on"),
            Example("xlsr devices --verbose", "also where libraries were looked for"),
            Example("xlsr devices --json", "the same for programs"),
        ],
        perform: { arguments in
            let report = DevicesReport()
            try Terminal.printResult(
                arguments.has(.json) ? jsonDocument(report) : report.text(isVerbose: arguments.has(.details)))
            return true
        })
}

/// Every device that this build knows, and the processor's instruction sets.
private struct DevicesReport: Encodable {
    struct Entry: Encodable {
        let name: String
        let summary: String
        let requirement: String
        let isPresent: Bool
        /// The device's own words: what it is, or what is missing and how to get it.
        let detail: String

        enum CodingKeys: String, CodingKey {
            case name, summary, requirement, detail
            case isPresent = "present"
        }
    }

    let devices: [Entry]
    let auto: String?
    let instructionSets: [String]
    let opencl: OpenCLReport?
    let cuda: CUDAReport

    enum CodingKeys: String, CodingKey {
        case devices, auto, opencl, cuda
        case instructionSets = "instruction_sets"
    }

    init() {
        devices = BackendRegistry.entries.map { entry in
            let opened = Result { try BackendRegistry.open(Device(entry.kind)) }
            let (isPresent, detail) =
                switch opened {
                case .success(let backend): (true, backend.summary)
                case .failure(let error as TensorError):
                    (false, error.detail + (error.remedy.map { "; \($0)" } ?? ""))
                case .failure(let error): (false, "\(error)")
                }
            return Entry(
                name: entry.kind.rawValue, summary: entry.summary, requirement: entry.requirement,
                isPresent: isPresent, detail: detail)
        }
        auto = (try? BackendRegistry.open(.auto))?.device.description
        instructionSets = BackendRegistry.instructionSets.filter {
            (try? BackendRegistry.open(.simd, options: BackendOptions(threadCount: 1, instructionSet: $0))) != nil
        }
        opencl = OpenCLReport()
        cuda = CUDAReport()
    }

    func text(isVerbose: Bool) -> String {
        let entries = devices.map { entry in
            """
            \(padded(entry.name, 10)) \(padded(entry.isPresent ? "present" : "missing", 8)) \(entry.detail)
            \(padded("", 19)) \(entry.summary); needs \(entry.requirement)

            """
        }
        return entries.joined() + """
            auto is \(auto ?? "none")
            instruction sets of this processor: \(instructionSets.joined(separator: ", "))
            \(opencl?.text ?? "")\(cuda.text(isVerbose: isVerbose))
            """
    }
}
