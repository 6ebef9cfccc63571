/// An option of a command: its spelling, its value and its help text, which parsing and `--help` share.
struct Option: Sendable {
    /// With its dashes: `--device`.
    let name: String
    /// What the value is called in help; nil for an option without one.
    let value: String?
    let help: String

    init(_ name: String, value: String? = nil, _ help: String) {
        self.name = name
        self.value = value
        self.help = help
    }

    /// An option whose value is one of the cases of an enumeration.
    init<Choice: CaseIterable & RawRepresentable<String>>(_ name: String, choices _: Choice.Type, _ help: String) {
        self.init(name, value: Choice.allCases.map(\.rawValue).joined(separator: "|"), help)
    }

    /// As help shows it.
    var synopsis: String { value.map { "\(name) \($0)" } ?? name }

    static let help = Option("--help", "show this help")
}

/// A subcommand: everything that help and parsing need to know, and what it does.
struct Command: Sendable {
    struct Example: Sendable {
        let line: String
        let meaning: String

        init(_ line: String, _ meaning: String) {
            self.line = line
            self.meaning = meaning
        }
    }

    let name: String
    let summary: String
    /// How often operands may come, and what they are.
    let operands: Operands
    let options: [Option]
    /// Paragraphs after the options.
    let notes: [String]
    let examples: [Example]
    /// Returns whether all went well.
    let perform: @Sendable (Arguments) throws -> Bool

    struct Operands: Sendable {
        /// As the usage line shows them: `[AUDIO ...]`.
        let synopsis: String
        let help: String
        let limit: Int

        static let none = Operands(synopsis: "", help: "", limit: 0)
    }

    var allOptions: [Option] { options + [.help] }
}
