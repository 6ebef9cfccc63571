import TensorEngine

extension XLSRModel {
    /// What was said, with times and confidences.
    ///
    /// The calling thread waits. Swift's own threads are few: a task uses `perform`, or `transcripts(of:)`.
    /// - Throws: `CheckpointError` for a checkpoint that writes no text, `UsageError` for a chunking that makes no
    ///   sense and for a decoder of another alphabet, `CancellationError` soon after the task was cancelled, and as
    ///   `outputs(of:)`.
    public func transcribe(
        _ samples: [Float], sampleRate: Int, chunking: Chunking = .automatic, decoder: CTCDecoder = .bestPath
    ) throws -> Transcript {
        try transcribe([AudioClip(samples: samples, sampleRate: sampleRate)], chunking: chunking, decoder: decoder)[0]
    }

    /// What was said in each clip.
    /// - Parameters:
    ///   - batchSeconds: audio that is computed at a time; more is faster and takes more memory.
    ///   - progress: hears how many seconds of all are done, on the calling thread.
    public func transcribe(
        _ clips: [AudioClip], chunking: Chunking = .automatic, batchSeconds: Double = 30,
        decoder: CTCDecoder = .bestPath, progress: ((_ seconds: Double, _ total: Double) -> Void)? = nil
    ) throws -> [Transcript] {
        try requireTranscription(by: decoder)
        var transcripts: [Transcript] = []
        let total = clips.reduce(0) { $0 + $1.seconds }
        var doneSeconds = 0.0
        let run = ChunkedRun(self, chunking, batchSeconds: batchSeconds, purpose: purpose(of: decoder)) {
            model, chunks in
            try model.evidence(of: chunks, for: decoder)
        } progress: { seconds, _ in
            progress?(doneSeconds + seconds, total)
        } finished: { outcome in
            transcripts.append(try transcript(of: outcome.pieces.get(), by: decoder))
            doneSeconds += outcome.audioSeconds
            progress?(doneSeconds, total)
        }
        try run.finish(clips)
        return transcripts
    }

    /// The encoder's last hidden states `[frames, hidden]`, on the model's first device.
    ///
    /// Of audio that is cut into chunks, the frames that count of all chunks.
    /// - Throws: as `transcribe`, but for what text needs.
    public func features(of samples: [Float], sampleRate: Int, chunking: Chunking = .automatic) throws -> Tensor {
        var parts: [Tensor] = []
        let run = ChunkedRun(alone, chunking, batchSeconds: 30) { model, inputs in
            let output = try model.output(of: inputs.map(\.input), runsHead: false)
            return try inputs.indices.map { index in
                try output.states.rows(inputs[index].rows(in: output.segments[index], model.configuration))
            }
        } finished: { outcome in
            parts = try outcome.pieces.get()
        }
        try run.finish([AudioClip(samples: samples, sampleRate: sampleRate)])
        return parts.count == 1 ? parts[0] : try Tensor.concatenated(parts)
    }
}

// MARK: - Pieces of a chunked run

extension XLSRModel {
    /// The encoder's blocks' outputs for the frames that count of each chunk, by the names of `Taps`, in the order in
    /// which they ran.
    package func tensors(
        named names: Set<String>, of chunks: [ChunkInput]
    ) throws -> [[(name: String, array: HostArray)]] {
        let taps = Taps { names.contains($0) }
        _ = try output(of: chunks.map(\.input), runsHead: false, taps: taps)
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
        let count = configuration.frameCount(samples: input.values.count)
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
