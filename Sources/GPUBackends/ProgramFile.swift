/// The file of one program: a title with the format's version, the key, the program, each after its byte count, and a
/// checksum of all that.
enum ProgramFile {
    private static let title = Array("xlsr program 1\n".utf8)

    static func bytes(of program: [UInt8], key: [String]) -> [UInt8] {
        let bytes = title + counted(encoded(key)) + counted(program)
        return bytes + littleEndian(hash(bytes[...]))
    }

    /// nil unless every byte is as it was written, for this key.
    static func program(in file: [UInt8], key: [String]) -> [UInt8]? {
        let start = title + counted(encoded(key))
        let programStart = start.count + 8
        guard file.count >= programStart + 8, file.starts(with: start) else { return nil }
        let program = file[programStart..<(file.count - 8)]
        guard file[start.count..<programStart].elementsEqual(littleEndian(UInt64(program.count))),
            file.suffix(8).elementsEqual(littleEndian(hash(file[..<(file.count - 8)])))
        else { return nil }
        return Array(program)
    }

    /// Each part after its byte count, so that no two keys look the same.
    static func encoded(_ key: [String]) -> [UInt8] {
        key.flatMap { counted(Array($0.utf8)) }
    }

    private static func counted(_ bytes: [UInt8]) -> [UInt8] { littleEndian(UInt64(bytes.count)) + bytes }

    private static func littleEndian(_ value: UInt64) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian, Array.init)
    }

    /// Eight bytes a step, each step reversible: of two files of one length that differ in one place, no two agree.
    static func hash(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15
        return bytes.withUnsafeBytes { bytes in
            var hash = UInt64(bytes.count) &* multiplier
            for offset in stride(from: 0, to: bytes.count, by: 8) {
                var word: UInt64 = 0
                withUnsafeMutableBytes(of: &word) {
                    $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<min(offset + 8, bytes.count)]))
                }
                hash = (hash ^ UInt64(littleEndian: word)) &* multiplier
                hash ^= hash >> 29
            }
            return hash
        }
    }
}
