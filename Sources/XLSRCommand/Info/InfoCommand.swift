import XLSR

extension Command {
    static let info = Command(
        name: "info",
        summary: "Shows what a checkpoint is and what it needs, without computing anything.",
        operands: Operands(
            synopsis: "[MODEL]",
            help: "a folder, OWNER/NAME in the Hugging Face cache, or a .pt file of fairseq; none: the bundled demo",
            limit: 1),
        options: [.vocabularyLanguage, .json],
        notes: [
            "Memory is that of the weights; activations come on top. int8 counts matrices in int8, the rest in f16."
        ],
        examples: [
            Example("xlsr info", "the bundled demo"),
            Example("xlsr info ./wav2vec2-xls-r-300m", "a checkpoint in a folder"),
            Example("xlsr info --json facebook/wav2vec2-base-960h", "the same of a downloaded one, for programs"),
        ],
        perform: { arguments in
            let report = try ModelReport(
                ModelSource(arguments.operands.first), language: arguments[.vocabularyLanguage])
            try Terminal.printResult(arguments.has(.json) ? jsonDocument(report) : report.text)
            return true
        })
}

extension Option {
    static let vocabularyLanguage = Option(
        "--language", value: "CODE", "of a model with several: which one's vocabulary to show [the checkpoint's own]")
}
