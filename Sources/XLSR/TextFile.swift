import Glibc

/// Text that a user wrote, from a file or from standard input.
package enum TextFile {
    /// No transcript comes near this: it takes a person a year to say.
    private static let byteLimit = 1 << 28

    /// The whole text, in UTF-8, without a byte order mark and with plain line feeds.
    /// - Parameter path: a file, a pipe, or `-` for standard input.
    /// - Throws: `TextError` that names the file.
    package static func read(_ path: String) throws -> String {
        let source = path == "-" ? "standard input" : path
        let bytes: [UInt8]
        do {
            let file = path == "-" ? 0 : try WholeFile.openForReading(path)
            defer { if path != "-" { close(file) } }
            bytes = try WholeFile.contents(of: file, byteLimit: byteLimit)
        } catch let error as SystemError {
            throw TextError(
                .missingFile, source: source, error.isMissingFile ? "no such file" : "can't be read: \(error)")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw TextError(.malformed, source: source, "not UTF-8", remedy: "save the text as UTF-8")
        }
        return CodePoints(text.first == "\u{FEFF}" ? String(text.dropFirst()) : text)
            .replacing(["\r", "\n"], with: ["\n"]).string
    }
}
