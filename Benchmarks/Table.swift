/// Aligned columns of text: the first to the left, the others to the right.
package struct Table {
    let widths: [Int]

    func row(_ cells: [String]) -> String {
        zip(cells, widths).enumerated().map { index, cell in
            Self.padded(cell.0, cell.1, alignedRight: index > 0)
        }.joined(separator: "  ")
    }

    static func padded(_ text: String, _ width: Int, alignedRight: Bool = false) -> String {
        let padding = String(repeating: " ", count: max(0, width - text.count))
        return alignedRight ? padding + text : text + padding
    }

    /// Three significant digits: 0.0123, 1.23, 12.3, 123, 1234.
    package static func number(_ value: Double) -> String {
        guard value.isFinite, value.magnitude < 1e15 else { return "–" }
        guard value != 0 else { return "0" }
        var (magnitude, digits) = (value.magnitude, 2)
        while magnitude >= 9.995, digits > 0 { (magnitude, digits) = (magnitude / 10, digits - 1) }
        while magnitude < 0.9995, digits < 9 { (magnitude, digits) = (magnitude * 10, digits + 1) }
        return decimal(value, digits: digits)
    }

    /// Without a fraction of nought: 5, 2.5.
    static func plain(_ value: Double) -> String {
        let text = "\(value)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    static func percent(_ share: Double?) -> String {
        share.map { "\(Int(($0 * 100).rounded())) %" } ?? "–"
    }

    private static func decimal(_ value: Double, digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = String(Int((value.magnitude * scale).rounded()))
        let padded = String(repeating: "0", count: max(0, digits + 1 - scaled.count)) + scaled
        let sign = value < 0 ? "-" : ""
        return digits == 0 ? sign + padded : sign + padded.dropLast(digits) + "." + padded.suffix(digits)
    }
}
