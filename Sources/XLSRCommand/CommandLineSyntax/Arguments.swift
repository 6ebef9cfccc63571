import XLSR

/// What a user typed after a subcommand's name.
struct Arguments: Sendable {
    let operands: [String]
    /// By option name, in their order.
    private let values: [String: [String]]

    /// Understands `--name value`, `--name=value`, flags in between operands, and `--`, after which all are operands.
    /// - Throws: `UsageError` for an option that the command doesn't have, with the nearest one it has.
    init(parsing arguments: some Sequence<String>, for command: Command) throws {
        var (operands, values): ([String], [String: [String]]) = ([], [:])
        var rest = Array(arguments)[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                operands += rest
                break
            }
            guard argument.hasPrefix("-"), argument != "-" else {
                operands.append(argument)
                continue
            }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let name = parts[0] == "-h" ? Option.help.name : parts[0]
            guard let option = command.allOptions.first(where: { $0.name == name }) else {
                let long = name.hasPrefix("--") ? name : "-" + name
                let near = suggestion(for: long, among: command.allOptions.map(\.name))
                throw UsageError("unknown option \(name)\(near)")
            }
            let attached = parts.count > 1 ? parts[1] : nil
            guard option.value != nil else {
                guard attached == nil else { throw UsageError("\(name) takes no value") }
                values[name] = []
                continue
            }
            // Another option in the value's place means that the value was forgotten.
            let next = attached == nil && rest.first?.hasPrefix("--") != true ? rest.popFirst() : attached
            guard let value = next, !value.isEmpty else {
                throw UsageError("\(name) needs a value: \(option.synopsis)")
            }
            values[name, default: []].append(value)
        }
        guard operands.count <= command.operands.limit else {
            let extra = singleQuoted(operands[command.operands.limit])
            let second = command.operands.limit == 1 ? "second " : command.operands.limit == 2 ? "third " : ""
            throw UsageError("\(command.name) takes no \(second)operand, but got \(extra)")
        }
        (self.operands, self.values) = (operands, values)
    }

    private init(operands: [String], values: [String: [String]]) {
        (self.operands, self.values) = (operands, values)
    }

    /// With other operands, and other values of some options; nil takes an option back.
    func replacing(_ others: [(option: Option, values: [String]?)], operands: [String]) -> Arguments {
        var values = values
        for other in others { values[other.option.name] = other.values }
        return Arguments(operands: operands, values: values)
    }

    func has(_ option: Option) -> Bool { values[option.name] != nil }

    /// The last one when an option is repeated, so that a script's defaults can be overridden.
    subscript(option: Option) -> String? { values[option.name]?.last }

    /// All values of an option that may be given several times.
    func all(_ option: Option) -> [String] { values[option.name] ?? [] }

    /// - Throws: `UsageError` that lists the choices.
    func choice<Choice: CaseIterable & RawRepresentable<String>>(_ option: Option, _: Choice.Type) throws -> Choice? {
        guard let text = self[option] else { return nil }
        if let choice = Choice(rawValue: text) { return choice }
        let known = Choice.allCases.map(\.rawValue)
        throw UsageError(
            "\(option.name): \(singleQuoted(text)) is not one of \(known.joined(separator: ", "))"
                + suggestion(for: text, among: known))
    }

    func integer(_ option: Option, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = self[option] else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw outOfRange(option, text, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func number(_ option: Option, in range: ClosedRange<Double>) throws -> Double? {
        guard let text = self[option] else { return nil }
        guard let value = Double(text), range.contains(value) else {
            throw outOfRange(option, text, "a number from \(short(range.lowerBound)) to \(short(range.upperBound))")
        }
        return value
    }

    private func short(_ value: Double) -> String { decimal(value, value == value.rounded() ? 0 : 1) }

    private func outOfRange(_ option: Option, _ text: String, _ expected: String) -> UsageError {
        UsageError("\(option.name): \(singleQuoted(text)) is not \(expected)")
    }
}

func singleQuoted(_ text: String) -> String { "'\(text)'" }
