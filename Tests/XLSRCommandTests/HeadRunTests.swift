import FoundationEssentials
import TensorEngine
import Testing
import XLSR

@Suite struct HeadRunTests {
    private func run(_ model: String, _ arguments: String...) throws -> CommandRun {
        try runProgram(
            programFolder() + "/xlsr", ["run", "--quiet", "--model", goldensFolder + "/" + model] + arguments)
    }

    private func withRecordings(_ body: (_ folder: String, _ a: String, _ b: String) throws -> Void) throws {
        try withTemporaryFolder { folder in
            try writeRecording(0, to: folder + "/a.wav")
            try writeRecording(1, to: folder + "/b.wav")
            try body(folder, folder + "/a.wav", folder + "/b.wav")
        }
    }

    @Test func aClassifierWritesLabelsAndProbabilities() throws {
        try withRecordings { folder, a, b in
            let one = try run("classifier", a)
            #expect(one.status == 0 && one.errors.isEmpty && one.lines.count == 5)
            let rows = one.lines.map { $0.split(separator: "\t") }
            let scores = rows.compactMap { $0.count == 2 ? Double($0[1]) : nil }
            #expect(scores.count == 5 && scores == scores.sorted(by: >))
            let two = try run("classifier", "--top-k", "2", a, b)
            #expect(two.lines.map { $0.split(separator: "\t")[0] } == [a, a, b, b].map { $0[...] })
            #expect(two.lines.first == "\(a)\t\(one.lines[0])")
            let json = try JSON(
                parsing: run("classifier", "--format", "json", "--top-k", "100", a).output, path: "output")
            let labels = try #require(json["labels"]?.array)
            #expect(labels.count == 7 && labels[0]["label"]?.string == String(rows[0][0]))
            #expect(json["version"]?.int == 1 && json["audio"]?.string == a && json["text"] == nil)
            #expect((json["audio_seconds"]?.double ?? 0) > 1)
            let files = try run("classifier", "--output", folder + "/out/", a, b)
            #expect(files.status == 0)
            #expect(try names(in: folder + "/out") == ["a.txt", "b.txt"])
            #expect(try contents(folder + "/out/a.txt").contains(one.lines[0]))
        }
    }

    @Test func aFrameClassifierWritesSegmentsAsTextRTTMAndJSON() throws {
        try withRecordings { _, a, b in
            let text = try run("frames", a)
            #expect(text.status == 0 && !text.lines.isEmpty)
            let starts = text.lines.compactMap { Double($0.split(separator: "\t")[0]) }
            #expect(starts.count == text.lines.count && starts == starts.sorted())
            let rttm = try run("frames", "--format", "rttm", a, b)
            let fields = rttm.lines.map { $0.split(separator: " ") }
            #expect(fields.allSatisfy { $0.count == 10 && $0[0] == "SPEAKER" && $0[2] == "1" })
            #expect(Set(fields.map { $0[1] }) == ["a", "b"])
            #expect(Set(fields.map { $0[7] }).isSubset(of: ["anna", "ben", "cleo"]))
            #expect(fields.count { $0[1] == "a" } == text.lines.count)
            let json = try JSON(parsing: run("frames", "--format=json", "--threshold=0.9", a).output, path: "output")
            let segments = try #require(json["segments"]?.array)
            #expect(segments.count < text.lines.count)
            #expect(segments.allSatisfy { ($0["confidence"]?.double ?? 0) > 0.9 })
        }
    }

    @Test func embeddingsOfSeveralInputsAreCompared() throws {
        try withRecordings { folder, a, b in
            let one = try run("xvector", a)
            #expect(one.status == 0 && one.lines.count == 1)
            let vector = one.lines[0].split(separator: " ").compactMap { Float($0) }
            #expect(vector.count == 15)
            let pairs = try run("xvector", a, b, a)
            let rows = pairs.lines.map { $0.split(separator: "\t").map(String.init) }
            #expect(rows.map { Array($0.prefix(2)) } == [[b, a], [a, a], [a, b]])
            #expect(rows[1][2] == "1.0000" && rows[0][2] == rows[2][2])
            let objects = try run("xvector", "--format", "json", a, b).lines.map {
                try JSON(parsing: $0.utf8, path: "output")
            }
            #expect(objects.map { $0["embedding"]?.array?.count } == [15, 15])
            #expect(objects.map { $0["similarities"]?.array?.count } == [0, 1])
            #expect(try run("xvector", "--output", folder + "/out/", a, b).status == 0)
            #expect(try contents(folder + "/out/a.txt") == one.text)
        }
    }

    @Test func logitsAreAllThatTheHeadGives() throws {
        let expected: [String: [String: Shape]] = [
            "classifier": ["logits": [7]], "frames": ["logits": [2189, 3]],
            "xvector": ["logits": [15], "embeddings": [15]],
            "quantizer": [
                "projected_states": [2189, 11], "projected_quantized_states": [2189, 11], "codevector_ids": [2189, 3],
                "codevector_perplexity": [],
            ],
        ]
        try withTemporaryFolder { folder in
            let path = folder + "/out.safetensors"
            for (model, shapes) in expected {
                #expect(try run(model, "--task", "logits", "--output", path).status == 0)
                let tensors = try CheckpointTensors(opening: path)
                #expect(tensors.names == shapes.keys.sorted())
                for (name, shape) in shapes { #expect(tensors.shape(of: name) == shape, "\(model) \(name)") }
            }
            #expect(try run("classifier", "--format", "safetensors", "--output", path).status == 0)
            #expect(try CheckpointTensors(opening: path).names == ["logits"])
        }
    }

    @Test(arguments: [
        (
            "classifier", ["--task", "frames"],
            "has no head that classifies frames, so no segments; use --task classify"
        ),
        ("frames", ["--task", "embed"], "has no x-vector head, so no embeddings; use --task frames"),
        ("xvector", ["--task", "transcribe"], "has no CTC head, so no text; use --task embed"),
        ("adapter", ["--task", "logits"], "has no head, so no logits; use --task features"),
        ("frames", ["--top-k", "3"], "--top-k needs --task classify"),
        ("classifier", ["--threshold", "0.4"], "--threshold needs --task frames"),
        ("classifier", ["--format", "rttm"], "use --format text, json, safetensors"),
        ("frames", ["--format", "srt"], "use --format text, json, safetensors, rttm"),
        ("classifier", ["--top-k", "0"], "is not a whole number from 1"),
        ("frames", ["--threshold", "1.5"], "is not a number from 0 to 1"),
        ("classifier", ["--timestamps", "word"], "--timestamps is for transcripts"),
        ("quantizer", ["--task", "logits", "--format", "json"], "writes tensors"),
    ])
    func wrongUsageNamesTheFix(model: String, arguments: [String], message: String) throws {
        let run = try runProgram(
            programFolder() + "/xlsr", ["run", "--model", goldensFolder + "/" + model] + arguments)
        #expect(run.status == 2 && run.errorLines.count == 1 && run.errors.contains(message), "\(run.errors)")
    }

    @Test func infoTellsTheHead() throws {
        for (model, words) in [
            ("classifier", ["classify, features, logits", "7 (deu, eng, fra, spa, swh, zho, ...)"]),
            ("frames-sum", ["frames, features, logits", "from a learned average of all layers"]),
            ("xvector", ["embed, features, logits", "x-vectors of 15, from 4 time-delay layers"]),
            ("quantizer", ["features, logits", "3 groups of 7 codevectors"]),
            ("adapter-ctc", ["3 convolutions of width 18, kernel 3, stride 2", "every 160 samples"]),
        ] {
            let run = try xlsr("info", goldensFolder + "/" + model)
            #expect(run.status == 0)
            for word in words { #expect(run.text.contains(word), "\(model): \(run.text)") }
        }
        let json = try JSON(parsing: xlsr("info", "--json", goldensFolder + "/classifier").output, path: "output")
        #expect(json["labels"]?.array?.count == 7 && json["tasks"]?.array?.first == .string("classify"))
    }
}
