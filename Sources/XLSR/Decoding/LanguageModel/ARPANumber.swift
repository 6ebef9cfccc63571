import Glibc

/// The numbers of an ARPA file.
enum ARPANumber {
    private static let exactPowersOfTen: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]

    /// The nearest float to a decimal number; nil for anything else, NaN too.
    static func float(_ text: UnsafeRawBufferPointer) -> Float? {
        fastFloat(text) ?? slowFloat(text)
    }

    /// Digits with at most one point, when one exact operation on doubles gives the number.
    private static func fastFloat(_ text: UnsafeRawBufferPointer) -> Float? {
        var position = 0
        let isNegative = text.first == UInt8(ascii: "-")
        if isNegative { position = 1 }
        var digits: UInt64 = 0
        var digitCount = 0
        var fractionDigits = 0
        var isFraction = false
        while position < text.count {
            let byte = text[position]
            position += 1
            if byte == UInt8(ascii: "."), !isFraction {
                isFraction = true
                continue
            }
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10, digitCount < 18 else { return nil }
            digits = digits &* 10 &+ UInt64(digit)
            digitCount += 1
            if isFraction { fractionDigits += 1 }
        }
        guard digitCount > 0, digits <= 1 << 53 else { return nil }
        let value = Double(digits) / exactPowersOfTen[fractionDigits]
        // Half way between two floats, the rounding to a double may have decided; and tiny floats have fewer bits.
        let isHalfWay = value.bitPattern & 0x1FFF_FFFF == 0x1000_0000
        guard !isHalfWay, value == 0 || value >= Double(Float.leastNormalMagnitude) else { return nil }
        return Float(isNegative ? -value : value)
    }

    private static func slowFloat(_ text: UnsafeRawBufferPointer) -> Float? {
        // Not what Swift would also read: hexadecimal digits, NaN with a payload, an underscore.
        guard text.count <= 1024, let first = text.first,
            first == UInt8(ascii: "-") || first == UInt8(ascii: "+") || first == UInt8(ascii: ".")
                || first == UInt8(ascii: "i") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first),
            !text.contains(where: { $0 | 0x20 == UInt8(ascii: "x") }),
            let value = Float(String(decoding: text, as: UTF8.self)), !value.isNaN
        else { return nil }
        return value
    }
}
