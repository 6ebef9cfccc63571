import FoundationEssentials

/// A number with so many digits after the point.
func decimal(_ value: Double, _ places: Int) -> String {
    let scale = (0..<places).reduce(1) { scale, _ in scale * 10 }
    guard let scaled = Int(exactly: (value.magnitude * Double(scale)).rounded()) else { return "\(value)" }
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard places > 0 else { return "\(sign)\(scaled)" }
    let fraction = String(scaled % scale)
    return "\(sign)\(scaled / scale)." + String(repeating: "0", count: places - fraction.count) + fraction
}

/// `3.1e-07`.
func scientific(_ value: Float) -> String {
    guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
    var (mantissa, exponent) = (Double(value.magnitude), 0)
    while mantissa >= 9.95 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
    while mantissa < 0.995 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
    let digits = String(exponent.magnitude)
    return "\(value < 0 ? "-" : "")\(decimal(mantissa, 1))e\(exponent < 0 ? "-" : "+")"
        + String(repeating: "0", count: max(0, 2 - digits.count)) + digits
}

/// `1.9 MB`, in powers of a thousand.
func byteText(_ byteCount: Int) -> String { scaled(byteCount, ["B", "kB", "MB", "GB", "TB"]) }

/// `315.4 M`.
func countText(_ count: Int) -> String { scaled(count, ["", "k", "M", "G"]) }

private func scaled(_ count: Int, _ units: [String]) -> String {
    var (value, unit) = (Double(count), 0)
    while value >= 999.5, unit + 1 < units.count { (value, unit) = (value / 1000, unit + 1) }
    let number = unit == 0 ? String(count) : decimal(value, value < 99.95 ? 1 : 0)
    return units[unit].isEmpty ? number : "\(number) \(units[unit])"
}

func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
}

func leftPadded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
}

/// "1 file", "2 files".
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

extension Duration {
    var seconds: Double { self / .seconds(1) }
}

/// A JSON document for programs to read: keys sorted, a newline at its end.
func jsonDocument(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
}

/// "12.3 %"
func percent(_ share: Double, _ places: Int = 1) -> String { decimal(100 * share, places) + " %" }
