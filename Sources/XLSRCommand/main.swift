import Glibc

Signals.reserveStandardStreams()
Signals.install()
let argv = CommandLine.unsafeArgv
let arguments = (1..<max(1, Int(CommandLine.argc))).compactMap { argv[$0] }
if let unreadable = arguments.first(where: { String(validatingCString: $0) == nil }) {
    Terminal.error("\(singleQuoted(String(cString: unreadable))) is not UTF-8; if it is a file, give it another name")
    exit(2)
}
exit(Program.run(arguments.map { String(cString: $0) }))
