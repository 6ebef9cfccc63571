/// Loads ARPA files, plain and compressed.
package enum ARPAFile {
    /// Pages that have been read may leave memory after so many bytes.
    private static let pieceByteCount = 4 << 20

    static func load(_ file: MappedFile, path: String) throws -> NGramModel {
        var parser = ARPAParser(path: path, byteLimit: file.byteCount, expectedByteCount: file.byteCount)
        for start in stride(from: 0, to: file.byteCount, by: pieceByteCount) {
            let range = start..<min(start + pieceByteCount, file.byteCount)
            try file.withUnsafeBytes { try parser.consume(UnsafeRawBufferPointer(rebasing: $0[range])) }
            file.discardResidentPages(in: range)
        }
        return try parser.finish(.arpa)
    }
}
