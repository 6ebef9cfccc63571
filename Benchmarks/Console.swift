import Glibc

/// Lines that appear at once, also where the output is a file: a run takes minutes.
enum Console {
    static func output(_ line: String) {
        print(line)
        fflush(nil)
    }

    static func note(_ line: String) {
        let text = "Benchmarks: \(line)\n"
        _ = text.utf8.withContiguousStorageIfAvailable { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
