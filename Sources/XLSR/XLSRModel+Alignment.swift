import Glibc
import TensorEngine

extension XLSRModel {
    /// Where the words and characters of a known text lie in the audio (forced alignment).
    ///
    /// Punctuation stays in the words but has no part in the alignment. Digits, and letters that the vocabulary lacks,
    /// are aligned as stars: with anything. See `ForcedAlignment`; long audio is cut as for `transcribe`.
    /// - Throws: `TextError` for a text that is empty, in another script or too long for the audio; otherwise as
    ///   `transcribe`.
    public func align(
        _ samples: [Float], sampleRate: Int, text: String, chunking: Chunking = .automatic
    ) throws -> Transcript {
        try align([AudioClip(samples: samples, sampleRate: sampleRate)], texts: [text], chunking: chunking)[0]
    }

    /// Aligns each clip with its text.
    /// - Parameter batchSeconds: audio that is computed at a time; more is faster and takes more memory.
    public func align(
        _ clips: [AudioClip], texts: [String], chunking: Chunking = .automatic, batchSeconds: Double = 30
    ) throws -> [Transcript] {
        guard clips.count == texts.count else { throw UsageError("\(clips.count) clips, but \(texts.count) texts") }
        try requireTranscription()
        let texts = try texts.map { try alignmentText($0) }
        var transcripts: [Transcript] = []
        let run = ChunkedRun(self, chunking, batchSeconds: batchSeconds) { model, chunks in
            try model.emissions(of: chunks) { texts[$0] }
        } finished: { outcome in
            transcripts.append(try transcript(of: outcome.pieces.get(), alignedWith: texts[outcome.index]))
        }
        try run.finish(clips)
        return transcripts
    }

    package func alignmentText(_ text: String, source: String = "text") throws -> AlignmentText {
        try AlignmentText(
            text, tokenizer: tokenizer, outputCount: configuration.vocabularySize, source: source)
    }

    /// Log-probabilities of a text's tokens on the frames that count of a chunk.
    package struct ChunkEmissions: Sendable {
        /// The utterance's frame at which it begins.
        let start: Int
        var emissions: CTCEmissions
    }

    package func emissions(
        of chunks: [ChunkInput], for text: (_ index: Int) throws -> AlignmentText
    ) throws -> [ChunkEmissions] {
        let output = try output(of: chunks.map(\.input))
        guard let logits = output.logits else { return [] }
        let (scores, columns) = (try logits.floats(), configuration.vocabularySize)
        let blank = try tokenizer.blankID
        return try chunks.indices.map { index in
            let text = try text(chunks[index].index)
            let ids = text.columnIDs(blank: blank)
            var emissions = CTCEmissions(columnCount: ids.count)
            for row in chunks[index].rows(in: output.segments[index], configuration) {
                let scores = scores[row * columns..<(row + 1) * columns]
                let largest = scores.max() ?? 0
                let total = largest + log(scores.reduce(0) { $0 + exp($1 - largest) })
                emissions.append(ids.lazy.map { scores[scores.startIndex + $0] - total })
            }
            if chunks[index].beginsInSilence, let column = text.delimiter.flatMap(ids.firstIndex(of:)) {
                emissions.makeCertain(column, frame: 0)
            }
            return ChunkEmissions(start: chunks[index].outputStart(configuration), emissions: emissions)
        }
    }

    /// A text's place in an utterance's chunks.
    package func transcript(of parts: [ChunkEmissions], alignedWith text: AlignmentText) throws -> Transcript {
        let ids = text.columnIDs(blank: try tokenizer.blankID)
        var emissions = CTCEmissions(columnCount: ids.count)
        for part in parts {
            // Chunks without strides lack frames; the last one, again, keeps the times right.
            let last = emissions.values.suffix(ids.count)
            for _ in emissions.frameCount..<max(emissions.frameCount, part.start) { emissions.append(last) }
            emissions.append(part.emissions.values)
        }
        let alignment = try ForcedAlignment(
            emissions, ids: ids, tokens: text.tokens, source: text.source, secondsPerFrame: secondsPerFrame)
        return text.transcript(alignment, emissions, ids: ids, secondsPerFrame: secondsPerFrame)
    }
}

extension AlignmentText {
    /// The tokens that are searched for, the blank first.
    fileprivate func columnIDs(blank: Int) -> [Int] {
        [blank] + Set(tokens).subtracting([ForcedAlignment.star, blank]).sorted()
    }
}
