import Glibc
import Synchronization
import XLSR

enum Signals {
    /// Makes Ctrl-C and its like end the process at once with nothing half-written left behind, and a reader that goes
    /// away (`| head -1`) end it quietly.
    ///
    /// Once more after devices are opened: the compiler of an OpenCL driver puts handlers of its own.
    static func install() {
        // The handler may only touch what exists already.
        TemporaryFiles.ofProcess.removeAll()
        for number in ending { signal(number, ignored.contains(number) ? SIG_IGN : end) }
        signal(SIGPIPE, SIG_DFL)
        // A write above the limit of a file's size fails as any other.
        signal(SIGXFSZ, SIG_IGN)
    }

    private static let ending = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU]

    /// Whoever started us with a signal ignored (nohup) meant it.
    private static let ignored = Set(ending.filter { address(signal($0, SIG_IGN)) == address(SIG_IGN) })

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
        guard !ignored.contains(SIGINT) else { return }
        signal(SIGINT) { number in
            Signals.isInterrupted.store(true, ordering: .relaxed)
            signal(number, Signals.end)
        }
    }

    private static let closedDescriptor = Atomic(Int32(-1))

    /// Makes the first Ctrl-C or SIGTERM close a descriptor; the next one ends the process. A reader of its messages
    /// that goes away ends it no more.
    static func interruptCloses(_ descriptor: Int32) {
        closedDescriptor.store(descriptor, ordering: .relaxed)
        signal(SIGPIPE, SIG_IGN)
        for number in [SIGINT, SIGTERM] where !ignored.contains(number) {
            signal(number) { _ in
                let descriptor = Signals.closedDescriptor.exchange(-1, ordering: .relaxed)
                if descriptor >= 0 { close(descriptor) }
                for number in [SIGINT, SIGTERM] { signal(number, Signals.end) }
            }
        }
    }

    /// Takes the places of standard streams that are closed, so that nothing that is opened gets them. Each is opened
    /// so that it can't be used, as before.
    static func reserveStandardStreams() {
        for (descriptor, mode) in [(Int32(0), O_WRONLY), (1, O_RDONLY), (2, O_RDONLY)]
        where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", mode)
        }
    }

    /// Functions don't compare.
    private static func address(_ handler: __sighandler_t?) -> UInt { unsafeBitCast(handler, to: UInt.self) }
}
