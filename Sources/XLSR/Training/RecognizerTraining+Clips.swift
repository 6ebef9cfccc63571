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
        let values: [Float]?
    }

    /// nil for those that can't be used, which `report` hears of.
    func read(
        _ items: [TranscribedFiles.Item], _ tokenizer: Wav2Vec2CTCTokenizer, _ report: (Event) -> Void
    ) throws -> [Clip?] {
        var keptCount = 0
        return try items.enumerated().map { index, item in
            try CancellationFlag.check()
            defer { report(.read(index + 1, of: items.count)) }
            do {
                let values = try values(of: item.path)
                let tokens = try tokenizer.encode(item.text)
                let frames = model.configuration.frameCount(samples: values.count)
                guard !tokens.isEmpty else { throw TextError(.empty, source: item.path, "its text is empty") }
                guard CTCLoss.frameCount(for: tokens) <= frames else {
                    throw TextError(
                        .tooLong, source: item.path,
                        "its text has \(tokens.count) tokens, but its audio \(frames) frames")
                }
                keptCount += values.count
                // 4 hours of 16 kHz.
                return Clip(
                    path: item.path, text: item.text, tokens: tokens,
                    seconds: Double(values.count) / Double(model.featureExtractor.sampleRate),
                    values: keptCount < 1 << 28 ? values : nil)
            } catch let error as CancellationError {
                throw error
            } catch {
                report(.failed(path: item.path, error: error))
                return nil
            }
        }
    }

    func values(of path: String) throws -> [Float] {
        let rate = model.featureExtractor.sampleRate
        let clip = try AudioFile.read(path: path, sampleRate: rate).resampled(to: rate)
        try model.check(clip, minimumSampleCount: model.configuration.minimumSampleCount)
        guard clip.seconds <= Self.longestSeconds else {
            throw AudioError(
                .tooLong, source: path,
                "\(Int(clip.seconds)) s, but training takes \(Int(Self.longestSeconds)) s at a time",
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
    func batches(_ clips: [Clip]) -> [[Clip]] {
        var batches: [[Clip]] = []
        var seconds = Double.infinity
        for clip in clips {
            if seconds + clip.seconds > options.batchSeconds {
                batches.append([])
                seconds = 0
            }
            batches[batches.count - 1].append(clip)
            seconds += clip.seconds
        }
        return batches
    }
}
