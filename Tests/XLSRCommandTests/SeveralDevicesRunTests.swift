import Backends
import FoundationEssentials
import Glibc
import TensorEngine
import Testing
import XLSR

@Suite struct SeveralDevicesRunTests {
    @Test func severalDevicesShareTheInputsAndResultsKeepTheirOrder() throws {
        try withTemporaryFolder { folder in
            let files = try (0..<6).map { index in
                let path = "\(folder)/\(index).wav"
                try writeRecording(index, to: path)
                return path
            }
            let options = [
                "run", "--device", "simd,reference", "--batch-seconds", "1", "--verbose", "--format", "json",
            ]
            let run = try runProgram(programFolder() + "/xlsr", options + files)
            #expect(run.status == 0 && run.lines.count == 6)
            var devices: Set<String> = []
            for (index, line) in run.lines.enumerated() {
                let object = try JSON(parsing: line.utf8, path: "output")
                #expect(try object["text"]?.string == expectedText(index))
                devices.insert(object["device"]?.string ?? "")
            }
            #expect(devices == ["simd", "reference"])
            for words in ["device: simd, ", "device: reference, ", "in 6 inputs, 6 batches", "on the devices"] {
                #expect(run.errors.contains(words), "\(words) in \(run.errors)")
            }
            #expect(run.errorLines.count { $0.hasPrefix("simd: ") || $0.hasPrefix("reference: ") } == 2)
        }
    }

    @Test func chunksOfOneFileNameEveryDeviceThatComputedIt() throws {
        let run = try xlsr(
            "run", "--quiet", "--device", "reference,simd", "--batch-seconds", "0.1", "--chunk-seconds", "1.5",
            "--format",
            "json")
        #expect(run.status == 0)
        let object = try JSON(parsing: run.text.utf8, path: "output")
        #expect(try object["text"]?.string == expectedText(0))
        #expect(object["device"]?.string == "reference,simd")
    }

    @Test func threadsAreShared() throws {
        let run = try xlsr("run", "--verbose", "--device", "simd,openblas", "--threads", "3")
        guard run.status == 0 else {
            // Where it isn't, the error says how to get it.
            #expect(run.errors.contains("libopenblas"))
            return
        }
        #expect(run.errors.contains("2 threads") && run.errors.contains("1 thread,"))
    }

    /// What was given before standard input is done while that is still to come; a signal leaves whole files.
    @Test func aSignalLeavesWhatIsDoneAndNothingHalfWritten() throws {
        try withTemporaryFolder { folder in
            try writeRecording(0, to: folder + "/a.wav")
            try writeRecording(1, to: folder + "/b.wav")
            let run = try runProgram(
                "/bin/sh",
                [
                    "-c",
                    """
                    mkfifo "$1/pipe" && exec 3<>"$1/pipe" && exec timeout --preserve-status -s TERM 3 "$0" run --quiet \\
                        --device simd,reference --output "$1/out" "$1/a.wav" "$1/b.wav" - <&3
                    """,
                    programFolder() + "/xlsr", folder,
                ])
            #expect(run.status == 128 + SIGTERM)
            #expect(try names(in: folder + "/out") == ["a.txt", "b.txt"])
            for (index, name) in ["a", "b"].enumerated() {
                #expect(try contents("\(folder)/out/\(name).txt") == expectedText(index) + "\n")
            }
        }
    }

    @Test func aRunThatIsInterruptedLeavesWholeFilesOnly() throws {
        try withTemporaryFolder { folder in
            let files = try (0..<60).map { index in
                try writeRecording(index % 6, to: "\(folder)/\(index).wav")
                return "\(folder)/\(index).wav"
            }
            let arguments = ["0.4", programFolder() + "/xlsr", "run", "--quiet", "--task", "features"]
            let run = try runProgram(
                "/usr/bin/timeout",
                ["--preserve-status", "-s", "TERM"] + arguments + ["--layer", "all", "--output", folder + "/out"]
                    + files)
            #expect(run.status == 128 + SIGTERM || run.status == 0)
            for name in try names(in: folder + "/out") {
                #expect(name.hasSuffix(".safetensors") && !name.contains("tmp"))
                #expect(try CheckpointTensors(opening: "\(folder)/out/\(name)").names.count == 7)
            }
        }
    }
}
