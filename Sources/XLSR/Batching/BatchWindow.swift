/// Chunks that wait to be computed, and which of them make the next batch.
///
/// A ragged batch has no padding, so what its rows cost doesn't depend on their neighbours. What it costs beside its
/// rows is a pass over the weights and a launch of every kernel, and when text is generated a step of the decoder for
/// every token of its longest: few batches are best, of similar lengths. So each is made of the oldest chunk, which
/// lets no utterance starve, and of those next to it in length, as far as there is room. Of 3000 clips as long as
/// LibriSpeech's, in batches of 120 s, that makes 273 batches whose longest clips sum up to 3579 s; in their order it
/// is 285 and 4473 s, and 271 is the least there can be.
///
/// Which chunks share a batch depends on their order and lengths alone, never on time.
package struct BatchWindow {
    /// How many batches to choose the next one from: more than 8 made hardly fewer.
    private static let lookAhead = 8.0

    private struct Entry {
        let chunk: ChunkInput
        /// The place of its utterance among all.
        let utterance: Int
    }

    private let batchSeconds: Double
    private var waiting: [Entry] = []
    /// The audio that waits.
    package private(set) var seconds = 0.0
    /// Utterances that were taken while an older one waited, and how much of them.
    private var taken: [(utterance: Int, seconds: Double)] = []
    /// The utterance that came last.
    private var last = (index: Int?.none, utterance: -1)

    /// - Parameter batchSeconds: audio of a batch, unless a single chunk is longer.
    package init(batchSeconds: Double) {
        self.batchSeconds = batchSeconds
    }

    /// How much audio waits before a batch is made, so that there is something to choose from.
    package var limit: Double { Self.lookAhead * batchSeconds }

    /// How much of younger utterances may be computed before the oldest one, since their results must wait for its:
    /// more than is reached (12 batches) but beside long files.
    package var aheadLimit: Double { 2 * limit }

    /// - Parameter chunk: one utterance's after the other's.
    package mutating func append(_ chunk: ChunkInput) {
        if chunk.index != last.index { last = (chunk.index, last.utterance + 1) }
        waiting.append(Entry(chunk: chunk, utterance: last.utterance))
        seconds += chunk.seconds
    }

    /// Whether a batch should be made now.
    /// - Parameter isFlushing: whether nothing more comes.
    package func hasBatch(isFlushing: Bool) -> Bool { !waiting.isEmpty && (isFlushing || seconds > limit) }

    /// How long batches of what waits should be for several devices to be done with it together, with an eighth more,
    /// since lengths don't fit exactly.
    package func share(among deviceCount: Int) -> Double {
        guard deviceCount > 1, batchSeconds > 0 else { return batchSeconds }
        let rounds = (seconds / batchSeconds / Double(deviceCount)).rounded(.up)
        return seconds / max(1, rounds) / Double(deviceCount) * 9 / 8
    }

    /// Takes the next batch out of what waits: the longest first, which lets a device end its work evenly.
    /// - Parameter share: a shorter length for it.
    package mutating func next(share: Double = .infinity) -> [ChunkInput] {
        guard let oldest = waiting.first else { return [] }
        taken.removeAll { $0.utterance < oldest.utterance }
        var ahead = taken.reduce(0) { $0 + $1.seconds }
        var room = min(batchSeconds, share) - oldest.chunk.seconds
        var chosen: Set<Int> = [0]
        func distance(_ index: Int) -> (Double, Int) {
            ((waiting[index].chunk.seconds - oldest.chunk.seconds).magnitude, index)
        }
        for index in waiting.indices.dropFirst().sorted(by: { distance($0) < distance($1) }) {
            let (utterance, length) = (waiting[index].utterance, waiting[index].chunk.seconds)
            guard length <= room else { continue }
            if utterance != oldest.utterance {
                guard ahead + length <= aheadLimit else { continue }
                ahead += length
                taken.append((utterance, length))
            }
            room -= length
            chosen.insert(index)
        }
        let batch = chosen.sorted { (-waiting[$0].chunk.seconds, $0) < (-waiting[$1].chunk.seconds, $1) }
            .map { waiting[$0].chunk }
        keep(waiting.indices.filter { !chosen.contains($0) })
        return batch
    }

    /// Forgets an utterance that failed.
    package mutating func remove(utterance index: Int) {
        keep(waiting.indices.filter { waiting[$0].chunk.index != index })
    }

    private mutating func keep(_ indices: [Int]) {
        waiting = indices.map { waiting[$0] }
        seconds = waiting.reduce(0) { $0 + $1.chunk.seconds }
    }
}
