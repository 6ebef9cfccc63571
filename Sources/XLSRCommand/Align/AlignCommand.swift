import XLSR

extension Command {
    static let align = Command(
        name: "align",
        summary: "Finds when each word of a known text is said (forced alignment).",
        operands: Operands(
            synopsis: "AUDIO TEXT|FILE [AUDIO TEXT|FILE ...]",
            help: "audio as for `xlsr run`, each followed by what is said in it: a text file in UTF-8, or the words",
            limit: .max),
        options: [
            .model, .devices, .precision, .alignmentFormat, .output, .timestamps, .language, .batchSeconds,
            .chunkSeconds, .strideSeconds, .split, .normalize,
        ] + Option.subtitles + [.threads, .quiet, .verbose],
        notes: [
            """
            text is a line a word: start, end (seconds), confidence, word; with several inputs the audio's name and a \
            tab come first. The other formats are those of `xlsr run`. Lines of the text begin new subtitles.
            """,
            """
            Case is the vocabulary's. Punctuation stays in the words, but has no part in the alignment. Digits, and \
            letters that the vocabulary lacks, are aligned with whatever is there (the star of MMS): write numbers as \
            words for better times. Confidence is the mean probability of a word's characters, 0 for a word of which \
            the vocabulary has none.
            """,
            "Hours of audio are aligned in one go, exactly, in tens of megabytes beside the model's.",
            "Exit status: 0 done, 1 something failed (other inputs still ran), 2 wrong usage.",
        ],
        examples: [
            Example("xlsr align --model ./xlsr-german speech.wav speech.txt", "the times of the words in speech.txt"),
            Example("xlsr align a.wav \"three one four\"", "the text on the command line"),
            Example("xlsr align --format srt --output film.srt film.wav script.txt", "subtitles from a script"),
            Example("xlsr align --format lrc --timestamps word song.wav song.txt", "lyrics for karaoke"),
            Example("xlsr align --format textgrid --output grids/ a.wav a.txt b.wav b.txt", "files for Praat"),
        ],
        perform: { try RunSession(RunOptions($0, isAlignment: true)).run() })
}

extension Option {
    static let alignmentFormat = Option("--format", choices: TranscriptFormat.self, "[text: a line a word]")
}
