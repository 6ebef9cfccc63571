import XLSR

/// What `xlsr train` tells of the classifier that it wrote.
struct ClassifierReport {
    let model: String
    let folder: String
    let classifier: TrainedClassifier
    /// Files that couldn't be used.
    let failureCount: Int

    var text: String {
        let lines = [
            ("labels", "\(classifier.labels.count)"), ("accuracy", accuracy), ("penalty", "\(classifier.penalty)"),
            ("hears", layers), ("written", folder),
        ]
        return lines.map { padded($0, 12) + $1 + "\n" }.joined() + (classifier.evaluation.map(table) ?? "")
    }

    private var accuracy: String {
        guard let evaluation = classifier.evaluation else {
            return "unknown: with one file a label, none can be held out"
        }
        let files = evaluation.foldCount.map { "each \(part($0)) heard by a classifier of the others" }
        return "\(percent(evaluation.accuracy)): \(evaluation.rightCount) of \(counted(evaluation.fileCount, "file")), "
            + (files ?? "those for validation")
    }

    /// One of 2 to 5 equal parts.
    private func part(_ count: Int) -> String { ["half", "third", "quarter", "fifth"][max(0, min(3, count - 2))] }

    /// The hidden states that count most.
    private var layers: String {
        let ranked = classifier.layerShares.enumerated().sorted { ($1.element, $0.offset) < ($0.element, $1.offset) }
        let shown = ranked.prefix(3).map { "\($0.offset) (\(percent($0.element)))" }.joined(separator: ", ")
        return "hidden states \(shown)\(ranked.count > 3 ? ", …" : "")"
    }

    /// A line a label: how many of its files were right, and what the others were taken for.
    private func table(_ evaluation: ClassifierEvaluation) -> String {
        let width = max(10, (evaluation.labels.map(\.count).max() ?? 0) + 2)
        let rows = evaluation.labels.indices.map { label in
            let row = evaluation.confusion[label]
            let wrong = row.indices.filter { $0 != label && row[$0] > 0 }.sorted { (row[$1], $0) < (row[$0], $1) }
            let shown = wrong.prefix(3).map { "\(evaluation.labels[$0]) (\(row[$0]))" }.joined(separator: ", ")
            return padded(evaluation.labels[label], width)
                + leftPadded("\(row[label]) of \(row.reduce(0, +))", 12)
                + (wrong.isEmpty ? "" : "  \(shown)\(wrong.count > 3 ? ", …" : "")")
        }
        return "\n" + padded("label", width) + leftPadded("right", 12) + "  taken for\n"
            + rows.map { $0 + "\n" }.joined()
    }
}

extension ClassifierReport: Encodable {
    private enum CodingKeys: String, CodingKey {
        case version, model, folder, labels, penalty, layerShares = "layer_shares", accuracy, files, confusion, folds,
            failures
    }

    func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: CodingKeys.self)
        try object.encode(1, forKey: .version)
        try object.encode(model, forKey: .model)
        try object.encode(folder, forKey: .folder)
        try object.encode(classifier.labels, forKey: .labels)
        try object.encode(classifier.penalty, forKey: .penalty)
        try object.encode(classifier.layerShares, forKey: .layerShares)
        try object.encode(failureCount, forKey: .failures)
        guard let evaluation = classifier.evaluation else { return }
        try object.encode(evaluation.accuracy, forKey: .accuracy)
        try object.encode(evaluation.fileCount, forKey: .files)
        try object.encode(evaluation.confusion, forKey: .confusion)
        try object.encodeIfPresent(evaluation.foldCount, forKey: .folds)
    }
}
