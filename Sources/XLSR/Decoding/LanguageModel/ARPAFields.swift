/// The parts of a line between spaces and tabs.
struct ARPAFields {
    private let line: UnsafeRawBufferPointer
    private var position = 0

    init(_ line: UnsafeRawBufferPointer) {
        self.line = line
    }

    mutating func next() -> UnsafeRawBufferPointer? {
        while position < line.count, Self.isDelimiter(line[position]) { position += 1 }
        let start = position
        while position < line.count, !Self.isDelimiter(line[position]) { position += 1 }
        return start == position ? nil : UnsafeRawBufferPointer(rebasing: line[start..<position])
    }

    private static func isDelimiter(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0
    }
}
