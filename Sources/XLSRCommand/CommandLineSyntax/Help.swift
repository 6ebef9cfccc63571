/// The text of `xlsr --help` and `xlsr X --help`.
enum Help {
    private static let width = 100
    private static let column = 26

    static func overview(_ commands: [Command]) -> String {
        """
        xlsr runs XLS-R and other wav2vec 2.0 checkpoints: speech in, text or features out.

        Usage: xlsr COMMAND [options]

        \(table(commands.map { ($0.name, $0.summary) } + [("help COMMAND", "options and examples of a command")]))
        Try `xlsr run`: it transcribes a bundled recording with the bundled model.
        xlsr --version prints the version.

        """
    }

    static func text(of command: Command) -> String {
        let operands = command.operands
        var parts = [
            wrapped(command.summary, indent: 0),
            "Usage: xlsr \(command.name) [options] \(operands.synopsis)".trimmingTrailingSpaces + "\n",
        ]
        if operands.limit > 0 { parts.append(table([(operands.synopsis, operands.help)])) }
        parts.append("Options:\n" + table(command.allOptions.map { ($0.synopsis, $0.help) }))
        parts += command.notes.map { wrapped($0, indent: 0) }
        parts.append("Examples:\n" + command.examples.map { "  \($0.line)\n      \($0.meaning)\n" }.joined())
        return parts.joined(separator: "\n")
    }

    private static func table(_ rows: [(String, String)]) -> String {
        rows.map { name, text in
            let lines = wrapped(text, indent: column)
            let head = "  \(name)"
            return head.count + 2 > column ? head + "\n" + lines : head + lines.dropFirst(head.count)
        }.joined()
    }

    private static func wrapped(_ text: String, indent: Int) -> String {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, indent + line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? word : " " + word
        }
        lines.append(line)
        return lines.map { String(repeating: " ", count: indent) + $0 + "\n" }.joined()
    }
}

extension String {
    fileprivate var trimmingTrailingSpaces: String {
        String(self[..<(lastIndex { $0 != " " }.map(index(after:)) ?? startIndex)])
    }
}
