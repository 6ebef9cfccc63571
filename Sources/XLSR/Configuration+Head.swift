extension Configuration {
    /// What stands on top of the encoder, by `architectures`.
    public enum Head: Hashable, Sendable {
        /// A bare encoder.
        case none
        /// `Wav2Vec2ForCTC`
        case ctc
        /// `Wav2Vec2ForSequenceClassification`; `projectionSize` is `classifier_proj_size`.
        case sequenceClassifier(Classification, projectionSize: Int)
        /// `Wav2Vec2ForAudioFrameClassification`
        case frameClassifier(Classification)
        /// `Wav2Vec2ForXVector`
        case xVector(XVector)
        /// `Wav2Vec2ForPreTraining`
        case pretraining(Pretraining)
    }

    /// The classes that a head tells apart.
    public struct Classification: Hashable, Sendable {
        /// How a score becomes a probability; `problem_type` says.
        public enum Scoring: Hashable, Sendable {
            /// One label is right.
            case softmax
            /// Each label is right or not.
            case sigmoid
            /// The score is a number of its own: regression.
            case identity
        }

        /// `id2label`, in the order of the head's outputs.
        public let labels: [String]
        public let scoring: Scoring
    }

    /// Sizes of the time-delay network of an x-vector head, Snyder et al. 2018.
    public struct XVector: Hashable, Sendable {
        public struct Layer: Hashable, Sendable {
            public let channels: Int
            public let kernel: Int
            public let dilation: Int

            /// Frames that an utterance loses.
            var loss: Int { (kernel - 1) * dilation }
        }

        public let layers: [Layer]
        /// `xvector_output_dim`: of an embedding.
        public let width: Int

        /// Frames of the last hidden states that an embedding needs: a standard deviation is one of two frames or more.
        public var minimumFrameCount: Int { layers.reduce(2) { $0 + $1.loss } }
    }

    /// Sizes of the quantiser of wav2vec 2.0's pre-training task.
    public struct Pretraining: Hashable, Sendable {
        public let groupCount: Int
        /// Codevectors of each group.
        public let codevectorCount: Int
        /// `codevector_dim`: of all groups together.
        public let codevectorSize: Int
        /// `proj_codevector_dim`
        public let projectionSize: Int
    }

    /// A learned average of all hidden states as a head's input: `use_weighted_layer_sum`.
    public struct LayerSum: Hashable, Sendable {
        /// Whether the last of them is the one after the final norm. That matters to stable layer norm only:
        /// transformers 4 and SUPERB trained heads so, transformers 5 takes the one before it. `tie_last_hidden_states`
        /// decides, else `transformers_version`, which names the one that wrote the checkpoint.
        public let endsAfterNorm: Bool
    }

    /// Whether the checkpoint has a CTC head.
    public var hasCTCHead: Bool { head == .ctc }

    /// Labels of a head that classifies; empty otherwise.
    public var labels: [String] {
        switch head {
        case .sequenceClassifier(let classes, _), .frameClassifier(let classes): classes.labels
        default: []
        }
    }

    /// The fewest samples that the encoder can work with.
    public var minimumSampleCount: Int { sampleCount(frames: 1, adapter: adapter) }

    /// The fewest samples that the head can work with.
    public var minimumHeadSampleCount: Int {
        guard case .xVector(let sizes) = head else { return minimumSampleCount }
        return max(
            minimumSampleCount,
            sampleCount(frames: sizes.minimumFrameCount, adapter: layerSum == nil ? adapter : nil))
    }
}

// MARK: - Parsing

extension Configuration.Head {
    /// - Throws: `CheckpointError` that names the field.
    init(_ fields: ConfigurationFields, architectures: [String], hiddenSize: Int, adapter: Configuration.Adapter?)
        throws
    {
        let classes = ["CTC", "SequenceClassification", "AudioFrameClassification", "XVector", "PreTraining"]
        let name = architectures.lazy.compactMap { name in classes.first { name.hasSuffix("For" + $0) } }.first
        switch name {
        case "CTC": self = .ctc
        case "SequenceClassification":
            let size = try fields.integer("classifier_proj_size", default: 256, in: 1...65_536)
            self = .sequenceClassifier(try Configuration.Classification(fields), projectionSize: size)
        case "AudioFrameClassification": self = .frameClassifier(try Configuration.Classification(fields))
        case "XVector": self = .xVector(try Configuration.XVector(fields))
        case "PreTraining": self = .pretraining(try Configuration.Pretraining(fields))
        default: self = .none
        }
        guard let adapter else { return }
        switch self {
        case .none, .ctc: break
        case .sequenceClassifier, .frameClassifier:
            throw fields.error("add_adapter", "is true, but classification heads have no convolutional adapter")
        case .xVector, .pretraining:
            guard adapter.width == hiddenSize else {
                throw fields.error(
                    "output_hidden_size", "is \(adapter.width), but this head needs hidden_size \(hiddenSize)")
            }
        }
    }
}

extension Configuration.Classification {
    init(_ fields: ConfigurationFields) throws {
        scoring =
            switch try fields.string("problem_type", default: "single_label_classification") {
            case "single_label_classification": .softmax
            case "multi_label_classification": .sigmoid
            case "regression": .identity
            case let other: throw fields.error("problem_type", "\"\(other)\" is not supported")
            }
        guard let names = try fields.object("id2label") else {
            let count = try fields.integer("num_labels", default: 2, in: 1...1_000_000)
            labels = (0..<count).map { "LABEL_\($0)" }
            return
        }
        guard !names.isEmpty else { throw fields.error("id2label", "names no label") }
        labels = try (0..<names.count).map { index in
            guard let label = names[String(index)]?.string else {
                throw fields.error("id2label", "has \(names.count) labels, but no text for \"\(index)\"")
            }
            return label
        }
    }
}

extension Configuration.XVector {
    init(_ fields: ConfigurationFields) throws {
        let channels = try fields.integers("tdnn_dim", default: [512, 512, 512, 512, 1500], in: 1...65_536)
        let kernels = try fields.integers("tdnn_kernel", default: [5, 3, 3, 1, 1], in: 1...1_000)
        let dilations = try fields.integers("tdnn_dilation", default: [1, 2, 3, 1, 1], in: 1...1_000)
        guard !channels.isEmpty, channels.count <= 32 else {
            throw fields.error("tdnn_dim", "has \(channels.count) layers, not 1 to 32")
        }
        for (name, list) in [("tdnn_kernel", kernels), ("tdnn_dilation", dilations)] where list.count != channels.count
        {
            throw fields.error(name, "has \(list.count) layers, but tdnn_dim has \(channels.count)")
        }
        layers = channels.indices.map {
            Layer(channels: channels[$0], kernel: kernels[$0], dilation: dilations[$0])
        }
        width = try fields.integer("xvector_output_dim", default: 512, in: 1...65_536)
    }
}

extension Configuration.Pretraining {
    init(_ fields: ConfigurationFields) throws {
        groupCount = try fields.integer("num_codevector_groups", default: 2, in: 1...1_000)
        codevectorCount = try fields.integer("num_codevectors_per_group", default: 320, in: 1...100_000)
        codevectorSize = try fields.integer("codevector_dim", default: 256, in: 1...65_536)
        projectionSize = try fields.integer("proj_codevector_dim", default: 256, in: 1...65_536)
        guard codevectorSize.isMultiple(of: groupCount) else {
            throw fields.error(
                "num_codevector_groups", "\(groupCount) groups don't divide codevector_dim \(codevectorSize)")
        }
    }
}

extension Configuration.LayerSum {
    /// nil without `use_weighted_layer_sum`.
    init?(_ fields: ConfigurationFields) throws {
        guard try fields.bool("use_weighted_layer_sum", default: false) else { return nil }
        let version = try fields.string("transformers_version", default: "4").prefix { $0 != "." }
        endsAfterNorm = try fields.bool("tie_last_hidden_states", default: (Int(version) ?? 4) < 5)
    }
}
