import XLSR

extension Command {
    static let train = Command(
        name: "train",
        summary: "Learns from examples: labels of whole audio (languages, speakers, keywords), or what is said.",
        operands: Operands(
            synopsis: "DATA OUT",
            help:
                "a folder with a folder of audio for each label, or with a text beside each audio (a.wav, a.txt), or a"
                + " table with path, tab, label or text on a line (- is standard input); and a new folder for the trained"
                + " model", limit: 2),
        options: [.trainingTask, .model, .language, .validation] + Option.ofTranscripts + [
            .devices, .precision, .batchSeconds, .threads, .json, .quiet, .verbose,
        ],
        notes: [
            """
            Any checkpoint will do to begin with, such as a pre-trained one without a head. OUT is one that `xlsr run \
            --model OUT`, `xlsr serve` and transformers load.
            """,
            """
            Of labels the encoder stays as it is and hears each file once. Softmax regression on a learned average of its \
            hidden states then finds its optimum: nothing has to be tuned, and the same files give the same model, a \
            Wav2Vec2ForSequenceClassification. The accuracy is that of classifiers on files that they weren't fitted on: \
            each fifth of the files in turn, or those of --validation.
            """,
            """
            Of texts (--task transcribe) small adapters after the encoder's layers learn, and a CTC head, as in \
            Massively Multilingual Speech: a Wav2Vec2ForCTC. A checkpoint that has adapters goes on from them \
            (--language: from that language's), and one whose vocabulary has all characters of the texts from its \
            head. A tenth of the files, or those of --validation, aren't learned from: they tell how good each epoch \
            is, and the best is written, meanwhile too. Ctrl-C ends with the best so far. A step takes \
            --batch-seconds of audio, less where that would make fewer than twenty steps an epoch and it isn't \
            given. Texts are learned as they are written: say numbers in words, and see to case and punctuation.
            """,
            """
            --train encoder learns the layers themselves: more where there are hours of speech, at twice the time and, of \
            300M, in 8 to 10 GB of memory. Files are of 60 s at most.
            """,
            """
            What is measured is too good where files of one speaker or one recording are on both sides.
            """,
            """
            A table's paths begin at its own folder. Its first line may name columns: path, and label, or text, sentence or \
            transcription. Common Voice's tables are read as they are.
            """,
            "Exit status: 0 done, 1 something failed (the other files still count), 2 wrong usage.",
        ],
        examples: [
            Example("xlsr train --model ./xls-r-300m calls/ callers", "of calls/anna/1.wav, calls/ben/1.wav, …"),
            Example(
                "xlsr train --model ./xls-r-300m --validation dev.tsv train.tsv lid", "with files of other speakers"),
            Example("xlsr run --model ./lid speech.wav", "what was learned, at work"),
            Example("xlsr train --task transcribe --model ./xls-r-300m --lowercase train.tsv sorbian", "a recogniser"),
            Example(
                "xlsr train --task transcribe --model ./mms-1b-all --language hsb recordings/ sorbian",
                "from one that is there already"),
        ],
        perform: { arguments in
            let options = try TrainOptions(arguments)
            if arguments.has(.quiet) { ProgressBar.disable() }
            defer { ProgressBar.clear() }
            return switch options.task {
            case .classify: try options.trainClassifier(arguments)
            case .transcribe: try options.trainRecognizer(arguments)
            }
        })
}

/// What `xlsr train` was asked for.
struct TrainOptions {
    enum Task: String, CaseIterable {
        case classify, transcribe
    }

    let task: Task
    let data: String
    let folder: String
    let validation: String?

    init(_ arguments: Arguments) throws {
        guard arguments.operands.count == 2 else { throw UsageError("train needs DATA and OUT") }
        (data, folder) = (arguments.operands[0], arguments.operands[1])
        validation = arguments[.validation]
        task = try arguments.choice(.trainingTask, Task.self) ?? .classify
        guard folder != "-" else { throw UsageError("OUT is a folder, not standard output") }
        // Before hours of work.
        try CheckpointConverter.requireEmpty(folder)
        guard data != "-" || validation != "-" else { throw UsageError("- can be read only once") }
        let others = [Option.language] + Option.ofTranscripts
        if task == .classify, let option = others.first(where: arguments.has) {
            throw UsageError("\(option.name) is for --task transcribe")
        }
    }
}

extension Option {
    static let trainingTask = Option("--task", choices: TrainOptions.Task.self, "what is learned [classify]")
    static let validation = Option(
        "--validation", value: "DATA",
        "other files to measure by [classify: each fifth in turn; transcribe: a tenth]")

    /// Those that only `--task transcribe` has.
    static let ofTranscripts = [
        trainedPart, heldOut, epochs, learningRate, adapterWidth, saveMinutes, lowercase, removePunctuation,
    ]
    static let trainedPart = Option(
        "--train", choices: RecognizerTraining.Part.self,
        "with --task transcribe: small adapters after the encoder's layers, or those layers themselves [adapters]")
    static let heldOut = Option(
        "--held-out", value: "S", "with --task transcribe: the share of files to measure by instead; 0: none [0.1]")
    static let epochs = Option("--epochs", value: "N", "with --task transcribe: how often each file is heard [20]")
    static let learningRate = Option(
        "--learning-rate", value: "R", "with --task transcribe: how far each step goes at most [0.001; encoder: 0.0001]"
    )
    static let saveMinutes = Option(
        "--save-minutes", value: "M", "with --task transcribe: how often, at most, OUT gets the best epoch so far [10]")
    static let adapterWidth = Option(
        "--adapter-width", value: "N", "with --task transcribe: of adapters where the checkpoint has none [64]")
}
