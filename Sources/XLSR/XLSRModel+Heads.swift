import TensorEngine

extension XLSRModel {
    /// Everything that the checkpoint's own head gives, under Hugging Face's names:
    /// `logits`, `embeddings`, `projected_states`, `projected_quantized_states`, `codevector_perplexity`.
    ///
    /// Without the batch axis: `[frames, …]`, or one vector where the head gives one an utterance. Of audio that is cut
    /// into chunks, the frames that count are joined before they are pooled.
    /// - Throws: `CheckpointError` for a checkpoint without a head; otherwise as `transcribe`.
    public func headOutputs(
        of samples: [Float], sampleRate: Int, chunking: Chunking = .automatic
    ) throws -> [String: HostArray] {
        let clip = AudioClip(samples: samples, sampleRate: sampleRate)
        let outputs = try headOutputs(of: [clip], chunking: chunking, batchSeconds: 30)[0]
        return Dictionary(uniqueKeysWithValues: outputs.map { ($0.name, $0.array) })
    }

    /// The head's scores: `[frames, vocabulary]` or `[frames, labels]`; `[labels]` of a whole utterance.
    ///
    /// Of audio that is cut into chunks, the frames that count of all chunks.
    /// - Throws: as `headOutputs`.
    public func logits(of samples: [Float], sampleRate: Int, chunking: Chunking = .automatic) throws -> Tensor {
        let outputs = try headOutputs(of: samples, sampleRate: sampleRate, chunking: chunking)
        guard let logits = outputs["logits"] else { throw lacks("logits") }
        return try Tensor(logits, on: backend)
    }

    /// A head's output for a part of an utterance, or for all of it.
    package enum HeadPiece: Sendable {
        case outputs([(name: String, array: HostArray)])
        /// Frames of a chunk that are pooled when all of them are there. Another device may have computed the others.
        case frames(HostArray)
    }

    /// Throws unless the checkpoint has a head.
    package func requireHead() throws {
        guard head != nil else {
            guard case .pretraining = configuration.head else { throw lacks("outputs of a head") }
            throw CheckpointError(
                .weights, path: name, "has no tensor quantizer.codevectors",
                remedy: "its pre-training head was left out; use --task features")
        }
    }

    package func headPieces(of chunks: [ChunkInput]) throws -> [HeadPiece] {
        try requireHead()
        guard let head else { return [] }
        let encoded = try encoder(chunks.map(\.input), on: backend, average: head.layerAverage, taps: nil)
        switch head.kind {
        case .framewise(let head):
            let outputs = try head(encoded).map { record in
                (record, columns: record.tensor.shape[1], values: try record.tensor.floats())
            }
            return chunks.indices.map { index in
                .outputs(
                    outputs.map { record, columns, values in
                        let rows = chunks[index].rows(in: record.segments[index], configuration)
                        let part = Array(values[rows.lowerBound * columns..<rows.upperBound * columns])
                        return (record.name, HostArray(part, shape: [rows.count, columns]))
                    })
            }
        case .pooled(let head):
            let (frames, segments) = (try head.frames(encoded), encoded.headSegments)
            let whole = chunks.indices.filter { chunks[$0].isWhole }
            var outputs = try pooled(
                head, frames,
                Segments(
                    offsets: whole.map { segments.offsets[$0] }, lengths: whole.map { segments.lengths[$0] })
            ).makeIterator()
            return try chunks.indices.map { index in
                if chunks[index].isWhole, let next = outputs.next() { return .outputs(next) }
                return .frames(try frames.rows(chunks[index].rows(in: segments[index], configuration)).hostArray())
            }
        }
    }

    /// The head's outputs for an utterance of which these are the pieces.
    package func headOutputs(of pieces: [HeadPiece]) throws -> [(name: String, array: HostArray)] {
        var parts: [[(name: String, array: HostArray)]] = []
        var frames: [[(name: String, array: HostArray)]] = []
        for piece in pieces {
            switch piece {
            case .outputs(let outputs): parts.append(outputs)
            case .frames(let array): frames.append([("frames", array)])
            }
        }
        if case .pooled(let head) = head?.kind, let joined = HostArray.joined(frames).first {
            let joined = try Tensor(joined.array, on: backend)
            parts = try pooled(head, joined, Segments(lengths: [joined.shape[0]]))
        }
        return Codevectors.described(HostArray.joined(parts), configuration)
    }

    private func pooled(
        _ head: any PooledHead, _ frames: Tensor, _ segments: Segments
    ) throws -> [[(name: String, array: HostArray)]] {
        guard segments.count > 0 else { return [] }
        let outputs = try head.pooled(frames, segments: segments).map { ($0.name, try $0.tensor.floats()) }
        return (0..<segments.count).map { index in
            outputs.map { name, values in
                let columns = values.count / segments.count
                let row = Array(values[index * columns..<(index + 1) * columns])
                return (name, HostArray(row, shape: [columns]))
            }
        }
    }

    /// The head's outputs for each clip.
    func headOutputs(
        of clips: [AudioClip], chunking: Chunking, batchSeconds: Double
    ) throws -> [[(name: String, array: HostArray)]] {
        try requireHead()
        var outputs: [[(name: String, array: HostArray)]] = []
        let run = ChunkedRun(
            self, chunking, batchSeconds: batchSeconds, minimumSampleCount: configuration.minimumHeadSampleCount,
            purpose: .head, compute: { try $0.headPieces(of: $1) }
        ) { outcome in
            outputs.append(try outcome.model.headOutputs(of: outcome.pieces.get()))
        }
        try run.finish(clips)
        return outputs
    }

    func lacks(_ what: String) -> CheckpointError {
        let classes = configuration.architectures.joined(separator: ", ")
        return CheckpointError(
            .configuration, path: name, "is \(classes.isEmpty ? "a bare encoder" : classes), which has no \(what)",
            remedy: "use --task auto, or features(of:) in code")
    }
}

extension HostArray {
    /// Arrays of several parts, the rows of each name one under the other.
    package static func joined(_ parts: [[(name: String, array: HostArray)]]) -> [(name: String, array: HostArray)] {
        guard let first = parts.first, parts.count > 1 else { return parts.first ?? [] }
        return first.indices.map { block in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(parts.reduce(0) { $0 + $1[block].array.byteRange.count })
            for part in parts { part[block].array.withUnsafeBytes { bytes.append(contentsOf: $0) } }
            let rows = parts.reduce(0) { $0 + $1[block].array.shape[0] }
            let shape = Shape([rows] + first[block].array.shape.dimensions.dropFirst())
            let (name, dtype, byteCount) = (first[block].name, first[block].array.dtype, bytes.count)
            return (name, HostArray(shape: shape, dtype: dtype, memory: ArrayMemory(bytes), byteRange: 0..<byteCount))
        }
    }
}
