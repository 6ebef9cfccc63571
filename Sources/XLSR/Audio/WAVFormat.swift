/// The `fmt ` chunk of a WAV file: how its samples are laid out.
struct WAVFormat {
    enum Encoding {
        case unsigned8, signed16, signed24, signed32, float32, float64, aLaw, muLaw

        var byteCount: Int {
            switch self {
            case .unsigned8, .aLaw, .muLaw: 1
            case .signed16: 2
            case .signed24: 3
            case .signed32, .float32: 4
            case .float64: 8
            }
        }
    }

    let encoding: Encoding
    let channels: Int
    /// Frames (one sample of each channel) a second, in Hz.
    let sampleRate: Int

    var frameByteCount: Int { channels * encoding.byteCount }

    /// - Throws: `AudioError` when the chunk is cut or contradicts itself, or names a codec that isn't read here.
    init(chunk: UnsafeRawBufferPointer, source: String) throws {
        func malformed(_ detail: String) -> AudioError {
            AudioError(.malformed, source: source, detail, remedy: "write the file again, for example with ffmpeg")
        }
        guard var tag = chunk.littleEndian(UInt16.self, at: 0),
            let channels = chunk.littleEndian(UInt16.self, at: 2).map({ Int($0) }),
            let sampleRate = chunk.littleEndian(UInt32.self, at: 4).map({ Int($0) }),
            let blockAlign = chunk.littleEndian(UInt16.self, at: 12).map({ Int($0) }),
            let bits = chunk.littleEndian(UInt16.self, at: 14).map({ Int($0) })
        else { throw malformed("the WAV format chunk is cut: \(chunk.count) bytes, at least 16 needed") }

        if tag == Tag.extensible {
            guard let validBits = chunk.littleEndian(UInt16.self, at: 18), chunk.count >= 40 else {
                throw malformed("the extensible WAV format chunk is cut: \(chunk.count) bytes, 40 needed")
            }
            guard validBits <= bits else { throw malformed("the WAV header has \(validBits) valid bits of \(bits)") }
            guard chunk[26..<40].elementsEqual(Tag.subformatSuffix) else {
                throw AudioError(
                    .unsupported, source: source, "a WAV file with an unknown sub-format", remedy: FFmpeg.remedy)
            }
            tag = UInt16(chunk[24]) | UInt16(chunk[25]) << 8
        }

        guard channels > 0 else { throw malformed("the WAV header says zero channels") }
        guard sampleRate > 0 else { throw malformed("the WAV header says a sample rate of zero") }
        guard AudioClip.sampleRates.contains(sampleRate) else {
            let range = AudioClip.sampleRates
            throw malformed(
                "the WAV header says \(sampleRate) Hz; rates from \(range.lowerBound) to \(range.upperBound) are read")
        }
        encoding = try Self.encoding(tag: tag, bits: bits, source: source)
        self.channels = channels
        self.sampleRate = sampleRate
        guard blockAlign == channels * encoding.byteCount else {
            throw malformed(
                "the WAV header says \(blockAlign) bytes a frame, but \(channels) × \(bits) bits need "
                    + "\(channels * encoding.byteCount)")
        }
    }

    /// Samples of a bit count between two sizes sit left-justified in the larger, so the larger's scale is right.
    private static func encoding(tag: UInt16, bits: Int, source: String) throws -> Encoding {
        switch (tag, bits) {
        case (Tag.integer, 1...8): return .unsigned8
        case (Tag.integer, 9...16): return .signed16
        case (Tag.integer, 17...24): return .signed24
        case (Tag.integer, 25...32): return .signed32
        case (Tag.float, 32): return .float32
        case (Tag.float, 64): return .float64
        case (Tag.aLaw, 8): return .aLaw
        case (Tag.muLaw, 8): return .muLaw
        case (Tag.integer, _), (Tag.float, _), (Tag.aLaw, _), (Tag.muLaw, _):
            throw AudioError(
                .unsupported, source: source, "a WAV file with \(bits)-bit \(Tag.name(tag)) samples",
                remedy: FFmpeg.remedy)
        default:
            throw AudioError(
                .unsupported, source: source, "a WAV file compressed with \(Tag.name(tag))", remedy: FFmpeg.remedy)
        }
    }

    /// Format tags of the RIFF registry (RFC 2361).
    private enum Tag {
        static let integer: UInt16 = 1
        static let float: UInt16 = 3
        static let aLaw: UInt16 = 6
        static let muLaw: UInt16 = 7
        static let extensible: UInt16 = 0xFFFE

        /// The last 14 bytes of a sub-format GUID whose first two are a format tag.
        static let subformatSuffix: [UInt8] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]

        static func name(_ tag: UInt16) -> String {
            switch tag {
            case integer: "integer"
            case float: "float"
            case aLaw: "A-law"
            case muLaw: "µ-law"
            case 0x02: "Microsoft ADPCM"
            case 0x11: "IMA ADPCM"
            case 0x31: "GSM 6.10"
            case 0x50: "MPEG audio"
            case 0x55: "MP3"
            case 0x161, 0x162: "Windows Media Audio"
            default: "codec 0x" + String(tag, radix: 16)
            }
        }
    }
}

extension UnsafeRawBufferPointer {
    /// The integer at `offset`, or nil when it would pass the end.
    func littleEndian<Value: FixedWidthInteger>(_: Value.Type, at offset: Int) -> Value? {
        guard offset >= 0, count >= MemoryLayout<Value>.size, offset <= count - MemoryLayout<Value>.size else {
            return nil
        }
        return Value(littleEndian: loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
}
