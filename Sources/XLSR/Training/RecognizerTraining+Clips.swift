import TensorEngine

extension RecognizerTraining {
    /// How long audio may be: the scores of its attention are all kept at once.
    private static let longestSeconds = 60.0

    /// What a file is to training.
    struct Clip {
        let path: String
        let text: String
        let tokens: [Int]
        let seconds: Double
        /// nil where all files together are too many to keep.
        var values: [Float]?
    }

    /// nil for those that can't be used, which `report` hears of.
    func read(
        _ items: [TranscribedFiles.Item], _ tokenizer: Wav2Vec2CTCTokenizer, _ report: (Event) -> Void
    ) throws -> [Clip?] {
        var clips: [Clip?] = []
        var keptCount = 0
        let model = model
        while clips.count < items.count {
            try CancellationFlag.check()
            let next = Array(items[clips.count...].prefix(64))
            let results = next.concurrentResults { try Self.clip($0, model, tokenizer) }
            for (item, result) in zip(next, results) {
                do {
                    var clip = try result.get()
                    keptCount += clip.values?.count ?? 0
                    // 4 hours of 16 kHz.
                    if keptCount > 1 << 28 { clip.values = nil }
                    clips.append(clip)
                } catch {
                    report(.failed(path: item.path, error: error))
                    clips.append(nil)
                }
                report(.read(clips.count, of: items.count))
            }
        }
        return clips
    }

    private static func clip(
        _ item: TranscribedFiles.Item, _ model: XLSRModel, _ tokenizer: Wav2Vec2CTCTokenizer
    ) throws -> Clip {
        let values = try values(of: item.path, for: model)
        let tokens = try tokenizer.encode(item.text)
        let frames = model.configuration.frameCount(samples: values.count)
        guard !tokens.isEmpty else { throw TextError(.empty, source: item.path, "its text is empty") }
        guard CTCLoss.frameCount(for: tokens) <= frames else {
            throw TextError(
                .tooLong, source: item.path, "its text has \(tokens.count) tokens, but its audio \(frames) frames")
        }
        return Clip(
            path: item.path, text: item.text, tokens: tokens,
            seconds: Double(values.count) / Double(model.featureExtractor.sampleRate), values: values)
    }

    /// What the encoder takes of an audio file.
    static func values(of path: String, for model: XLSRModel) throws -> [Float] {
        let rate = model.featureExtractor.sampleRate
        let clip = try AudioFile.read(path: path, sampleRate: rate).resampled(to: rate)
        try model.check(clip, minimumSampleCount: model.configuration.minimumSampleCount)
        guard clip.seconds <= longestSeconds else {
            throw AudioError(
                .tooLong, source: path,
                "\(Int(clip.seconds)) s, but training takes \(Int(longestSeconds)) s at a time",
                remedy: "cut it where nobody speaks")
        }
        return model.featureExtractor.scaling(of: clip.samples[...]).values(of: clip.samples[...])
    }

    /// - Parameter count: so many of the first files are to be learned from, where others are held out.
    func split(
        _ clips: [Clip?], _ count: Int, holdsOut: Bool, _ random: inout RandomSource
    ) -> (learned: [Clip], held: [Clip]) {
        let learned = clips.prefix(count).compactMap(\.self)
        guard holdsOut else { return (learned, clips.dropFirst(count).compactMap(\.self)) }
        let order = learned.indices.shuffled(using: &random)
        let share = learned.count < 2 ? 0 : options.heldOutShare
        let heldCount = share > 0 ? min(200, learned.count - 1, max(1, Int(share * Double(learned.count)))) : 0
        return (
            order.dropFirst(heldCount).sorted().map { learned[$0] },
            order.prefix(heldCount).sorted().map { learned[$0] }
        )
    }

    /// In their order, each of so many seconds at most, or of one clip.
    static func batches(_ clips: [Clip], seconds: Double) -> [[Clip]] {
        var batches: [[Clip]] = []
        var filledSeconds = Double.infinity
        for clip in clips {
            if filledSeconds + clip.seconds > seconds {
                batches.append([])
                filledSeconds = 0
            }
            batches[batches.count - 1].append(clip)
            filledSeconds += clip.seconds
        }
        return batches
    }
}
