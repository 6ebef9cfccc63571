import FoundationEssentials
import Testing
import XLSR

/// A result whose words, and the characters in them, follow each other as given.
private func result(_ words: [(String, Double, Double)], audioSeconds: Double = 60) -> TranscriptionResult {
    let timed = words.map { TimedText(text: $0.0, start: $0.1, end: $0.2, confidence: 0.51239) }
    let characters = timed.flatMap { word -> [TimedText] in
        let step = (word.end - word.start) / Double(max(1, word.text.count))
        return word.text.enumerated().map { index, character in
            TimedText(
                text: String(character), start: word.start + Double(index) * step,
                end: index + 1 == word.text.count ? word.end : word.start + Double(index + 1) * step, confidence: 1)
        }
    }
    return TranscriptionResult(
        audio: "a/b.wav",
        transcript: Transcript(
            text: words.map(\.0).joined(separator: " "), words: timed, characters: characters),
        model: "m", device: "simd", precision: "f32", audioSeconds: audioSeconds, elapsedSeconds: 1.5)
}

/// Start and end of each cue, in milliseconds, and its lines.
private func cues(_ result: TranscriptionResult) throws -> [(start: Int, end: Int, lines: [String])] {
    let rows = try TranscriptFormat.tsv.document(of: result).split(separator: "\n").dropFirst()
    let blocks = try TranscriptFormat.vtt.document(of: result).split(separator: "\n\n").dropFirst()
    try #require(rows.count == blocks.count)
    return zip(rows, blocks).map { row, block in
        let fields = row.split(separator: "\t", omittingEmptySubsequences: false)
        return (Int(fields[0]) ?? -1, Int(fields[1]) ?? -1, block.split(separator: "\n").dropFirst().map(String.init))
    }
}

@Suite struct TranscriptFormatTests {
    private let greeting = result(
        [("hi", 0.02, 0.5), ("there", 0.52, 1.0004), ("you", 3723.5, 3724)], audioSeconds: 4000)

    @Test func textIsALinePerInput() throws {
        #expect(try TranscriptFormat.text.document(of: greeting) == "hi there you\n")
        var named = greeting
        named.audio = "a\tb.wav"
        #expect(try TranscriptFormat.text.record(of: named) == "a b.wav\thi there you\n")
    }

    @Test(arguments: TranscriptFormat.allCases.filter { ![.textgrid, .rttm].contains($0) })
    func utterancesOfAStreamAreOneDocument(format: TranscriptFormat) throws {
        let parts = [[("hi", 0.02, 0.5), ("there", 0.52, 1.0004)], [("you", 3723.5, 3724)]]
        var stream = try TranscriptStream(format)
        var document = stream.header
        for (part, start) in zip(parts, [0, 3700.0]) {
            var utterance = result(part.map { ($0.0, $0.1 - start, $0.2 - start) }, audioSeconds: 300)
            utterance.start = format == .json ? nil : start
            utterance.transcript = utterance.transcript.shifted(by: start)
            document += try stream.text(of: utterance)
        }
        switch format {
        case .text: #expect(document == "hi there\nyou\n")
        case .json: #expect(document.split(separator: "\n").count == 2)
        default: #expect(try document == format.document(of: greeting))
        }
    }

    @Test(arguments: [TranscriptFormat.textgrid, .rttm])
    func someFormatsNeedAllOfTheAudio(format: TranscriptFormat) {
        #expect(throws: UsageError.self) { try TranscriptStream(format) }
    }

    @Test func subtitlesHaveTheTimesOfTheirWords() throws {
        #expect(
            try TranscriptFormat.srt.document(of: greeting) == """
                1
                00:00:00,020 --> 00:00:01,000
                hi there

                2
                01:02:03,500 --> 01:02:04,000
                you

                """)
        #expect(
            try TranscriptFormat.vtt.document(of: result([("<b>&", 0, 1)])) == """
                WEBVTT

                00:00:00.000 --> 00:00:01.000
                &lt;b&gt;&amp;

                """)
        #expect(
            try TranscriptFormat.tsv.document(of: greeting)
                == "start\tend\ttext\n20\t1000\thi there\n3723500\t3724000\tyou\n")
    }

    @Test func jsonHasSortedKeysAndTheDocumentedFields() throws {
        #expect(
            try TranscriptFormat.json.document(of: result([("é\"/\n", 0.1 + 0.2, 1)], audioSeconds: 3)) == """
                {"audio":"a/b.wav","audio_seconds":3,"device":"simd","elapsed_seconds":1.5,"model":"m",\
                "precision":"f32","real_time_factor":0.5,"text":"é\\"/\\n","version":1,\
                "words":[{"confidence":0.5124,"end":1,"start":0.3,"text":"é\\"/\\n"}]}

                """)
        #expect(try !TranscriptFormat.json.document(of: greeting, timestamps: .none).contains("words"))
        #expect(try TranscriptFormat.json.document(of: greeting, timestamps: .char).contains(#""characters":[{"#))
        #expect(try TranscriptFormat.json.record(of: greeting) == TranscriptFormat.json.document(of: greeting))
    }

    @Test func emptyTranscriptsAreValidDocuments() throws {
        let empty = result([], audioSeconds: 0)
        func document(_ format: TranscriptFormat) throws -> String { try format.document(of: empty) }
        #expect(try document(.text) == "\n" && document(.vtt) == "WEBVTT\n" && document(.tsv) == "start\tend\ttext\n")
        for format in [TranscriptFormat.srt, .lrc, .ctm, .rttm] { #expect(try document(format).isEmpty) }
        let json = try document(.json)
        #expect(json.contains(#""words":[]"#) && !json.contains("real_time_factor"))
    }

    @Test func onlyWhatNamesItsAudioHoldsSeveralResults() throws {
        for format in TranscriptFormat.allCases where !format.holdsSeveralResults {
            #expect(throws: UsageError.self) { try format.record(of: greeting) }
        }
        #expect(TranscriptFormat.allCases.filter(\.holdsSeveralResults) == [.text, .json, .ctm, .rttm])
        #expect(
            TranscriptFormat.allCases.map(\.fileExtension)
                == ["txt", "json", "srt", "vtt", "lrc", "tsv", "csv", "ctm", "TextGrid", "rttm"])
    }

    @Test func cuesKeepTheirLimits() throws {
        let lengths = [1, 4, 7, 12, 3, 9, 55, 2, 30, 42, 43, 130]
        var (words, time): ([(String, Double, Double)], Double) = ([], 0)
        for round in 0..<120 {
            let length = lengths[round * 7 % lengths.count]
            let duration = round % 17 == 0 ? 16.5 : 0.06 * Double(length)
            words.append((String(repeating: "x", count: length), time, time + duration))
            time += duration + (round % 11 == 0 ? 1.5 : 0.2)
        }
        let cues = try cues(result(words, audioSeconds: time))
        #expect(cues.count > 50)
        for (cue, next) in zip(cues, cues.dropFirst()) { #expect(cue.end <= next.start) }
        for cue in cues {
            #expect(cue.start < cue.end && cue.end - cue.start <= 7000 && Double(cue.end) <= time * 1000)
            #expect((1...2).contains(cue.lines.count) && cue.lines.allSatisfy { (1...42).contains($0.count) })
        }
        let shown = cues.flatMap(\.lines).joined().filter { $0 == "x" }
        #expect(shown.count == words.map(\.0.count).reduce(0, +))
    }

    @Test func pausesEndCues() throws {
        let cues = try cues(result([("a", 0, 1), ("b", 1.9, 2), ("c", 3, 3.5)]))
        #expect(cues.map(\.lines) == [["a b"], ["c"]])
    }

    @Test func timesThatAreNotNumbersAreHarmless() throws {
        let strange = result([("a", .nan, 1e300), ("b", -.infinity, .infinity), ("\n", 1, 2)], audioSeconds: .nan)
        for format in TranscriptFormat.allCases {
            let document = try format.document(of: strange)
            #expect(!document.isEmpty || format == .rttm, "no speech without time")
            #expect(!document.contains("nan") && !document.contains("inf"))
        }
    }
}
