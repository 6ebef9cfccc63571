import Glibc
import XLSR

enum Signals {
    /// Makes Ctrl-C and its like end the process at once with nothing half-written left behind, and a reader that goes
    /// away (`| head -1`) end it quietly.
    static func install() {
        // The handler may only touch what exists already.
        TemporaryFiles.ofProcess.removeAll()
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU] {
            // Whoever started us with it ignored (nohup) meant it.
            if address(signal(number, SIG_IGN)) == address(SIG_IGN) { continue }
            signal(number) { number in
                TemporaryFiles.ofProcess.removeAll()
                // As any program that dies of it, so that shells stop their loops; they report 128 + number.
                signal(number, SIG_DFL)
                raise(number)
            }
        }
        signal(SIGPIPE, SIG_DFL)
        // A write above the limit of a file's size fails as any other.
        signal(SIGXFSZ, SIG_IGN)
    }

    /// Functions don't compare.
    private static func address(_ handler: __sighandler_t?) -> UInt { unsafeBitCast(handler, to: UInt.self) }
}
