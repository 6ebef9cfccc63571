import FoundationEssentials
import TensorEngine
import Testing
import XLSR

@Suite struct RunTests {
    @Test func withoutArgumentsItTranscribesABundledRecordingAndSaysWhich() throws {
        let run = try xlsr("run")
        #expect(run.status == 0)
        #expect(try run.text == expectedText() + "\n")
        #expect(run.errorLines.count == 1 && run.errors.contains(Demo.recordingNames[0]))
        #expect(try xlsr("run", "--quiet").errors.isEmpty)
    }

    @Test func aBadFileIsReportedAndTheOthersStillRunInOrder() throws {
        try withTemporaryFolder { folder in
            try writeRecording(0, to: folder + "/a.wav")
            try writeRecording(1, to: folder + "/c.wav")
            try Data("RIFF".utf8).write(to: URL(filePath: folder + "/b.wav"))
            for batchSeconds in ["0.1", "60"] {
                let run = try xlsr(
                    "run", "--batch-seconds", batchSeconds, folder + "/c.wav", folder + "/b.wav", folder + "/none.wav",
                    folder + "/a.wav")
                #expect(run.status == 1)
                let expected = "\(folder)/c.wav\t\(try expectedText(1))\n\(folder)/a.wav\t\(try expectedText(0))\n"
                #expect(run.text == expected)
                #expect(run.errorLines.count == 2)
                #expect(run.errors.contains("\(folder)/b.wav: ") && run.errors.contains("\(folder)/none.wav: no such"))
            }
        }
    }

    @Test func jsonIsAnObjectALineWithTheTimesThatWereAskedFor() throws {
        try withTemporaryFolder { folder in
            try writeRecording(0, to: folder + "/a.wav")
            try writeRecording(1, to: folder + "/b.wav")
            let run = try xlsr("run", "--format=json", "--timestamps", "char", folder + "/a.wav", folder + "/b.wav")
            #expect(run.status == 0 && run.errors.isEmpty && run.lines.count == 2)
            for (index, line) in run.lines.enumerated() {
                let object = try JSON(parsing: line.utf8, path: "output")
                #expect(try object["text"]?.string == expectedText(index))
                #expect(object["model"]?.string == "demo" && object["precision"]?.string == "f32")
                #expect(object["words"]?.array?.isEmpty == false && object["characters"]?.array?.isEmpty == false)
            }
            let bare = try xlsr("run", "--format=json", "--timestamps", "none", folder + "/a.wav")
            #expect(try JSON(parsing: bare.text.utf8, path: "output")["words"] == nil)
        }
    }

    @Test func standardInputIsAnInput() throws {
        try withTemporaryFolder { folder in
            try writeRecording(1, to: folder + "/a.wav")
            let run = try xlsr("run", "-", standardInput: folder + "/a.wav")
            #expect(run.status == 0)
            #expect(try run.text == expectedText(1) + "\n")
            let empty = try xlsr("run", "-", standardInput: "/dev/null")
            #expect(empty.status == 1 && empty.errors.contains("standard input: the file is empty"))
        }
    }

    @Test func severalInputsFillAFolderWithAFileEach() throws {
        try withTemporaryFolder { folder in
            try writeRecording(0, to: folder + "/a.wav")
            try writeRecording(1, to: folder + "/b.wav")
            let run = try xlsr(
                "run", "--format", "srt", "--output", folder + "/out/deep", folder + "/a.wav", folder + "/none.wav",
                folder + "/b.wav")
            #expect(run.status == 1 && run.output.isEmpty)
            #expect(try names(in: folder + "/out/deep") == ["a.srt", "b.srt"])
            #expect(try contents(folder + "/out/deep/a.srt").contains("\n" + expectedText() + "\n"))
        }
    }

    @Test func aFailedRunLeavesTheOldOutputAlone() throws {
        try withTemporaryFolder { folder in
            try Data("old".utf8).write(to: URL(filePath: folder + "/out.txt"))
            #expect(try xlsr("run", "--output", folder + "/out.txt", folder + "/none.wav").status == 1)
            #expect(try contents(folder + "/out.txt") == "old")
            try writeRecording(to: folder + "/a.wav")
            #expect(try xlsr("run", "--output", folder + "/out.txt", folder + "/a.wav").status == 0)
            #expect(try contents(folder + "/out.txt") == expectedText() + "\n")
            #expect(try names(in: folder) == ["a.wav", "out.txt"])
        }
    }

    @Test func anOutputNeverReplacesAnInputOrADevice() throws {
        try withTemporaryFolder { folder in
            try writeRecording(to: folder + "/a.wav")
            try writeRecording(1, to: folder + "/b.wav")
            try Data([0xFF]).write(to: URL(filePath: folder + "/song.mp3"))
            for name in ["a.txt", "words.txt"] {
                try Data("one two".utf8).write(to: URL(filePath: "\(folder)/\(name)"))
            }
            let (audio, text) = (folder + "/a.wav", folder + "/a.txt")
            let before = try contents(text)
            for (arguments, message) in [
                (["run", audio, "--output", folder + "/./a.wav"], "is an input"),
                (["run", audio, "--output", folder + "/b.wav"], "is a recording"),
                (["run", "--output", folder + "/b.wav"], "is a recording"),
                (["run", "--output", folder + "/song.mp3"], "is a recording"),
                (["run", audio, "--lexicon", folder + "/words.txt", "--output", folder + "/words.txt"], "is read too"),
                (["align", audio, text, "--output", folder], "is read too"),
                (["align", audio, text, "--output", text], "is read too"),
            ] {
                let run = try runProgram(programFolder() + "/xlsr", arguments)
                #expect(run.status == 2 && run.errors.contains(message), "\(arguments): \(run.errors)")
            }
            #expect(try contents(text) == before)
            #expect(try names(in: folder) == ["a.txt", "a.wav", "b.wav", "song.mp3", "words.txt"])
        }
        #expect(try xlsr("run", "--quiet", "--output", "/dev/null").status == 0)
        let device = try FileManager.default.attributesOfItem(atPath: "/dev/null")
        #expect(device[.type] as? FileAttributeType == .typeCharacterSpecial)
    }

    @Test func anOutputGoesWhereALinkLeads() throws {
        try withTemporaryFolder { folder in
            let manager = FileManager.default
            try Data("old".utf8).write(to: URL(filePath: folder + "/target"))
            try manager.setAttributes([.posixPermissions: 0o600], ofItemAtPath: folder + "/target")
            try manager.createSymbolicLink(atPath: folder + "/link", withDestinationPath: "target")
            try writeRecording(to: folder + "/a.wav")
            #expect(try xlsr("run", folder + "/a.wav", "--output", folder + "/link").status == 0)
            #expect(try manager.destinationOfSymbolicLink(atPath: folder + "/link") == "target")
            #expect(try contents(folder + "/target") == expectedText() + "\n")
            let attributes = try manager.attributesOfItem(atPath: folder + "/target")
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            // Standard output may be a file, which is written on.
            let script = #"printf 'before\n' >"$1/all"; "$0" run --quiet "$1/a.wav" --output /dev/stdout >>"$1/all""#
            #expect(try runProgram("/bin/sh", ["-c", script, programFolder() + "/xlsr", folder]).status == 0)
            #expect(try contents(folder + "/all") == "before\n" + expectedText() + "\n")
            let long = folder + "/" + String(repeating: "n", count: 300)
            #expect(try xlsr("run", folder + "/a.wav", "--output", long).errors.contains("File name too long"))
        }
    }

    @Test func tensorsCarryHuggingFacesNames() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/out.safetensors"
            func shapes(_ arguments: String...) throws -> [String: Shape] {
                let run = try runProgram(
                    programFolder() + "/xlsr", ["run", "--quiet", "--output", path, "--task"] + arguments)
                #expect(run.status == 0 && run.output.isEmpty && run.errors.isEmpty)
                let tensors = try CheckpointTensors(opening: path)
                return try Dictionary(
                    uniqueKeysWithValues: tensors.names.map { name in
                        let array = try tensors.tensor(named: name)
                        #expect(array.dtype == .float32)
                        return (name, array.shape)
                    })
            }
            #expect(try shapes("logits") == ["logits": [136, 37]])
            #expect(try shapes("features") == ["last_hidden_state": [136, 128], "extract_features": [136, 64]])
            #expect(try shapes("features", "--layer", "2") == ["hidden_states.2": [136, 128]])
            let all = try shapes("features", "--layer", "all")
            #expect(all.count == 7 && all["hidden_states.4"] == [136, 128])
            // The same bytes through a pipe.
            let piped = try xlsr("run", "--quiet", "--task", "features", "--layer", "all")
            #expect(try Array(Data(contentsOf: URL(filePath: path))) == piped.output)
        }
    }

    @Test func aModelWithoutAHeadGivesFeaturesByItself() throws {
        try withTemporaryFolder { folder in
            let (model, path) = (goldensFolder + "/headless", folder + "/out.safetensors")
            #expect(try xlsr("run", "--quiet", "--model", model, "--output", path).status == 0)
            #expect(try CheckpointTensors(opening: path).names.contains("last_hidden_state"))
            let run = try xlsr("run", "--model", model, "--task", "transcribe")
            #expect(run.status == 2 && run.errors.contains("has no CTC head, so no text; use --task features"))
        }
    }

    @Test func chunksMakeOneResultAnInputWithTheTimesOfTheWhole() throws {
        try withTemporaryFolder { folder in
            try writeRecording(0, to: folder + "/a.wav")
            try writeRecording(1, to: folder + "/b.wav")
            let options = ["run", "--quiet", "--chunk-seconds", "1.5", "--stride-seconds", "0.5"]
            let program = programFolder() + "/xlsr"
            let text = try runProgram(program, options + ["--format=json", folder + "/a.wav", folder + "/b.wav"])
            #expect(text.status == 0 && text.lines.count == 2)
            for (index, line) in text.lines.enumerated() {
                let object = try JSON(parsing: line.utf8, path: "output")
                let seconds = try #require(object["audio_seconds"]?.double)
                let words = try #require(object["words"]?.array)
                #expect(words.count == (try expectedText(index).split(separator: " ").count))
                let end = try #require(words.last?["end"]?.double)
                #expect(seconds / 2 < end && end <= seconds)
            }
            let path = folder + "/out.safetensors"
            let tensors = options + ["--task", "logits", "--normalize", "file", "--output", path, folder + "/a.wav"]
            #expect(try runProgram(program, tensors).status == 0)
            #expect(try CheckpointTensors(opening: path).shape(of: "logits") == [136, 37])
        }
    }

    @Test func verboseTellsDeviceTimesAndMemory() throws {
        let run = try xlsr("run", "--verbose", "--threads", "1")
        #expect(run.status == 0 && run.lines.count == 1)
        for word in ["device: simd, ", "1 thread", "load: ", "real-time factor", "on the device", "VmHWM"] {
            #expect(run.errors.contains(word), "\(word)")
        }
    }
}
