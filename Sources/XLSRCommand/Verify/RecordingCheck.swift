import XLSR

/// The bundled recordings against what is said in them.
enum RecordingCheck {
    /// Prints a line for each recording.
    /// - Returns: what is wrong, in words; nil when the model heard every word.
    static func run(_ model: XLSRModel) throws -> String? {
        var wrong: [String] = []
        let names = Demo.recordingNames
        for (index, name) in names.enumerated() {
            ProgressBar.show(name, index, of: names.count)
            guard let expected = Demo.transcript(ofRecording: name) else { continue }
            // A device may record what it does: then it is the record that computes from the second time on.
            let texts = try (0..<3).map { _ in try model.transcribe([Demo.recording(named: name)])[0].text }
            let text = texts.first { $0 != expected } ?? expected
            let verdict = text == expected ? "right" : "wrong: expected \(singleQuoted(expected))"
            try Terminal.printResult("\(padded(name, 26)) \(singleQuoted(text)) \(verdict)\n")
            if text != expected { wrong.append(name) }
        }
        return wrong.isEmpty ? nil : "wrong words in \(wrong.joined(separator: ", "))"
    }
}
