/// Writes WAV files byte by byte, lies included.
struct WAVBuilder {
    var riff = "RIFF"
    var riffSize: UInt32?
    var tag: UInt16 = 1
    var channels: UInt16 = 1
    var sampleRate: UInt32 = 16_000
    var bits: UInt16 = 16
    var blockAlign: UInt16?
    /// Sub-format tag; makes the format chunk extensible.
    var subformat: UInt16?
    var validBits: UInt16?
    var subformatSuffix: [UInt8] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]
    /// Chunks before the format chunk, between it and the data, and after the data.
    var before: [UInt8] = []
    var between: [UInt8] = []
    var after: [UInt8] = []
    var data: [UInt8] = []
    var dataSize: UInt32?

    var formatChunk: [UInt8] {
        let align = blockAlign ?? channels &* ((bits &+ 7) / 8)
        var body = little(subformat == nil ? tag : 0xFFFE) + little(channels) + little(sampleRate)
        body += little(sampleRate &* UInt32(align)) + little(align) + little(bits)
        if let subformat {
            body += little(UInt16(22)) + little(validBits ?? bits) + little(UInt32(0)) + little(subformat)
            body += subformatSuffix
        }
        return Self.chunk("fmt ", body)
    }

    var bytes: [UInt8] {
        var dataChunk = Self.chunk("data", data)
        if let dataSize { dataChunk.replaceSubrange(4..<8, with: little(dataSize)) }
        let body = before + formatChunk + between + dataChunk + after
        return Array(riff.utf8) + little(riffSize ?? UInt32(body.count + 4)) + Array("WAVE".utf8) + body
    }

    static func chunk(_ name: String, _ body: [UInt8]) -> [UInt8] {
        Array(name.utf8) + little(UInt32(body.count)) + body + (body.count % 2 == 1 ? [0] : [])
    }
}

func little(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

func little(_ samples: [Int16]) -> [UInt8] {
    samples.flatMap { little($0) }
}
