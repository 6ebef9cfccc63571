import FoundationEssentials
import Testing
import XLSR

// Small readers of each format, written from its definition and not from the writer.

private struct Entry: Equatable {
    var start, end: Double
    var text: String
}

private func seconds(_ clock: Substring) -> Double {
    clock.split(separator: ":").reduce(0) {
        60 * $0 + (Double($1.map { $0 == "," ? "." : String($0) }.joined()) ?? -1e9)
    }
}

/// Blocks between blank lines, each with an arrow between its times.
private func cues(_ blocks: [[Substring]]) throws -> [Entry] {
    try blocks.map { lines in
        let arrow = try #require(lines.firstIndex { $0.contains(" --> ") })
        let times = lines[arrow].split(separator: " ")
        #expect(times.count == 3 && times[1] == "-->")
        let text = lines[(arrow + 1)...].joined(separator: " ")
        return Entry(start: seconds(times[0]), end: seconds(times[2]), text: text)
    }
}

private func blocks(_ text: String) -> [[Substring]] {
    text.split(separator: "\n", omittingEmptySubsequences: false).split { $0.isEmpty }.map(Array.init)
}

/// RFC 4180, as a machine of states.
private func csvRows(_ text: String) throws -> [[String]] {
    var (rows, row, field, isQuoted): ([[String]], [String], String, Bool) = ([], [], "", false)
    var rest = Array(text.unicodeScalars)[...]
    while let scalar = rest.popFirst() {
        switch scalar {
        case "\"" where !isQuoted: isQuoted = true
        case "\"" where rest.first == "\"": field.unicodeScalars.append(rest.removeFirst())
        case "\"": isQuoted = false
        case "," where !isQuoted:
            row.append(field)
            field = ""
        case "\r" where !isQuoted:
            let next = rest.popFirst()
            try #require(next == "\n")
            rows.append(row + [field])
            (row, field) = ([], "")
        default: field.unicodeScalars.append(scalar)
        }
    }
    #expect(row.isEmpty && field.isEmpty && !isQuoted, "the last row has an end, too")
    return rows
}

/// Praat's reader looks for numbers, quoted strings and flags, and skips what is between them.
private func textGridTokens(_ text: String) throws -> [String] {
    var tokens: [String] = []
    var rest = Array(text)[...]
    while let character = rest.first {
        if character == "\"" {
            var token = ""
            rest = rest.dropFirst()
            while true {
                let popped = rest.popFirst()
                let next = try #require(popped)
                if next != "\"" {
                    token.append(next)
                } else if rest.first == "\"" {
                    token.append("\"")
                    rest = rest.dropFirst()
                } else {
                    break
                }
            }
            tokens.append(token)
        } else {
            let word = String(rest.prefix { !$0.isWhitespace })
            if Double(word) != nil || word == "<exists>" { tokens.append(word) }
            rest = rest.dropFirst(max(1, word.count))
        }
    }
    return tokens
}

private func textGridTiers(_ text: String) throws -> (limit: Double, tiers: [(name: String, intervals: [Entry])]) {
    var tokens = try textGridTokens(text)[...]
    func next() throws -> String {
        let token = tokens.popFirst()
        return try #require(token)
    }
    func number() throws -> Double { try #require(Double(next())) }
    #expect(try [next(), next()] == ["ooTextFile", "TextGrid"])
    #expect(try number() == 0)
    let limit = try number()
    #expect(try next() == "<exists>")
    let tiers = try (0..<Int(number())).map { _ in
        #expect(try next() == "IntervalTier")
        let name = try next()
        #expect(try number() == 0 && number() == limit)
        let intervals = try (0..<Int(number())).map { _ in
            try Entry(start: number(), end: number(), text: next())
        }
        return (name: name, intervals: intervals)
    }
    #expect(tokens.isEmpty)
    return (limit, tiers)
}

@Suite struct FormatParserTests {
    /// Words that need escapes, some of them without length, out of order or beyond the end.
    private let words = [
        TimedText(text: "a<b>&", start: 0.5, end: 0.9, confidence: 0.75),
        TimedText(text: "say \"hi\", you", start: 1, end: 1.5, confidence: 2),
        TimedText(text: "late", start: 1.2, end: 1.4, confidence: .nan),
        TimedText(text: "Ж\r\n;é", start: 3, end: 3.004, confidence: 0),
        TimedText(text: "end", start: 9.5, end: 12, confidence: 1),
    ]

    private var result: TranscriptionResult {
        TranscriptionResult(
            audio: "dir x/my talk.v2.wav",
            transcript: Transcript(text: "…", words: words, characters: words), model: "m", device: "simd",
            precision: "f32", audioSeconds: 10.0009, elapsedSeconds: 1)
    }

    private func document(_ format: TranscriptFormat, rules: SubtitleRules = SubtitleRules()) throws -> String {
        try format.document(of: result, rules: rules)
    }

    /// What every format must give back: in order, inside, no overlap.
    private func expectMonotonic(_ entries: [Entry]) {
        #expect(!entries.isEmpty)
        for entry in entries { #expect(0 <= entry.start && entry.start <= entry.end && entry.end <= 10.0009) }
        for (entry, next) in zip(entries, entries.dropFirst()) { #expect(entry.end <= next.start) }
    }

    @Test func subtitlesReadBack() throws {
        let srt = try cues(blocks(document(.srt)))
        #expect(try blocks(document(.srt)).map { $0[0] } == ["1", "2", "3"])
        #expect(srt.map(\.text) == ["a<b>& say \"hi\", you late", "Ж  ;é", "end"])
        expectMonotonic(srt)
        let vtt = blocks(try document(.vtt))
        #expect(vtt[0] == ["WEBVTT"])
        let read = try cues(Array(vtt.dropFirst()))
        let unescaped = read.map { entry in
            [("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")].reduce(entry.text) { $0.replacing($1.0, with: $1.1) }
        }
        #expect(unescaped == srt.map(\.text) && read.map(\.start) == srt.map(\.start))
        let tsv = try document(.tsv).split(separator: "\n").map { $0.split(separator: "\t") }
        #expect(tsv[0] == ["start", "end", "text"])
        #expect(tsv.dropFirst().map { Int($0[0]) } == srt.map { Int(($0.start * 1000).rounded()) })
    }

    @Test func lyricsReadBack() throws {
        for (level, isEnhanced) in [(TimestampLevel.none, false), (.word, true)] {
            let lines = try TranscriptFormat.lrc.document(of: result, timestamps: level).split(separator: "\n")
            #expect(lines.count == 3)
            var last = 0.0
            for line in lines {
                try #require(line.first == "[" && line.dropFirst(9).first == "]")
                let tags =
                    [line.dropFirst().prefix(8)]
                    + line.split(separator: "<").compactMap { part in
                        part.dropFirst(8).first == ">" ? part.prefix(8) : nil
                    }
                #expect((tags.count > 1) == isEnhanced)
                for tag in tags {
                    #expect(seconds(tag) >= last && seconds(tag) <= 10)
                    last = seconds(tag)
                }
            }
        }
        #expect(try document(.lrc).hasPrefix("[00:00.50]"))
    }

    @Test func csvReadsBack() throws {
        let rows = try csvRows(document(.csv))
        #expect(rows[0] == ["audio", "start", "end", "word", "confidence"])
        #expect(rows.dropFirst().map { $0[3] } == ["a<b>&", "say \"hi\", you", "late", "Ж  ;é", "end"])
        #expect(rows.dropFirst().map { $0[4] } == ["0.7500", "1.0000", "0.0000", "0.0000", "1.0000"])
        #expect(rows.dropFirst().allSatisfy { $0[0] == "dir x/my talk.v2.wav" })
        let entries = rows.dropFirst().map { Entry(start: Double($0[1]) ?? -1, end: Double($0[2]) ?? -1, text: $0[3]) }
        #expect(entries.map(\.start) == [0.5, 1, 1.5, 3, 9.5] && entries.map(\.end) == [0.9, 1.5, 1.5, 3.004, 10])
        expectMonotonic(entries)
    }

    @Test func ctmReadsBack() throws {
        let lines = try document(.ctm).split(separator: "\n").map { $0.split(separator: " ") }
        for fields in lines { #expect(fields.count == 6 && fields[0] == "my_talk.v2" && fields[1] == "1") }
        #expect(lines.map { $0[4] } == ["a<b>&", "say_\"hi\",_you", "late", "Ж__;é", "end"])
        expectMonotonic(
            lines.map { fields in
                let (start, duration) = (Double(fields[2]) ?? -1, Double(fields[3]) ?? -1)
                return Entry(start: start, end: ((start + duration) * 1000).rounded() / 1000, text: String(fields[4]))
            })
    }

    @Test func rttmReadsBack() throws {
        let lines = try document(.rttm).split(separator: "\n").map { $0.split(separator: " ") }
        for fields in lines {
            #expect(fields.count == 10 && fields[0] == "SPEAKER" && fields[1] == "my_talk.v2" && fields[2] == "1")
            #expect([5, 6, 8, 9].allSatisfy { fields[$0] == "<NA>" } && fields[7] == "speech")
        }
        #expect(lines.map { $0[3...4].joined(separator: "+") } == ["0.500+1.000", "3.000+0.004", "9.500+0.500"])
    }

    @Test func textGridsReadBack() throws {
        let (limit, tiers) = try textGridTiers(document(.textgrid))
        #expect(limit == 10 && tiers.map(\.name) == ["words", "characters"])
        for tier in tiers {
            #expect(tier.intervals.first?.start == 0 && tier.intervals.last?.end == limit)
            for (interval, next) in zip(tier.intervals, tier.intervals.dropFirst()) {
                #expect(interval.end == next.start && interval.start < interval.end)
            }
        }
        #expect(
            tiers[0].intervals.map(\.text)
                == ["", "a<b>&", "", "say \"hi\", you late", "", "Ж  ;é", "", "end"])
        var silent = result
        (silent.transcript, silent.audioSeconds) = (Transcript(text: ""), 0)
        #expect(try textGridTiers(TranscriptFormat.textgrid.document(of: silent)).tiers[0].intervals.count == 1)
    }

    @Test func cuesFollowTheRules() throws {
        let words = (0..<200).map { index in
            let (length, start) = (1 + index * 7 % 11, Double(index) * 0.5)
            return TimedText(
                text: String(repeating: "x", count: length), start: start, end: start + 0.1, confidence: 1)
        }
        var result = result
        (result.transcript, result.audioSeconds) = (Transcript(text: "", words: words), 101)
        for rules in [
            SubtitleRules(), SubtitleRules(lineLength: 20, lineCount: 1), SubtitleRules(cueSeconds: 2),
            SubtitleRules(lineLength: 12, lineCount: 4, cueSeconds: 3, charactersPerSecond: 2),
        ] {
            let read = blocks(try TranscriptFormat.srt.document(of: result, rules: rules))
            for block in read {
                let lines = block.dropFirst(2)
                #expect(lines.count <= rules.lineCount && lines.allSatisfy { $0.count <= rules.lineLength })
            }
            let entries = try cues(read)
            #expect(entries.allSatisfy { $0.end - $0.start <= rules.cueSeconds + 1e-9 })
            for (entry, next) in zip(entries, entries.dropFirst()) {
                #expect(entry.end <= next.start)
                let seconds = entry.end - entry.start
                let isReadable = Double(entry.text.count) / seconds <= rules.charactersPerSecond + 0.01
                #expect(isReadable || entry.end == next.start || seconds > rules.cueSeconds - 0.51)
            }
        }
        let fast = [TimedText(text: "quickly said", start: 1, end: 1.1, confidence: 1)]
        result.transcript = Transcript(text: "", words: fast)
        func end(_ rules: SubtitleRules) throws -> Double? {
            try cues(blocks(TranscriptFormat.srt.document(of: result, rules: rules))).first?.end
        }
        #expect(try end(SubtitleRules(charactersPerSecond: 12)) == 2)
        #expect(try end(SubtitleRules(charactersPerSecond: 1000)) == 1.1)
        #expect(try end(SubtitleRules(cueSeconds: 0.5, charactersPerSecond: 1)) == 1.5)
    }

    @Test func linesOfAGivenTextBeginCues() throws {
        var result = result
        result.transcript = Transcript(
            text: "",
            words: (0..<4).map { TimedText(text: "w\($0)", start: Double($0), end: Double($0) + 0.5, confidence: 1) })
        result.transcript.lineStarts = [0, 3]
        #expect(try cues(blocks(TranscriptFormat.srt.document(of: result))).map(\.text) == ["w0 w1 w2", "w3"])
    }
}
