import Glibc
import TensorEngine
import XLSR

/// From arguments to an exit status: 0 done, 1 failed, 2 wrong usage.
enum Program {
    static let version = "0.1.0"
    static let commands: [Command] = [.run, .align, .serve, .train, .score, .devices, .info, .verify, .convert]

    static func run(_ arguments: [String]) -> Int32 {
        var command: Command?
        do {
            switch arguments.first {
            case nil:
                try Terminal.write(Help.overview(commands), to: Terminal.standardError, name: "standard error")
                return 2
            case "--version", "version":
                try Terminal.printResult("xlsr \(version)\n")
                return 0
            case "--help", "-h":
                try Terminal.printResult(Help.overview(commands))
                return 0
            case "help":
                try Terminal.printResult(
                    arguments.count > 1 ? Help.text(of: find(arguments[1])) : Help.overview(commands))
                return 0
            case let name?:
                let found = try find(name)
                command = found
                let parsed = try Arguments(parsing: arguments.dropFirst(), for: found)
                guard !parsed.has(.help) else {
                    try Terminal.printResult(Help.text(of: found))
                    return 0
                }
                try requireThreads()
                return try found.perform(parsed) ? 0 : 1
            }
        } catch let error as UsageError {
            Terminal.error("\(error) (see xlsr \(command.map { "\($0.name) " } ?? "")--help)")
            return 2
        } catch {
            Terminal.error("\(error)")
            return 1
        }
    }

    /// - Throws: `OutputError` when the process gets no thread more.
    static func requireThreads() throws {
        guard HostSystem.givesThreads() else {
            throw OutputError(
                description: "the system gives no thread: see the limits of processes (`ulimit -u`), of a container's"
                    + " pids and of memory (`ulimit -v`)")
        }
    }

    private static func find(_ name: String) throws -> Command {
        if let command = commands.first(where: { $0.name == name }) { return command }
        if name.hasPrefix("-") {
            throw UsageError("\(name) is no command: the command comes first, as in xlsr run \(name)")
        }
        if access(name, F_OK) == 0 {
            throw UsageError("no command \(singleQuoted(name)); did you mean xlsr run \(name)?")
        }
        let names = commands.map(\.name)
        let near = suggestion(for: name, among: names)
        throw UsageError(
            "no command \(singleQuoted(name))" + (near.isEmpty ? "; use one of \(names.joined(separator: ", "))" : near)
        )
    }
}
