import Glibc
import TensorEngine
import XLSR

/// The system doesn't let the process write, or work at all.
struct OutputError: Error, CustomStringConvertible {
    let description: String
}

/// The process's standard streams: results go to one, everything else to the other.
enum Terminal {
    static let standardOutput: Int32 = 1
    static let standardError: Int32 = 2

    static func printResult(_ text: String) throws {
        ProgressBar.clear()
        try write(text, to: standardOutput, name: "standard output")
    }

    /// A line that is no result. Where even that can't be written, there is nobody to tell.
    static func note(_ text: String) {
        ProgressBar.clear()
        try? write(singleLined(text) + "\n", to: standardError, name: "standard error")
    }

    static func error(_ text: String) { note("xlsr: error: \(text)") }

    static func write(_ text: String, to descriptor: Int32, name: String) throws {
        var text = text
        try text.withUTF8 { try write(UnsafeRawBufferPointer($0), to: descriptor, name: name) }
    }

    static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, name: String) throws {
        guard HostSystem.writeAll(bytes, to: descriptor) else {
            throw OutputError(description: "\(name): can't be written: \(String(cString: strerror(errno)))")
        }
    }

    /// Names of files may hold anything, but a message is one line that leaves the terminal as it was.
    private static func singleLined(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
    }
}
