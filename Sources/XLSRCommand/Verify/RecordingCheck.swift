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
            let text = try model.transcribe([Demo.recording(named: name)])[0].text
            let verdict = text == expected ? "right" : "wrong: expected \(singleQuoted(expected))"
            try Terminal.printResult("\(padded(name, 26)) \(singleQuoted(text)) \(verdict)\n")
            if text != expected { wrong.append(name) }
        }
        return wrong.isEmpty ? nil : "wrong words in \(wrong.joined(separator: ", "))"
    }
}
