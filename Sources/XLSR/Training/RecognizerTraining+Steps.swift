import TensorEngine

extension RecognizerTraining {
    func startingWeights(
        _ configuration: Configuration, _ vocabulary: TrainingVocabulary, _ random: inout RandomSource
    ) throws -> TrainedWeights {
        var weights = TrainedWeights()
        let prefix = CheckpointNames.encoderPrefix + "."
        if options.part == .encoder {
            try weights.add(TrainedWeights.layers(configuration), prefix: prefix, of: checkpoint, &random)
        }
        if let width {
            let adapters = TrainedWeights.adapters(configuration, width: width)
            try weights.add(adapters, prefix: prefix, of: ownAdapters, &random)
        }
        let head = TrainedWeights.head(configuration, tokenCount: vocabulary.size)
        try weights.add(head, of: vocabulary.isKept ? ownAdapters ?? checkpoint : nil, &random)
        return weights
    }

    /// A model of weights on the device.
    private struct Blocks {
        let encoder: Wav2Vec2Encoder
        let head: CTCHead
        let parameters: [TrainedParameter]
    }

    private func blocks(_ weights: TrainedWeights, _ configuration: Configuration) throws -> Blocks {
        let reader = WeightReader(
            CheckpointTensors([weights], path: weights.path), on: tape, precision: model.precision)
        let prefix = CheckpointNames.encoderPrefix
        let scopes = (0..<configuration.layerCount).map { "encoder.layers.\($0)" }
        let head = try CTCHead(reader, configuration)
        var (encoder, parameters) = (model.encoder, head.parameters)
        if options.part == .encoder {
            let layers = try scopes.map { try EncoderLayer(reader.scope(prefix).scope($0), configuration) }
            let norm = try reader.scope(prefix).norm(
                "encoder.layer_norm", channels: configuration.hiddenSize, epsilon: configuration.layerNormEpsilon)
            encoder = encoder.replacing(layers, norm)
            parameters +=
                zip(layers, scopes).flatMap { layer, scope in
                    layer.parameters.map { $0.scoped("\(prefix).\(scope)") }
                } + norm.parameters("\(prefix).encoder.layer_norm")
        }
        if let width {
            let adapters = try scopes.map {
                try AttentionAdapter(reader.scope(prefix).scope($0), width: width, configuration)
            }
            encoder = encoder.adapted(by: adapters)
            parameters += zip(adapters, scopes).flatMap { adapter, scope in
                adapter.parameters.map { $0.scoped("\(prefix).\(scope).\(CheckpointNames.attentionAdapter)") }
            }
        }
        return Blocks(encoder: encoder, head: head, parameters: parameters)
    }

    private func projected(_ batch: [Clip]) throws -> (Tensor, Segments) {
        let model = model
        let values = try batch.concurrentResults { try $0.values ?? Self.values(of: $0.path, for: model) }
            .map { InputValues(try $0.get()) }
        return try model.encoder.projected(values, on: tape)
    }

    /// A step down the mean over a batch's clips of the loss a token, whose sum it returns.
    func step(
        _ batch: [Clip], _ weights: inout TrainedWeights, _ optimizer: inout Adam, rate: Double,
        _ configuration: Configuration, _ vocabulary: TrainingVocabulary, _ random: inout RandomSource
    ) throws -> Double {
        let (frames, segments) = try projected(batch)
        let hidden = try mask.hiding(frames, segments, by: maskedRow, &random)
        let blocks = try blocks(weights, configuration)
        for parameter in blocks.parameters { tape.watch(parameter.tensor) }
        let logits = try blocks.head.logits(of: blocks.encoder.states(of: hidden, segments: segments))
        let values = try logits.floats()
        var (loss, gradient) = (0.0, [Float]())
        gradient.reserveCapacity(values.count)
        for (index, clip) in batch.enumerated() {
            let rows = segments[index]
            let ctc = CTCLoss(
                logits: values[rows.lowerBound * vocabulary.size..<rows.upperBound * vocabulary.size],
                vocabularySize: vocabulary.size, tokens: clip.tokens, blank: vocabulary.tokenizer.blankID)
            let share = 1 / Double(clip.tokens.count)
            loss += share * ctc.value
            let factor = Float(share / Double(batch.count))
            gradient += ctc.gradient.map { factor * $0 }
        }
        let found = try tape.gradients(of: logits, Tensor(gradient, shape: logits.shape, on: tape))
        try weights.update(blocks.parameters, found, by: &optimizer, rate: rate)
        // Other lengths take blocks of other sizes, which would pile up.
        let pool = tape.pool.statistics
        if pool.cachedByteCount > (pool.peakByteCount - pool.usedByteCount) * 2 { tape.pool.trim() }
        return loss
    }

    /// nil without clips.
    func errors(
        of clips: [Clip], _ weights: TrainedWeights, _ configuration: Configuration, _ vocabulary: TrainingVocabulary
    ) throws -> (words: ErrorCounts?, characters: ErrorCounts?) {
        guard !clips.isEmpty else { return (nil, nil) }
        let blocks = try blocks(weights, configuration)
        var (words, characters) = (ErrorCounts(), ErrorCounts())
        for batch in Self.batches(clips, seconds: options.batchSeconds ?? 30) {
            try CancellationFlag.check()
            let (frames, segments) = try projected(batch)
            let ids = try blocks.head.logits(of: blocks.encoder.states(of: frames, segments: segments)).argmax()
                .hostArray().floats()
            for (index, clip) in batch.enumerated() {
                let heard = vocabulary.tokenizer.decode(ids[segments[index]].map { Int($0) })
                words += WordAlignment(reference: clip.text, hypothesis: heard).counts
                characters += ErrorCounts(charactersOf: clip.text, hypothesis: heard)
            }
        }
        return (words, characters)
    }
}
