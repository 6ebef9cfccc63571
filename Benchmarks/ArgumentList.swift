import XLSR

/// Arguments one after another; `--name=value` is `--name value`.
struct ArgumentList {
    private var arguments: ArraySlice<String>
    private var attachedValue: (name: String, value: String)?

    init(_ arguments: [String]) {
        self.arguments = arguments[...]
    }

    mutating func next() -> String? {
        guard attachedValue == nil, let argument = arguments.popFirst() else { return nil }
        guard argument.hasPrefix("--"), let equals = argument.firstIndex(of: "=") else { return argument }
        let name = String(argument[..<equals])
        attachedValue = (name, String(argument[argument.index(after: equals)...]))
        return name
    }

    mutating func value(of name: String) throws -> String {
        defer { attachedValue = nil }
        guard let value = attachedValue?.value ?? arguments.popFirst(), !value.isEmpty else {
            throw UsageError("\(name) needs a value")
        }
        return value
    }

    mutating func integer(of name: String, in range: ClosedRange<Int>) throws -> Int {
        try number(of: name, in: range, "an integer", Int.init)
    }

    mutating func number(of name: String, in range: ClosedRange<Double>) throws -> Double {
        try number(of: name, in: range, "a number", Double.init)
    }

    private mutating func number<Number>(
        of name: String, in range: ClosedRange<Number>, _ kind: String, _ parse: (String) -> Number?
    ) throws -> Number {
        let text = try value(of: name)
        guard let number = parse(text), range.contains(number) else {
            throw UsageError("\(name) \(text): not \(kind) from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// `--help=yes` leaves one.
    func requireNoUnusedValue() throws {
        if let (name, _) = attachedValue { throw UsageError("\(name) takes no value") }
    }
}
