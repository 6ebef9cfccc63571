let csvHeader = csvLine(["audio", "start", "end", "word", "confidence"])

/// Comma-separated values (RFC 4180): `audio`, `start`, `end` (seconds), `word` and `confidence`, a row a word.
func csvText(of result: TranscriptionResult) -> String {
    MillisecondSpan.spans(of: result.transcript.words, in: result).map { word in
        csvLine([
            result.audio, decimal(thousandths: word.start), decimal(thousandths: word.end), word.text,
            probability(word.confidence),
        ])
    }.joined()
}

private func csvLine(_ fields: [String]) -> String {
    fields.map { field in
        let needsQuotes = CodePoints(field).contains { [",", "\"", "\r", "\n"].contains($0) }
        return needsQuotes ? "\"" + CodePoints(field).replacing(["\""], with: ["\"", "\""]).string + "\"" : field
    }.joined(separator: ",") + "\r\n"
}

/// NIST's CTM, a line a word: recording, channel, start, duration (seconds), word, confidence.
func ctmText(of result: TranscriptionResult) -> String {
    MillisecondSpan.spans(of: result.transcript.words, in: result).map { word in
        let times = "\(decimal(thousandths: word.start)) \(decimal(thousandths: word.end - word.start))"
        return "\(recordingID(result.audio)) 1 \(times) \(unspaced(word.text)) \(probability(word.confidence))\n"
    }.joined()
}

/// NIST's RTTM with its ten fields, a `SPEAKER` line a stretch of speech (see `VoiceActivity`).
func rttmText(of result: TranscriptionResult) -> String {
    let activity = result.voiceActivity ?? VoiceActivity(Loudness([], hop: 1), secondsPerFrame: 1)
    return activity.speech(around: result.transcript.words, audioSeconds: result.audioSeconds).map { part in
        let start = min(milliseconds(part.lowerBound), result.milliseconds)
        let end = min(milliseconds(part.upperBound), result.milliseconds)
        return rttmLine(audio: result.audio, start: start, end: end, speaker: "speech")
    }.joined()
}

/// RTTM of a head's labels, a `SPEAKER` line a stretch of time.
package func rttmDocument(of segments: [FrameScores.Segment], audio: String, audioSeconds: Double) -> String {
    let limit = Int((max(0, min(audioSeconds, 1e9)) * 1000).rounded(.down))
    return segments.map {
        let (start, end) = (min(milliseconds($0.start), limit), min(milliseconds($0.end), limit))
        return rttmLine(audio: audio, start: start, end: end, speaker: unspaced($0.label))
    }.joined()
}

private func rttmLine(audio: String, start: Int, end: Int, speaker: String) -> String {
    let times = "\(decimal(thousandths: start)) \(decimal(thousandths: end - start))"
    return "SPEAKER \(recordingID(audio)) 1 \(times) <NA> <NA> \(speaker.isEmpty ? "_" : speaker) <NA> <NA>\n"
}

/// Praat's TextGrid in the long text format: tiers of words and of characters, with empty intervals between them.
func textGridDocument(of result: TranscriptionResult) -> String {
    let length = max(1, result.milliseconds)
    func quoted(_ text: String) -> String {
        "\"" + CodePoints(text).replacing(["\""], with: ["\"", "\""]).string + "\""
    }
    func range(_ start: Int, _ end: Int, indent: String) -> String {
        "\(indent)xmin = \(decimal(thousandths: start))\n\(indent)xmax = \(decimal(thousandths: end))\n"
    }
    func tier(_ number: Int, _ name: String, _ texts: [TimedText]) -> String {
        let intervals = intervals(of: MillisecondSpan.spans(of: texts, in: result), length: length)
        let list = intervals.enumerated().map { index, interval in
            "        intervals [\(index + 1)]:\n" + range(interval.start, interval.end, indent: "            ")
                + "            text = \(quoted(interval.text))\n"
        }
        return "    item [\(number)]:\n        class = \"IntervalTier\"\n        name = \(quoted(name))\n"
            + range(0, length, indent: "        ") + "        intervals: size = \(intervals.count)\n" + list.joined()
    }
    return "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n\n" + range(0, length, indent: "")
        + "tiers? <exists>\nsize = 2\nitem []:\n" + tier(1, "words", result.transcript.words)
        + tier(2, "characters", result.transcript.characters)
}

/// Intervals without gaps. A text without length goes to the interval before it: there are no empty intervals.
private func intervals(of spans: [MillisecondSpan], length: Int) -> [MillisecondSpan] {
    func silence(_ start: Int, _ end: Int) -> MillisecondSpan {
        MillisecondSpan(start: start, end: end, text: "", confidence: 0)
    }
    var intervals: [MillisecondSpan] = []
    for span in spans {
        let end = intervals.last?.end ?? 0
        if end < span.start { intervals.append(silence(end, span.start)) }
        if span.start < span.end {
            intervals.append(span)
        } else if let last = intervals.indices.last {
            intervals[last].text += (intervals[last].text.isEmpty ? "" : " ") + span.text
        }
    }
    let end = intervals.last?.end ?? 0
    return end < length ? intervals + [silence(end, length)] : intervals
}

/// A file's name without folder and extension, and without spaces.
private func recordingID(_ audio: String) -> String {
    let name = audio.split(separator: "/").last.map(String.init) ?? audio
    let stem = name.lastIndex(of: ".").flatMap { $0 > name.startIndex ? String(name[..<$0]) : nil } ?? name
    let id = unspaced(stem)
    // Two semicolons begin a comment.
    return id.isEmpty ? "audio" : id.hasPrefix(";") ? "_" + id : id
}

private func unspaced(_ text: String) -> String {
    CodePoints(text).map { $0.properties.isWhitespace || $0.value < 0x20 ? "_" : $0 }.string
}

/// A line a word: start, end (seconds), confidence and the word, in columns; `audio` and a tab before each where given.
package func wordTable(of result: TranscriptionResult, audio: String? = nil) -> String {
    let words = MillisecondSpan.spans(of: result.transcript.words, in: result)
    let width = decimal(thousandths: result.milliseconds).count
    func column(_ thousandths: Int) -> String {
        let text = decimal(thousandths: thousandths)
        return String(repeating: " ", count: max(0, width - text.count)) + text
    }
    return words.map { word in
        (audio.map { singleLine($0) + "\t" } ?? "")
            + "\(column(word.start))  \(column(word.end))  \(probability(word.confidence))  \(word.text)\n"
    }.joined()
}
