import Glibc
import Synchronization
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
            signal(number, end)
        }
        signal(SIGPIPE, SIG_DFL)
        // A write above the limit of a file's size fails as any other.
        signal(SIGXFSZ, SIG_IGN)
    }

    /// As any program that dies of a signal, so that shells stop their loops; they report 128 + number.
    private static let end: @convention(c) (Int32) -> Void = { number in
        TemporaryFiles.ofProcess.removeAll()
        signal(number, SIG_DFL)
        raise(number)
    }

    /// Whether `interruptEndsInput` has seen a Ctrl-C.
    static let isInterrupted = Atomic(false)

    /// Makes the first Ctrl-C end the input, so that what was heard is still written; the next one ends the process.
    static func interruptEndsInput() {
        // The handler may only touch what exists already.
        isInterrupted.store(false, ordering: .relaxed)
        guard address(signal(SIGINT, SIG_IGN)) != address(SIG_IGN) else { return }
        signal(SIGINT) { number in
            Signals.isInterrupted.store(true, ordering: .relaxed)
            signal(number, Signals.end)
        }
    }

    private static let closedDescriptor = Atomic(Int32(-1))

    /// Makes the first Ctrl-C or SIGTERM close a descriptor; the next one ends the process.
    static func interruptCloses(_ descriptor: Int32) {
        closedDescriptor.store(descriptor, ordering: .relaxed)
        for number in [SIGINT, SIGTERM] {
            if address(signal(number, SIG_IGN)) == address(SIG_IGN) { continue }
            signal(number) { _ in
                let descriptor = Signals.closedDescriptor.exchange(-1, ordering: .relaxed)
                if descriptor >= 0 { close(descriptor) }
                for number in [SIGINT, SIGTERM] { signal(number, Signals.end) }
            }
        }
    }

    /// Functions don't compare.
    private static func address(_ handler: __sighandler_t?) -> UInt { unsafeBitCast(handler, to: UInt.self) }
}
