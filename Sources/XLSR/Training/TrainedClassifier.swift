import TensorEngine

/// What `trainedClassifier(on:)` learned.
public struct TrainedClassifier: Sendable {
    public let labels: [String]
    let classifier: LinearClassifier
    /// What `softmax` makes the shares of.
    let layerLogits: [Double]
    /// `penalty / 2 · |weights|²` was added to the mean loss of the files.
    public let penalty: Double
    /// nil where every label has one file: then none could be held out.
    public let evaluation: ClassifierEvaluation?

    /// What each of the hidden states counts, from 0; together 1.
    public var layerShares: [Double] { classifier.layerShares.map(Double.init) }

    init(
        labels: [String], classifier: LinearClassifier, layerLogits: [Double], penalty: Double,
        evaluation: ClassifierEvaluation?
    ) {
        (self.labels, self.classifier, self.layerLogits) = (labels, classifier, layerLogits)
        (self.penalty, self.evaluation) = (penalty, evaluation)
    }
}

/// How classifiers did on files that they weren't fitted on.
public struct ClassifierEvaluation: Hashable, Sendable {
    public let labels: [String]
    /// How often a label, the first index, was taken for another.
    public let confusion: [[Int]]
    /// So many classifiers were fitted, each on all other parts of the files; nil for one, on files of their own.
    public let foldCount: Int?

    public var fileCount: Int { confusion.joined().reduce(0, +) }
    public var rightCount: Int { confusion.indices.reduce(0) { $0 + confusion[$1][$1] } }
    /// The share of files that were given the right label.
    public var accuracy: Double { Double(rightCount) / Double(max(1, fileCount)) }
}

extension XLSRModel {
    /// Writes this model's checkpoint with a classifier in place of its head, as Hugging Face's
    /// `Wav2Vec2ForSequenceClassification`: it loads like any other, and in transformers.
    /// - Parameter folder: made when it isn't there.
    /// - Throws: `UsageError` for a folder that holds files already; `CheckpointError` for what can't be read or
    ///   written. Then nothing is left.
    public func write(
        _ classifier: TrainedClassifier, to folder: String, progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws {
        guard let files else {
            throw CheckpointError(.missingFile, path: name, "isn't of files, so there is nothing to write again")
        }
        try CheckpointConverter.convert(
            files, to: nil, folder: folder, head: classifier.head(configuration), progress: progress)
    }
}

extension TrainedClassifier {
    /// Without a word by softmax: beyond float16 it would be infinite.
    private static let noShare: Float = -10_000

    /// The projection of Hugging Face's head does it all; what follows passes it on.
    fileprivate func head(_ configuration: Configuration) -> NewHead {
        let (count, channels) = (labels.count, configuration.hiddenSize)
        let unused = [Float](repeating: Self.noShare, count: configuration.layerCount + 1 - layerLogits.count)
        let identity = (0..<count * count).map { Float($0 % (count + 1) == 0 ? 1 : 0) }
        let weights = classifier.weights.flatMap { row in (0..<channels).map { row[$0] } }
        let names = labels.enumerated().map { (String($0), JSON.string($1)) }
        return NewHead(
            tensors: [
                (
                    "layer_weights",
                    HostArray(layerLogits.map { Float($0) } + unused, shape: [configuration.layerCount + 1])
                ),
                ("projector.weight", HostArray(weights, shape: [count, channels])),
                ("projector.bias", HostArray(classifier.biases, shape: [count])),
                ("classifier.weight", HostArray(identity, shape: [count, count])),
                ("classifier.bias", HostArray([Float](repeating: 0, count: count), shape: [count])),
            ],
            fields: [
                "architectures": .array([.string("Wav2Vec2ForSequenceClassification")]),
                "id2label": .object(Dictionary(uniqueKeysWithValues: names)),
                "label2id": .object(Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, .int($0)) })),
                "classifier_proj_size": .int(count),
                "use_weighted_layer_sum": .bool(true),
                "problem_type": .string("single_label_classification"),
            ])
    }
}
