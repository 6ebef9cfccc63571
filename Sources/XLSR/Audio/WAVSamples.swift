extension WAVFormat {
    /// Decodes whole frames and mixes each down to the mean of its channels; a partial last frame is dropped.
    ///
    /// Integers of b bits become x / 2^(b−1), so that full scale is −1…1.
    func mixedDown(_ data: UnsafeRawBufferPointer) -> [Float] {
        switch encoding {
        case .unsigned8:
            mix(data) { (Float($0.load(fromByteOffset: $1, as: UInt8.self)) - 128) * 0x1p-7 }
        case .signed16:
            mix(data) { Float(Int16(littleEndian: $0.loadUnaligned(fromByteOffset: $1, as: Int16.self))) * 0x1p-15 }
        case .signed24:
            mix(data) { bytes, offset in
                let low = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
                let high = bytes.load(fromByteOffset: offset + 2, as: Int8.self)
                return Float(Int32(high) << 16 | Int32(low)) * 0x1p-23
            }
        case .signed32:
            mix(data) { Float(Int32(littleEndian: $0.loadUnaligned(fromByteOffset: $1, as: Int32.self))) * 0x1p-31 }
        case .float32:
            mix(data) {
                Float(bitPattern: UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: $1, as: UInt32.self)))
            }
        case .float64:
            mix(data) {
                let bits = UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: $1, as: UInt64.self))
                return Float(Double(bitPattern: bits))
            }
        case .aLaw:
            mix(data, table: (UInt8.min...UInt8.max).map(Companding.aLaw))
        case .muLaw:
            mix(data, table: (UInt8.min...UInt8.max).map(Companding.muLaw))
        }
    }

    private func mix(_ data: UnsafeRawBufferPointer, table: [Float]) -> [Float] {
        table.withUnsafeBufferPointer { table in
            mix(data) { table[Int($0.load(fromByteOffset: $1, as: UInt8.self))] }
        }
    }

    @inline(__always)
    private func mix(_ data: UnsafeRawBufferPointer, _ sample: (UnsafeRawPointer, Int) -> Float) -> [Float] {
        let frames = data.count / frameByteCount
        guard frames > 0, let base = data.baseAddress else { return [] }
        let scale = 1 / Float(channels)
        return Array(unsafeUninitializedCapacity: frames) { mono, count in
            for frame in 0..<frames {
                var offset = frame * frameByteCount
                var sum: Float = 0
                for _ in 0..<channels {
                    // Scaled before it is summed: finite channels have a finite mean.
                    sum += sample(base, offset) * scale
                    offset += encoding.byteCount
                }
                mono.initializeElement(at: frame, to: sum)
            }
            count = frames
        }
    }
}

/// Logarithmic companding of telephone speech (ITU-T G.711), full scale −1…1.
private enum Companding {
    static func aLaw(_ byte: UInt8) -> Float {
        let code = byte ^ 0x55
        let segment = Int32(code & 0x70) >> 4
        let mantissa = Int32(code & 0x0F) << 4 + 8
        let magnitude = segment == 0 ? mantissa : (mantissa + 0x100) << (segment - 1)
        return Float(code & 0x80 != 0 ? magnitude : -magnitude) * 0x1p-15
    }

    static func muLaw(_ byte: UInt8) -> Float {
        let code = ~byte
        let bias: Int32 = 0x84
        let magnitude = (Int32(code & 0x0F) << 3 + bias) << (Int32(code & 0x70) >> 4) - bias
        return Float(code & 0x80 != 0 ? -magnitude : magnitude) * 0x1p-15
    }
}
