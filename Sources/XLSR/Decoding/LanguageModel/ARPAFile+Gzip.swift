import Glibc
import TensorEngine

extension ARPAFile {
    /// Deflate makes nothing smaller than that.
    private static let greatestCompressionRatio = 1032
    /// Of ARPA files it is 2.5 to 5.
    private static let expectedCompressionRatio = 6

    /// Reads the text while the `gzip` program unpacks it; neither is ever kept whole.
    static func loadCompressed(_ file: MappedFile, path: String) throws -> NGramModel {
        let searchPath = HostSystem.variable("PATH") ?? ""
        return try loadCompressed(file, path: path, searchPath: searchPath)
    }

    /// - Parameter searchPath: the folders to look for gzip in, as in PATH.
    package static func loadCompressed(_ file: MappedFile, path: String, searchPath: String) throws -> NGramModel {
        guard let program = Subprocess.find("gzip", searchPath: searchPath) else {
            throw CheckpointError(
                .languageModel, path: path, "is compressed by gzip, and there is no gzip program to unpack it",
                remedy: "install gzip, or unpack the file")
        }
        // No file that can be mapped is large enough for these to overflow.
        var parser = ARPAParser(
            path: path, byteLimit: file.byteCount * greatestCompressionRatio,
            expectedByteCount: file.byteCount * expectedCompressionRatio)
        let result: Subprocess
        do {
            let descriptor = try WholeFile.openForReading(path)
            defer { close(descriptor) }
            result = try Subprocess.run(program, ["-dc"], standardInput: descriptor) { try parser.consume($0) }
        } catch let error as SystemError {
            throw CheckpointError(.languageModel, path: path, "unpacking it with \(program) failed: \(error)")
        }
        // 2 is a warning: something that isn't gzip's follows the text.
        guard [0, 2].contains(result.exitStatus ?? 0) else {
            let words = String(decoding: result.errorOutput, as: UTF8.self).split(whereSeparator: \.isNewline).last
            throw CheckpointError.malformed(
                path, "gzip can't unpack it: \(words ?? "exit status \(result.exitStatus ?? -1)")")
        }
        return try parser.finish(.compressedARPA)
    }
}
