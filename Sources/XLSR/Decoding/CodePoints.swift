/// Text as Python sees it: a list of code points.
///
/// Swift's `String` compares by canonical equivalence and counts grapheme clusters, so it would take "é" and
/// "e" + combining acute for one token; in a vocabulary they are two.
typealias CodePoints = [Unicode.Scalar]

extension CodePoints {
    init(_ text: String) {
        self = CodePoints(text.unicodeScalars)
    }

    var string: String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: self)
        return String(view)
    }

    /// Python's `str.strip()`.
    func strippingWhitespace() -> CodePoints {
        strippingLeadingWhitespace().strippingTrailingWhitespace()
    }

    /// Python's `str.lstrip()`.
    func strippingLeadingWhitespace() -> CodePoints {
        CodePoints(drop(while: \.isPythonWhitespace))
    }

    /// Python's `str.rstrip()`.
    func strippingTrailingWhitespace() -> CodePoints {
        CodePoints(prefix((lastIndex { !$0.isPythonWhitespace } ?? -1) + 1))
    }

    /// Python's `str.upper()`.
    func uppercased() -> CodePoints {
        flatMap { $0.properties.uppercaseMapping.unicodeScalars }
    }

    /// Python's `str.lower()`, with the final form of sigma, which `String.lowercased()` doesn't know.
    func lowercased() -> CodePoints {
        indices.flatMap { index -> CodePoints in
            if self[index] == "Σ" { return isFinalSigma(at: index) ? ["ς"] : ["σ"] }
            return CodePoints(self[index].properties.lowercaseMapping)
        }
    }

    /// The `Final_Sigma` condition of Unicode's SpecialCasing: a cased letter before and none after,
    /// case-ignorable characters apart.
    private func isFinalSigma(at index: Int) -> Bool {
        let before = self[..<index].last { !$0.properties.isCaseIgnorable }
        let after = self[(index + 1)...].first { !$0.properties.isCaseIgnorable }
        return before?.properties.isCased == true && after?.properties.isCased != true
    }

    /// Python's `str.replace(old, new)`; `old` isn't empty.
    func replacing(_ old: CodePoints, with new: CodePoints) -> CodePoints {
        var result = CodePoints()
        var index = 0
        while index < count {
            if !old.isEmpty, self[index...].starts(with: old) {
                result += new
                index += old.count
            } else {
                result.append(self[index])
                index += 1
            }
        }
        return result
    }

    /// Hugging Face's `clean_up_tokenization`: no space before punctuation and English contractions.
    func cleanedUp() -> CodePoints {
        [
            (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
            (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
        ].reduce(self) { $0.replacing(CodePoints($1.0), with: CodePoints($1.1)) }
    }
}

extension Unicode.Scalar {
    /// Python's `str.isspace`: Unicode's White_Space and the four separators U+001C to U+001F.
    var isPythonWhitespace: Bool {
        properties.isWhitespace || (0x1C...0x1F).contains(value)
    }
}
