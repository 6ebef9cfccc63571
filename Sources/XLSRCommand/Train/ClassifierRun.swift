import XLSR

extension TrainOptions {
    /// Learns labels of whole audio.
    func trainClassifier(_ arguments: Arguments) throws -> Bool {
        let files = try LabelledFiles(path: data)
        let validation = try validation.map { try LabelledFiles(path: $0) }
        let options = try RunOptions(arguments)
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
                Self.tell(error, of: path)
            }
        }
        try loaded.model.write(classifier, to: folder) { ProgressBar.show("writing", $0, of: $1) }
        let report = ClassifierReport(
            model: loaded.model.name, folder: folder, classifier: classifier, failureCount: failureCount)
        try Terminal.printResult(arguments.has(.json) ? jsonDocument(report) : report.text)
        return failureCount == 0
    }

    /// Of a file that can't be used.
    static func tell(_ error: any Error, of path: String) {
        Terminal.error(error is AudioError || error is TextError ? "\(error)" : "\(path): \(error)")
    }
}
