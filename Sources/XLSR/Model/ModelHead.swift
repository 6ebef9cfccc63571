import TensorEngine

/// What stands on top of the encoder.
struct ModelHead: Sendable {
    enum Kind: Sendable {
        case framewise(any FramewiseHead)
        case pooled(any PooledHead)
    }

    let kind: Kind
    /// What is made of the hidden states for it; nil where it takes the last ones.
    let layerAverage: LayerAverage?

    /// nil for a bare encoder, and for a pre-training checkpoint whose quantiser was left out.
    init?(_ weights: WeightReader, _ configuration: Configuration) throws {
        switch configuration.head {
        case .none: return nil
        case .ctc: kind = .framewise(try CTCHead(weights, configuration))
        case .frameClassifier(let classes):
            kind = .framewise(try FrameClassifier(weights, configuration, classes))
        case .sequenceClassifier(let classes, let size):
            kind = .pooled(try SequenceClassifier(weights, configuration, classes, projectionSize: size))
        case .xVector(let sizes): kind = .pooled(try XVector(weights, configuration, sizes))
        case .pretraining(let sizes):
            guard weights.contains("quantizer.codevectors") else { return nil }
            kind = .framewise(try QuantizerHead(weights, configuration, sizes))
        }
        layerAverage =
            switch configuration.head {
            case .sequenceClassifier, .frameClassifier, .xVector:
                try configuration.layerSum.map {
                    try LayerAverage(weights, $0, layerCount: configuration.layerCount)
                }
            case .none, .ctc, .pretraining: nil
            }
    }

    /// All outputs for whole utterances, under Hugging Face's names.
    func callAsFunction(_ encoded: EncoderOutput, taps: Taps?) throws -> [Taps.Record] {
        let records: [Taps.Record] =
            switch kind {
            case .framewise(let head): try head(encoded)
            case .pooled(let head):
                try head.pooled(head.frames(encoded), segments: encoded.headSegments).map {
                    Taps.Record(
                        name: $0.name, tensor: $0.tensor,
                        segments: Segments(lengths: Array(repeating: 1, count: encoded.segments.count)))
                }
            }
        for record in records { taps?.record(record.name, record.tensor, record.segments) }
        return records
    }
}

/// A head whose outputs have a row for each frame.
protocol FramewiseHead: Sendable {
    func callAsFunction(_ encoded: EncoderOutput) throws -> [Taps.Record]
}

/// A head whose outputs have a row for each utterance.
protocol PooledHead: Sendable {
    /// What is made of each frame by itself: `[frames, channels]`.
    func frames(_ encoded: EncoderOutput) throws -> Tensor
    /// What is made of all frames of each utterance: `[utterances, …]`.
    func pooled(_ frames: Tensor, segments: Segments) throws -> [(name: String, tensor: Tensor)]
}

extension WeightReader {
    /// The last linear layer of a classifier.
    /// - Throws: `CheckpointError` when its outputs aren't as many as labels.
    func classifier(from input: Int, _ classes: Configuration.Classification) throws -> Linear {
        if let outputs = shape(of: "classifier.weight")?.dimensions.first, outputs != classes.labels.count {
            throw CheckpointError(
                .configuration, path: path,
                "classifier.weight has \(outputs) outputs, but config.json names \(classes.labels.count) labels",
                remedy: "id2label in config.json must name each output: take it from the original checkpoint")
        }
        return try linear("classifier", from: input, to: classes.labels.count, as: precision.sensitiveWeights)
    }
}
