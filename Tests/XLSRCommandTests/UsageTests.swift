import Glibc
import Testing
import XLSR

@Suite struct UsageTests {
    @Test func helpIsAResultAndNamesEveryOption() throws {
        for arguments in [["help", "run"], ["run", "--help"], ["run", "--device", "simd", "-h"]] {
            let run = try runProgram(programFolder() + "/xlsr", arguments)
            #expect(run.status == 0 && run.errors.isEmpty)
            for word in ["Usage: xlsr run", "--model DIR|OWNER/NAME", "--batch-seconds S", "--help", "Examples:"] {
                #expect(run.text.contains(word), "\(arguments) \(word)")
            }
        }
        let overview = try xlsr("--help")
        for command in ["run", "align", "score", "devices", "info", "verify"] {
            #expect(overview.text.contains("  \(command) "))
        }
        #expect(try xlsr("--version").text.hasPrefix("xlsr "))
    }

    @Test func noCommandIsWrongUsageWithHelpOnStandardError() throws {
        let run = try xlsr()
        #expect(run.status == 2 && run.output.isEmpty && run.errors.contains("Usage: xlsr"))
    }

    @Test(arguments: [
        (["rnu"], "did you mean run?"),
        (["align", "--model", goldensFolder + "/classifier", "a.wav", "one two"], "needs a model with a CTC head"),
        (["run", "--modle", "x"], "unknown option --modle; did you mean --model?"),
        (["run", "--prec=f32"], "did you mean --precision?"),
        (["run", "-o", "x"], "did you mean --output?"),
        (["run", "--model"], "--model needs a value: --model DIR|OWNER/NAME"),
        (["run", "--model", "--quiet"], "--model needs a value"),
        (["run", "--quiet=yes"], "--quiet takes no value"),
        (["run", "--quiet", "--verbose"], "exclude each other"),
        (
            ["run", "--format", "jsno"],
            "is not one of text, json, srt, vtt, lrc, tsv, csv, ctm, textgrid, rttm, safetensors; did you mean json?"
        ),
        (["run", "--device", "foo"], "use one of auto, simd, openblas"),
        (["run", "--device", "simd,simd"], "simd is there twice"),
        (["run", "--device", "cuda,cuda:0"], "cuda is there twice"),
        (["align", "a.wav", "one", "--device", "auto,simd"], "auto is one device"),
        (["run", "--device", "simd,"], "no device is called ''"),
        (["run", "--device", "simd,opneblas"], "did you mean openblas?"),
        (["verify", "--device", "simd,openblas"], "--device: one at a time here"),
        (["run", "--precision", "x"], "is not one of auto, f32"),
        (["run", "--threads", "0"], "'0' is not a whole number from 1 to 1024"),
        (["run", "--threads", "99999999999999999999"], "is not a whole number"),
        (["run", "--batch-seconds", "nan"], "'nan' is not a number from 0.1 to 1000000"),
        (["run", "--chunk-seconds", "2", "--stride-seconds", "1"], "a chunk must be longer than twice its stride"),
        (["run", "--stride-seconds", "15"], "a chunk must be longer than twice its stride"),
        (["run", "--chunk-seconds", "0", "--stride-seconds", "1"], "--stride-seconds needs chunks"),
        (["run", "--chunk-seconds", "-1"], "'-1' is not a number from 0 to 1000000"),
        (["run", "--normalize", "chunk"], "is not one of utterance, file"),
        (["run", "--layer", "1"], "--layer needs --task features"),
        (["run", "--task", "features", "--layer", "-1", "--output", "x"], "--layer: '-1' is neither"),
        (["run", "--task", "features", "--layer", "5", "--output", "x"], "hidden states 0 to 4, no 5"),
        (["run", "--task", "features", "--format", "json"], "writes tensors"),
        (["run", "--format", "safetensors"], "holds no text; add --task"),
        (["run", "--timestamps", "word"], "needs --format json"),
        (["run", "--timestamps", "char", "--format", "lrc"], "--timestamps char is for --format json; lrc has times"),
        (["run", "--line-length", "30"], "--line-length is for subtitles; add --format srt"),
        (["run", "--reading-speed", "20", "--format", "ctm"], "--reading-speed is for subtitles"),
        (["run", "--cue-seconds", "0", "--format", "srt"], "'0' is not a number from 0.1 to"),
        (["run", "--split", "silences"], "is not one of fixed, silence; did you mean silence?"),
        (["run", "--split", "silence", "--chunk-seconds", "0"], "--split needs chunks"),
        (["align"], "align needs pairs: each AUDIO with its TEXT"),
        (["align", "a.wav", "a.txt", "b.wav"], "'b.wav' has none"),
        (["align", "-", "-"], "only once"),
        (["align", "--task", "features", "a.wav", "a"], "unknown option --task"),
        (["align", "--format", "safetensors", "a.wav", "a"], "is not one of text, json"),
        (["align", "--format", "csv", "a.wav", "a", "b.wav", "b"], "name a folder with --output"),
        (["score", "a"], "score needs two files: REF and HYP"),
        (["score", "-", "-"], "only once"),
        (["score", "a", "b", "c"], "no third operand, but got 'c'"),
        (["run", "--decoder", "greedy", "--lm", "x"], "--lm is for a beam search, but --decoder greedy was given"),
        (["run", "--decoder", "greedy", "--hotword", "x"], "--hotword is for a beam search"),
        (["run", "--decoder", "bean"], "is not one of greedy, beam; did you mean beam?"),
        (["run", "--beam-width", "0"], "'0' is not a whole number from 1 to 100000"),
        (["run", "--lm", "none", "--lm-weight", "1"], "--lm-weight is for a language model, but --lm none was given"),
        (["run", "--decoder", "beam", "--word-score", "1"], "--word-score needs a language model, and demo has none"),
        (["run", "--hotword", ":3"], "--hotword: ':3' has no word"),
        (["run", "--hotword", "a:1e9"], "is not from -1000 to 1000"),
        (["run", "--nbest", "3"], "--nbest needs --format json; text holds one text"),
        (["run", "--nbest", "3", "--beam-width", "2"], "a beam of width 2 has no more texts than that"),
        (["run", "--task", "features", "--lexicon", "x"], "--lexicon is for transcripts, not for --task features"),
        (["run", "--task", "logits", "--decoder", "beam"], "--decoder is for transcripts"),
        (["run", "-", "-"], "only once"),
        (["run", "--format", "srt", "a.wav", "b.wav"], "name a folder with --output"),
        (["run", "--output", "/nowhere/", "a/x.wav", "b/x.wav"], "would both be written to /nowhere/x.txt"),
        (["info", "a", "b"], "no second operand, but got 'b'"),
        (["verify", "--model", "x"], "--model needs --golden"),
        (["verify", "--quick", "--model-only"], "--quick and --model-only exclude each other"),
        (["verify", "--filter", "x", "--model-only"], "--filter and --model-only exclude each other"),
        (["verify", "--filter", "sofmax"], "no operation's name contains 'sofmax'; there are append, argmax, "),
        (["verify", "--precision", "f64"], "'f64' is not one of"),
    ])
    func wrongUsageIsOneLineAndExitStatusTwo(arguments: [String], message: String) throws {
        let run = try runProgram(programFolder() + "/xlsr", arguments)
        #expect(run.status == 2)
        #expect(run.output.isEmpty)
        #expect(run.errorLines.count == 1)
        #expect(run.errors.hasPrefix("xlsr: error: ") && run.errors.contains(message), "\(run.errors)")
        #expect(run.errors.contains("--help)"))
    }

    @Test(arguments: [
        (["run", "--device", "cuda:1023"], "device cuda"),
        (["run", "--model", "/nowhere/model"], "/nowhere/model: no such model folder"),
        (["info", "/nowhere/model"], "/nowhere/model: no such model folder"),
        (["run", "--output", "/nowhere/a.txt"], "/nowhere/a.txt: can't be written"),
        (["run", "--language", "de"], "leave the language out"),
        (["run", "--lm", "/nowhere/lm.arpa"], "/nowhere/lm.arpa: no such file"),
        (["run", "--lexicon", "/nowhere/words.txt"], "/nowhere/words.txt: no such file"),
        (["run", "/nowhere/a\u{1B}[31m\n.wav"], "no such file"),
        (["info", "--language", "xxx", goldensFolder + "/language-adapters"], "xxx"),
        (["convert", goldensFolder + "/layer-stable", "/dev/null/out"], "Not a directory"),
    ])
    func failureIsOneLineAndExitStatusOne(arguments: [String], message: String) throws {
        let run = try runProgram(programFolder() + "/xlsr", arguments + (arguments[0] == "run" ? ["--quiet"] : []))
        #expect(run.status == 1 && run.output.isEmpty && run.errorLines.count == 1)
        #expect(run.errors.hasPrefix("xlsr: error: ") && run.errors.contains(message), "\(run.errors)")
        #expect(!run.errors.contains("\u{1B}"))
    }

    @Test func operandsMayStandBeforeOptionsAndAfterTwoDashes() throws {
        let run = try xlsr("run", "--nonexistent-file", "--quiet")
        #expect(run.status == 2)
        let operand = try xlsr("run", "--quiet", "--device=simd", "--", "--nonexistent-file")
        #expect(operand.status == 1 && operand.errors.contains("--nonexistent-file: no such file"))
    }

    @Test func aSignalEndsItAsItEndsOtherPrograms() throws {
        try withTemporaryFolder { folder in
            // Nobody writes to the pipe, so it waits. A test runner may ignore SIGINT, and children inherit that.
            let run = try runProgram(
                "/bin/sh",
                [
                    "-c", "mkfifo \"$1\" && exec timeout --preserve-status -s TERM 1 \"$0\" run --quiet \"$1\"",
                    programFolder() + "/xlsr", folder + "/pipe",
                ])
            #expect(run.status == 128 + SIGTERM)
            #expect(run.output.isEmpty && run.errors.isEmpty)
        }
    }

    @Test func aReaderThatGoesAwayEndsItQuietly() throws {
        let run = try runProgram("/bin/sh", ["-c", "\"$0\" run --help | head -n 1", programFolder() + "/xlsr"])
        #expect(run.lines.count == 1 && run.errors.isEmpty)
    }
}
