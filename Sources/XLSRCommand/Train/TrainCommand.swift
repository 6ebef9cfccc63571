import XLSR

extension Command {
    static let train = Command(
        name: "train",
        summary: "Learns labels of whole audio from examples: languages, speakers, keywords.",
        operands: Operands(
            synopsis: "DATA OUT",
            help:
                "a folder with a folder of audio for each label, or a table with path, tab, label on a line (- is standard"
                + " input); and a new folder for the trained model", limit: 2),
        options: [.model, .validation, .devices, .precision, .batchSeconds, .threads, .json, .quiet, .verbose],
        notes: [
            """
            The encoder stays as it is and hears each file once. Softmax regression on a learned average of its hidden \
            states then finds its optimum: nothing has to be tuned, and the same files give the same model. Any \
            checkpoint will do, such as a pre-trained one without a head.
            """,
            """
            OUT is a checkpoint of Hugging Face's Wav2Vec2ForSequenceClassification: `xlsr run --model OUT`, `xlsr serve` \
            and transformers load it.
            """,
            """
            The accuracy is that of classifiers on files that they weren't fitted on: each fifth of the files in turn, or \
            those of --validation. It is too good where files of one speaker or one recording are on both sides.
            """,
            "A table's paths begin at its own folder. Its first line may name columns, path and label among them.",
            "Exit status: 0 done, 1 something failed (the other files still count), 2 wrong usage.",
        ],
        examples: [
            Example("xlsr train --model ./xls-r-300m calls/ callers", "of calls/anna/1.wav, calls/ben/1.wav, …"),
            Example(
                "xlsr train --model ./xls-r-300m --validation dev.tsv train.tsv lid", "with files of other speakers"),
            Example("xlsr run --model ./lid speech.wav", "what was learned, at work"),
        ],
        perform: { arguments in
            guard arguments.operands.count == 2 else { throw UsageError("train needs DATA and OUT") }
            let folder = arguments.operands[1]
            guard folder != "-" else { throw UsageError("OUT is a folder, not standard output") }
            // Before hours of work.
            try CheckpointConverter.requireEmpty(folder)
            guard arguments.operands[0] != "-" || arguments[.validation] != "-" else {
                throw UsageError("- can be read only once")
            }
            let files = try LabelledFiles(path: arguments.operands[0])
            let validation = try arguments[.validation].map { try LabelledFiles(path: $0) }
            let options = try RunOptions(arguments)
            if options.verbosity == .quiet { ProgressBar.disable() }
            defer { ProgressBar.clear() }
            let loaded = try LoadedModel(options, RunPlan(.tensors([])))
            if options.verbosity == .verbose { RunReport.print(loaded.model, nil, loadSeconds: loaded.seconds) }
            var failureCount = 0
            let classifier = try loaded.model.trainedClassifier(
                on: files, validation: validation, batchSeconds: options.batchSeconds
            ) { event in
                switch event {
                case .heard(let done, let total): ProgressBar.show("files heard", done, of: total)
                case .fitted(let done, let total): ProgressBar.show("classifiers fitted", done, of: total)
                case .failed(let path, let error):
                    failureCount += 1
                    Terminal.error(error is AudioError || error is TextError ? "\(error)" : "\(path): \(error)")
                }
            }
            try loaded.model.write(classifier, to: folder) { ProgressBar.show("writing", $0, of: $1) }
            let report = TrainingReport(
                model: loaded.model.name, folder: folder, classifier: classifier, failureCount: failureCount)
            try Terminal.printResult(arguments.has(.json) ? jsonDocument(report) : report.text)
            return failureCount == 0
        })
}

extension Option {
    static let validation = Option(
        "--validation", value: "DATA", "other files of the same labels to compare classifiers on [each fifth in turn]")
}
