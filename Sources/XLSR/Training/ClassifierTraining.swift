import TensorEngine

/// How the training of a classifier goes on.
public enum TrainingEvent: Sendable {
    /// The encoder has heard so many of all files.
    case heard(Int, of: Int)
    /// A file that can't be used. The others go on.
    case failed(path: String, error: any Error)
    /// So many of all classifiers that are compared are fitted.
    case fitted(Int, of: Int)
}

extension XLSRModel {
    /// Learns to tell labels of whole audio apart (languages, speakers, keywords) by this model's hidden states, which
    /// stay as they are.
    ///
    /// The encoder hears each file once. Softmax regression on a learned average of all hidden states, as SUPERB's heads
    /// take it (Yang et al. 2021), then finds its optimum by L-BFGS, without chance and without rates to choose. How
    /// much large weights cost, held-out files decide: those of `validation`, or each fifth of the files in turn.
    ///
    /// Means of hidden states stay in memory: 100 kB a file by XLS-R 300M.
    /// - Parameters:
    ///   - validation: other files of the same labels, such as of other speakers.
    ///   - batchSeconds: audio that is computed at a time; more is faster and takes more memory.
    ///   - report: hears what is done, on the calling thread.
    /// - Throws: `UsageError` for files of fewer than two labels, and for labels of `validation` that the others lack;
    ///   `CheckpointError` for a model whose encoder such a head can't stand on; `CancellationError`.
    public func trainedClassifier(
        on files: LabelledFiles, validation: LabelledFiles? = nil, chunking: Chunking = .automatic,
        batchSeconds: Double = 30, report: @escaping (TrainingEvent) -> Void = { _ in }
    ) throws -> TrainedClassifier {
        try requireTrainableEncoder()
        try Self.requireLabels(files, validation)
        let items = files.items + (validation?.items ?? [])
        var examples: [(item: Int, example: SoftmaxRegression.Example)] = []
        var heard = 0
        let run = ChunkedRun(self, chunking, batchSeconds: batchSeconds) {
            try $0.pooledStates(of: $1)
        } finished: { outcome in
            let item = items[outcome.index]
            do {
                let states = PooledStates(joining: try outcome.pieces.get(), channels: configuration.hiddenSize)
                examples.append(
                    (outcome.index, .init(states: states, label: files.labels.firstIndex(of: item.label) ?? 0)))
            } catch let error as CancellationError {
                throw error
            } catch {
                report(.failed(path: item.path, error: error))
            }
            heard += 1
            report(.heard(heard, of: items.count))
        }
        try read(items.map(\.path), into: run)
        let training = examples.filter { $0.item < files.items.count }.map(\.example)
        let held = examples.filter { $0.item >= files.items.count }.map(\.example)
        let learned = Set(training.map(\.label))
        if let missing = files.labels.indices.first(where: { !learned.contains($0) }) {
            throw UsageError("no file of the label \"\(files.labels[missing])\" could be used")
        }
        guard validation == nil || !held.isEmpty else { throw UsageError("no file for validation could be used") }
        let search = PenaltySearch(
            training, validation: validation == nil ? nil : held, channels: configuration.hiddenSize,
            labels: files.labels)
        return try search.best { report(.fitted($0, of: $1)) }
    }

    private func requireTrainableEncoder() throws {
        guard translator == nil, configuration.adapter == nil else {
            throw CheckpointError(
                .configuration, path: name, "no classifier stands on an encoder with a convolutional adapter",
                remedy: "train on the model that it was made from, such as facebook/wav2vec2-xls-r-300m")
        }
    }

    private static func requireLabels(_ files: LabelledFiles, _ validation: LabelledFiles?) throws {
        guard files.labels.count > 1 else {
            let labels = files.labels.first.map { "is \"\($0)\"" } ?? "is missing"
            throw UsageError("there must be two labels to tell apart, but the only one \(labels)")
        }
        if let unknown = validation?.labels.first(where: { !files.labels.contains($0) }) {
            throw UsageError("the files for validation have the label \"\(unknown)\", which none to learn from has")
        }
    }

    /// The hidden states that classifiers are trained on. Of stable layer norm not the last one: transformers 4 takes it
    /// after the final norm, 5 before, and what is trained shall mean the same to both.
    var trainedStateCount: Int { max(1, configuration.layerCount + (configuration.usesStableLayerNorm ? 0 : 1)) }
}
