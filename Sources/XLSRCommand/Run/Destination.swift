import Glibc
import TensorEngine
import XLSR

/// Where results go.
enum Destination {
    /// Standard output, or a pipe or device that has a name.
    case stream(descriptor: Int32, name: String)
    case file(String)
    /// A file for each input: its name with another extension.
    case folder(String, paths: [String])
    /// The program itself.
    case capture(Capture)

    final class Capture {
        var result: Result<RunResult, any Error>?
    }

    /// Finds out before the work starts what would go wrong after it.
    /// - Parameter reads: files beside the inputs that the run reads.
    /// - Throws: `UsageError` for a combination that can't be meant; `OutputError` for a place that can't be written.
    init(_ path: String?, inputs: [String], reads: [String], plan: RunPlan) throws {
        let isSeveral = inputs.count > 1
        guard let path, path != "-", !Self.isStandardOutput(path) else {
            try self.init(descriptor: Terminal.standardOutput, name: "standard output", isSeveral, plan)
            return
        }
        let type = try Self.type(of: path)
        if type == S_IFDIR || (type == nil && (isSeveral || path.hasSuffix("/"))) {
            self = .folder(path, paths: try Self.paths(in: path, inputs: inputs, plan))
            try Self.makeFolder(path)
        } else if type == nil || type == S_IFREG, !path.hasPrefix("/dev/"), !path.hasPrefix("/proc/") {
            guard !isSeveral else {
                throw UsageError("--output: \(path) is a file, but \(inputs.count) inputs need a folder")
            }
            try Self.checkFolder(of: path)
            self = .file(path)
        } else {
            // Renaming a file over /dev/null would replace it. What is behind /dev/fd/3 may be a file, to be written
            // on.
            let descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
            guard descriptor >= 0 else { throw Self.unwritable(path) }
            try self.init(descriptor: descriptor, name: path, isSeveral, plan)
        }
        try checkSpares(inputs: inputs, reads: reads)
    }

    private init(descriptor: Int32, name: String, _ isSeveral: Bool, _ plan: RunPlan) throws {
        if isSeveral, !plan.holdsSeveralResults {
            throw UsageError("\(plan.fileExtension) holds one input a file; name a folder with --output")
        }
        if plan.isBinary, isatty(descriptor) != 0 {
            throw UsageError("safetensors is binary and \(name) a terminal; name a file with --output")
        }
        self = .stream(descriptor: descriptor, name: name)
    }

    /// Whether a person watches the results come.
    var isTerminal: Bool {
        if case .stream(Terminal.standardOutput, _) = self { isatty(Terminal.standardOutput) != 0 } else { false }
    }

    func write(_ result: RunResult, input index: Int, of count: Int) throws {
        switch self {
        case .stream(let descriptor, let name):
            ProgressBar.clear()
            try result.write(isOneOfSeveral: count > 1, path: name) {
                try Terminal.write($0, to: descriptor, name: name)
            }
        case .file(let path): try result.write(to: path)
        case .folder(_, let paths): try result.write(to: paths[index])
        case .capture(let capture): capture.result = .success(result)
        }
    }

    private static func paths(in folder: String, inputs: [String], _ plan: RunPlan) throws -> [String] {
        var owners: [String: String] = [:]
        return try inputs.map { input in
            let path = (folder.hasSuffix("/") ? folder : folder + "/") + stem(of: input) + "." + plan.fileExtension
            _ = try type(of: path)
            if let owner = owners.updateValue(input, forKey: path) {
                throw UsageError("\(owner) and \(input) would both be written to \(path); run them one by one")
            }
            return path
        }
    }

    private static func stem(of input: String) -> String {
        guard input != "-" else { return "stdin" }
        let name = input.split(separator: "/").last.map(String.init) ?? input
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return name }
        return String(name[..<dot])
    }

    private static func makeFolder(_ path: String) throws {
        guard HostSystem.makeFolder(path) else {
            throw OutputError(description: "\(path): the folder can't be made: \(String(cString: strerror(errno)))")
        }
        guard access(path, W_OK | X_OK) == 0 else { throw unwritable(path) }
    }

    private static func checkFolder(of path: String) throws {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        guard access(folder, W_OK | X_OK) == 0 else { throw unwritable(path) }
    }

    /// Nothing that can't be had again is overwritten: what is read, and recordings.
    private func checkSpares(inputs: [String], reads: [String]) throws {
        let paths: [String]
        switch self {
        case .stream, .capture: return
        case .file(let path): paths = [path]
        case .folder(_, let all): paths = all
        }
        let (inputs, reads) = (Set(inputs.compactMap(Self.identity)), Set(reads.compactMap(Self.identity)))
        for path in paths {
            guard let identity = Self.identity(path) else { continue }
            let what =
                inputs.contains(identity)
                ? "an input" : reads.contains(identity) ? "read too" : AudioFile.isRecording(path) ? "a recording" : nil
            if let what { throw UsageError("--output: \(path) is \(what), which would be overwritten") }
        }
    }

    private static func identity(_ path: String) -> [UInt]? {
        var status = stat()
        return stat(path, &status) == 0 ? identity(status) : nil
    }

    private static func identity(_ status: stat) -> [UInt] { [UInt(status.st_dev), UInt(status.st_ino)] }

    /// /dev/stdout, and every other name of the file that standard output goes to.
    private static func isStandardOutput(_ path: String) -> Bool {
        var status = stat()
        return fstat(Terminal.standardOutput, &status) == 0 && status.st_mode & S_IFMT != S_IFDIR
            && identity(path) == identity(status)
    }

    /// What is there; nil where nothing is yet.
    private static func type(of path: String) throws -> mode_t? {
        var status = stat()
        if stat(path, &status) == 0 { return status.st_mode & S_IFMT }
        guard errno != ENAMETOOLONG else { throw unwritable(path) }
        return nil
    }

    private static func unwritable(_ path: String) -> OutputError {
        OutputError(description: "\(path): can't be written: \(String(cString: strerror(errno)))")
    }
}
