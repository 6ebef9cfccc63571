#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

Signals.install()
exit(Program.run(Array(CommandLine.arguments.dropFirst())))
