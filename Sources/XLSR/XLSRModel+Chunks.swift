import TensorEngine

extension XLSRModel {
    /// What was said, with times and confidences.
    /// - Throws: `CheckpointError` for a checkpoint that writes no text, `UsageError` for a chunking that makes no sense
    ///   and for a decoder of another alphabet, and as `outputs(of:)`.
    public func transcribe(
        _ samples: [Float], sampleRate: Int, chunking: Chunking = .automatic, decoder: CTCDecoder = .bestPath
    ) throws -> Transcript {
        try transcribe([AudioClip(samples: samples, sampleRate: sampleRate)], chunking: chunking, decoder: decoder)[0]
    }

    /// What was said in each clip.
    /// - Parameter batchSeconds: audio that is computed at a time; more is faster and takes more memory.
    public func transcribe(
        _ clips: [AudioClip], names: [String]? = nil, chunking: Chunking = .automatic, batchSeconds: Double = 30,
        decoder: CTCDecoder = .bestPath
    ) throws -> [Transcript] {
        try requireTranscription(by: decoder)
        var transcripts: [Transcript] = []
        let run = ChunkedRun(self, chunking, batchSeconds: batchSeconds) { chunks in
            try evidence(of: chunks, for: decoder)
        } finished: { outcome in
            transcripts.append(try transcript(of: outcome.pieces.get(), by: decoder))
        }
        for (index, clip) in clips.enumerated() {
            try run.add(clip, index: index, name: names?[index] ?? "samples")
        }
        try run.finish()
        return transcripts
    }

    /// The CTC head's scores `[frames, vocabulary]` of samples at the model's own rate.
    ///
    /// Of audio that is cut into chunks, the frames that count of all chunks.
    public func logits(of samples: [Float], chunking: Chunking = .automatic) throws -> Tensor {
        try frames(of: samples, chunking) { output in
            guard let logits = output.logits else {
                throw CheckpointError(
                    .configuration, path: name, "has no CTC head, so there are no logits", remedy: "use features(of:)")
            }
            return logits
        }
    }

    /// The encoder's last hidden states `[frames, hidden]` of samples at the model's own rate.
    ///
    /// Of audio that is cut into chunks, the frames that count of all chunks.
    public func features(of samples: [Float], chunking: Chunking = .automatic) throws -> Tensor {
        try frames(of: samples, chunking, \.states)
    }

    private func frames(
        of samples: [Float], _ chunking: Chunking, _ tensor: @escaping (Output) throws -> Tensor
    ) throws -> Tensor {
        var parts: [Tensor] = []
        let run = ChunkedRun(self, chunking, batchSeconds: 30) { inputs in
            let output = try output(of: inputs.map(\.values))
            let frames = try tensor(output)
            return try inputs.indices.map { try frames.rows(inputs[$0].rows(in: output.segments[$0])) }
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
    /// Blocks' outputs for the frames that count of each chunk, by the names of `Taps`, in the order in which they ran.
    package func tensors(
        named names: Set<String>, of chunks: [ChunkInput]
    ) throws -> [[(name: String, array: HostArray)]] {
        let taps = Taps { names.contains($0) }
        _ = try output(of: chunks.map(\.values), taps: taps)
        return try chunks.indices.map { index in
            try taps.records.map { record in
                let rows = chunks[index].rows(in: record.segments[index])
                return (record.name, try record.tensor.rows(rows).hostArray())
            }
        }
    }
}

extension ChunkInput {
    /// The rows that count, where the chunk has these rows of a batch.
    func rows(in segment: Range<Int>) -> Range<Int> {
        segment.lowerBound + frames.lowerBound..<segment.lowerBound + frames.upperBound
    }
}

extension Tensor {
    fileprivate func rows(_ rows: Range<Int>) throws -> Tensor {
        rows == 0..<shape[0] ? self : try gathered(rows: rows.map(Int32.init))
    }
}
