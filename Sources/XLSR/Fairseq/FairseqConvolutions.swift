/// Reads `conv_feature_layers`, which fairseq hands to Python's `eval`: sums of lists of `(channels, kernel, stride)`,
/// each maybe times a number, as in `[(512, 10, 5)] + [(512, 3, 2)] * 4`. It takes nothing else.
struct FairseqConvolutions {
    private static let layerLimit = 32

    private var rest: Substring.UnicodeScalarView

    /// - Returns: nil for any other text.
    static func parse(_ text: String) -> [Configuration.ConvolutionLayer]? {
        guard text.utf8.count <= 4096 else { return nil }
        var parser = FairseqConvolutions(rest: Substring(text).unicodeScalars)
        var layers: [Configuration.ConvolutionLayer] = []
        repeat {
            guard let term = parser.term(), layers.count + term.count <= layerLimit else { return nil }
            layers += term
        } while parser.take("+")
        return parser.isAtEnd && !layers.isEmpty ? layers : nil
    }

    /// `[…]`, `[…] * n` or `n * […]`.
    private mutating func term() -> [Configuration.ConvolutionLayer]? {
        var count = 1
        if let factor = number() {
            guard take("*") else { return nil }
            count = factor
        }
        guard let list = list() else { return nil }
        while take("*") {
            guard let factor = number(), count <= Self.layerLimit else { return nil }
            count *= factor
        }
        guard count <= Self.layerLimit, count * list.count <= Self.layerLimit else { return nil }
        return Array(repeatElement(list, count: count).joined())
    }

    private mutating func list() -> [Configuration.ConvolutionLayer]? {
        guard take("[") else { return nil }
        var layers: [Configuration.ConvolutionLayer] = []
        while !take("]") {
            guard layers.count < Self.layerLimit, let layer = layer() else { return nil }
            layers.append(layer)
            if take(",") { continue }
            guard take("]") else { return nil }
            break
        }
        return layers
    }

    private mutating func layer() -> Configuration.ConvolutionLayer? {
        guard take("("), let channels = number(), take(","), let kernel = number(), take(","), let stride = number()
        else { return nil }
        _ = take(",")
        return take(")") ? Configuration.ConvolutionLayer(channels: channels, kernel: kernel, stride: stride) : nil
    }

    /// An integer of at most six digits.
    private mutating func number() -> Int? {
        skipSpaces()
        let digits = rest.prefix { ("0"..."9").contains($0) }
        guard (1...6).contains(digits.count), let number = Int(String(digits)) else { return nil }
        rest = rest.dropFirst(digits.count)
        return number
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        skipSpaces()
        guard rest.first == scalar else { return false }
        rest = rest.dropFirst()
        return true
    }

    private var isAtEnd: Bool { rest.allSatisfy(\.properties.isWhitespace) }

    private mutating func skipSpaces() {
        rest = rest.drop { $0.properties.isWhitespace }
    }
}
