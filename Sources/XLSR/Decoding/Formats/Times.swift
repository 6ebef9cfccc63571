/// Text with its place in whole milliseconds.
struct MillisecondSpan {
    var start: Int
    /// The first millisecond after it.
    var end: Int
    var text: String
    var confidence: Double
}

extension MillisecondSpan {
    /// Texts in their order, without blank ones, each inside the audio and none before the end of the one before it.
    static func spans(of texts: [TimedText], in result: TranscriptionResult) -> [MillisecondSpan] {
        var last = 0
        return texts.filter { !$0.text.allSatisfy(\.isWhitespace) }.map { text in
            let start = min(max(milliseconds(text.start), last), result.milliseconds)
            last = min(max(milliseconds(text.end), start), result.milliseconds)
            return MillisecondSpan(start: start, end: last, text: singleLine(text.text), confidence: text.confidence)
        }
    }
}

extension TranscriptionResult {
    /// The whole milliseconds to the end of the audio.
    var milliseconds: Int { Int((boundedSeconds((start ?? 0) + audioSeconds) * 1000).rounded(.down)) }
}

func milliseconds(_ seconds: Double) -> Int { Int((boundedSeconds(seconds) * 1000).rounded()) }

/// A time that fits any integer: NaN is 0, and nothing lasts longer than a hundred years.
private func boundedSeconds(_ value: Double) -> Double { value.isNaN ? 0 : min(max(value, 0), 3.2e9) }

/// `3.25` for 3250 thousandths: all digits.
func decimal(thousandths value: Int) -> String { "\(value / 1000).\(padded(value % 1000, to: 3))" }

/// A probability with four digits; 0 for what is no number.
func probability(_ value: Double) -> String {
    let scaled = value.isFinite ? Int((min(max(value, 0), 1) * 1e4).rounded()) : 0
    return "\(scaled / 10_000).\(padded(scaled % 10_000, to: 4))"
}

func padded(_ value: Int, to width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
