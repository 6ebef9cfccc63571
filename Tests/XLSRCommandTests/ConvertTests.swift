import Testing
import XLSR

@Suite struct ConvertTests {
    @Test func anInt8CheckpointIsToldOfAndRunsAsTheOriginalDoes() throws {
        try withTemporaryFolder { folder in
            let (source, out, clip) = (goldensFolder + "/layer-stable", folder + "/int8", folder + "/clip.wav")
            let converted = try xlsr("convert", "--precision", "int8", source, out)
            #expect(converted.status == 0 && converted.output.isEmpty && converted.errors.isEmpty)
            #expect(try names(in: out).contains("vocab.json"))
            let text = try xlsr("info", out).text
            #expect(text.contains("int8 with a scale a row"), "\(text)")
            let reports = try [source, out].map { try JSON(parsing: xlsr("info", "--json", $0).output, path: $0) }
            #expect(reports[0]["parameters"] == reports[1]["parameters"])
            #expect(reports[0]["weights"]?["memory"] == reports[1]["weights"]?["memory"])
            #expect(reports[0]["weights"]?["tensors"] == reports[1]["weights"]?["tensors"])
            #expect(reports[1]["weights"]?["types"]?["int8"]?.int ?? 0 > 0)

            try writeRecording(to: clip)
            let runs = try [(source, "int8"), (out, "int8"), (out, "f32")].map { model, precision in
                try xlsr("run", "--device", "simd", "--precision", precision, "--model", model, clip)
            }
            #expect(runs.allSatisfy { $0.status == 0 && !$0.text.isEmpty })
            #expect(runs[0].text == runs[1].text)
        }
    }

    @Test func aPrecisionThatCheckpointsDoNotHaveIsWrongUsage() throws {
        for precision in ["int32", "int4"] {
            let run = try xlsr("convert", "--precision", precision, goldensFolder + "/layer-stable", "/tmp/none")
            #expect(run.status == 2 && run.errors.contains("f32, bf16, f16, int8"), "\(run.errors)")
        }
    }
}
