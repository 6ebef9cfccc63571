import Glibc
import XLSR

/// What a user says is spoken: words, or a file that holds them.
enum SpokenText {
    static func read(_ argument: String) throws -> String {
        isFile(argument) ? try TextFile.read(argument) : argument
    }

    static func name(of argument: String, audio: String) -> String {
        argument == "-" ? "standard input" : isFile(argument) ? argument : "the text of \(audio)"
    }

    /// A file that is there, or something that can only be meant as one.
    private static func isFile(_ argument: String) -> Bool {
        var status = stat()
        if argument == "-" { return true }
        if stat(argument, &status) == 0 { return status.st_mode & S_IFMT != S_IFDIR }
        return !argument.contains(where: \.isWhitespace) && (argument.contains("/") || argument.hasSuffix(".txt"))
    }
}
