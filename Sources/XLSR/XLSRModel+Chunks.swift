import TensorEngine

extension XLSRModel {
    /// What was said, with times and confidences, by the best path through the CTC head's scores.
    /// - Throws: `CheckpointError` for a checkpoint that writes no text, `UsageError` for a chunking that makes no sense,
    ///   and as `outputs(of:)`.
    public func transcribe(
        _ samples: [Float], sampleRate: Int, chunking: Chunking = .automatic
    ) throws -> Transcript {
        try transcribe([AudioClip(samples: samples, sampleRate: sampleRate)], chunking: chunking)[0]
    }

    /// What was said in each clip.
    /// - Parameter batchSeconds: audio that is computed at a time; more is faster and takes more memory.
    public func transcribe(
        _ clips: [AudioClip], names: [String]? = nil, chunking: Chunking = .automatic, batchSeconds: Double = 30
    ) throws -> [Transcript] {
        try requireTranscription()
        var transcripts: [Transcript] = []
        let run = ChunkedRun(self, chunking, batchSeconds: batchSeconds, compute: bestPaths) { outcome in
            transcripts.append(try transcript(of: outcome.pieces.get()))
        }
        for (index, clip) in clips.enumerated() {
            try run.add(clip, index: index, name: names?[index] ?? "samples")
        }
        try run.finish()
        return transcripts
    }

    /// The encoder's last hidden states `[frames, hidden]` of samples at the model's own rate.
    ///
    /// Of audio that is cut into chunks, the frames that count of all chunks.
    public func features(of samples: [Float], chunking: Chunking = .automatic) throws -> Tensor {
        var parts: [Tensor] = []
        let run = ChunkedRun(self, chunking, batchSeconds: 30) { inputs in
            let output = try output(of: inputs.map(\.values), runsHead: false)
            return try inputs.indices.map { index in
                try output.states.rows(inputs[index].rows(in: output.segments[index], configuration))
            }
        } finished: { outcome in
            parts = try outcome.pieces.get()
        }
        let clip = AudioClip(samples: samples, sampleRate: featureExtractor.sampleRate)
        try run.add(clip, index: 0, name: "samples")
        try run.finish()
        return parts.count == 1 ? parts[0] : try Tensor.concatenated(parts)
    }
}

// MARK: - Pieces of a chunked run

extension XLSRModel {
    /// A best path through the frames that count of a chunk.
    package struct ChunkPath: Sendable {
        /// The utterance's frame at which it begins.
        let start: Int
        let path: BestPath
    }

    package func bestPaths(of chunks: [ChunkInput]) throws -> [ChunkPath] {
        let output = try output(of: chunks.map(\.values))
        guard let logits = output.logits else { return [] }
        let (scores, columns) = (try logits.floats(), configuration.vocabularySize)
        return try chunks.indices.map { index in
            let rows = chunks[index].rows(in: output.segments[index], configuration)
            let path = try BestPath(
                logits: Array(scores[rows.lowerBound * columns..<rows.upperBound * columns]), vocabularySize: columns)
            return ChunkPath(start: chunks[index].outputStart(configuration), path: path)
        }
    }

    /// The text of an utterance's chunks, with times in the whole utterance.
    package func transcript(of parts: [ChunkPath]) throws -> Transcript {
        var (ids, probabilities): ([Int], [Float]) = ([], [])
        for part in parts {
            // Chunks without strides lack frames. A repeated token keeps the times right and changes no text.
            if let id = ids.last, let probability = probabilities.last, part.start > ids.count {
                let missing = part.start - ids.count
                ids += Array(repeating: id, count: missing)
                probabilities += Array(repeating: probability, count: missing)
            }
            ids += part.path.ids
            probabilities += part.path.probabilities
        }
        return try tokenizer.transcript(
            of: BestPath(ids: ids, probabilities: probabilities), secondsPerFrame: secondsPerFrame)
    }

    /// The encoder's blocks' outputs for the frames that count of each chunk, by the names of `Taps`, in the order in which they ran.
    package func tensors(
        named names: Set<String>, of chunks: [ChunkInput]
    ) throws -> [[(name: String, array: HostArray)]] {
        let taps = Taps { names.contains($0) }
        _ = try output(of: chunks.map(\.values), runsHead: false, taps: taps)
        return try chunks.indices.map { index in
            try taps.records.map { record in
                let rows = chunks[index].rows(in: record.segments[index], configuration)
                return (record.name, try record.tensor.rows(rows).hostArray())
            }
        }
    }
}

extension ChunkInput {
    /// The rows that count, where the chunk has these rows of a batch: frames, or what an adapter made of them.
    func rows(in segment: Range<Int>, _ configuration: Configuration) -> Range<Int> {
        let count = configuration.frameCount(samples: values.count)
        let step = segment.count == count ? 1 : configuration.adapterStride
        let upper = frames.upperBound == count ? segment.count : (frames.upperBound + step - 1) / step
        let lower = min((frames.lowerBound + step - 1) / step, segment.count)
        return segment.lowerBound + lower..<segment.lowerBound + max(lower, min(upper, segment.count))
    }

    /// `start` in frames of the last hidden states.
    func outputStart(_ configuration: Configuration) -> Int {
        (start + configuration.adapterStride - 1) / configuration.adapterStride
    }

    /// Whether it is its utterance's only chunk.
    var isWhole: Bool { start == 0 && isLast }
}

extension Tensor {
    func rows(_ rows: Range<Int>) throws -> Tensor {
        rows == 0..<shape[0] ? self : try gathered(rows: rows.map(Int32.init))
    }
}
