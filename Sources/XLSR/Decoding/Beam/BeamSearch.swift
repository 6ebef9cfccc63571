import Glibc

/// CTC prefix beam search, frame by frame: the algorithm of pyctcdecode 0.5.0, hypothesis for hypothesis.
///
/// A hypothesis is its finished words, a partial word and the last label; those with all three in common are merged and
/// their probabilities added. Texts, words and emissions are numbers of
/// tree nodes, so that a step builds no strings; what no hypothesis needs any more is dropped from time to time, so
/// memory grows with the length of the text alone.
struct BeamSearch: Sendable {
    struct Beam: Sendable {
        var text: Int32
        var part: Int32
        /// -1 before the first frame.
        var label: Int32
        /// Of all paths that were merged.
        var logProbability: Double
        /// The path that was merged last, whose times are pyctcdecode's.
        var latest = EmissionPath()
        /// The most probable single path, and its probability.
        var likeliest = EmissionPath()
        var likeliestLogProbability = 0.0
    }

    private enum Step: UInt8 {
        /// Blank: nothing new.
        case hold
        /// The last token goes on.
        case again
        case emission
        case wordStart
    }

    private struct Candidate {
        let text, part, label: Int32
        var logProbability: Double
        /// The last hypothesis that led here, and the one with the most probable path.
        let latest: Origin
        var likeliest: Origin
        var likeliestLogProbability: Double
    }

    private struct Origin {
        let beam: Int32
        let step: Step
        /// Of the frame's tokens.
        let entry: Int32
    }

    let scorer: BeamScorer
    private(set) var words: WordTrie
    private(set) var texts: TextTrie
    private(set) var emissions = EmissionTree()
    /// Best first.
    private(set) var beams: [Beam]
    /// The next frame's number.
    private(set) var frame: Int
    /// A text that all hypotheses begin with, as far as `settleText()` knows.
    var settled = TextTrie.root
    /// Of subword alphabets, after a token that ends a word. It acts on the next hypothesis that is tried, as
    /// in pyctcdecode, whichever that is.
    private var forcesWordStart = false

    /// Trees with fewer nodes aren't worth a cleaning.
    private let leastNodeLimit: Int
    private var nodeLimit: Int
    private var candidates: [Candidate] = []
    /// A hash table of positions in `candidates`.
    private var slots: [Int32] = []
    private var ranking = Ranking()
    /// Of each hypothesis, the text with its partial word as another word, and its paths with the open emission closed;
    /// -1 where nobody asked.
    private var finished: [Int32] = []
    private var closedLatest: [Int32] = []
    private var closedLikeliest: [Int32] = []

    init(_ scorer: BeamScorer, frame: Int = 0, leastNodeLimit: Int = 1 << 16) {
        (self.scorer, self.frame) = (scorer, frame)
        (self.leastNodeLimit, nodeLimit) = (leastNodeLimit, leastNodeLimit)
        words = WordTrie(scorer)
        texts = TextTrie(scorer.fusion)
        beams = [Beam(text: TextTrie.root, part: WordTrie.root, label: -1, logProbability: 0)]
    }

    /// Lets time pass without a word about what is heard.
    mutating func skip(frames: Int) { frame += frames }

    mutating func step(_ active: ActiveTokens, frame index: Int) {
        let entries = active.entries(ofFrame: index)
        prepare(capacity: entries.count * beams.count)
        for (position, entry) in entries.enumerated() {
            extend(by: Int(active.tokens[entry]), active.logProbabilities[entry], entry: Int32(position))
        }
        rank()
        if scorer.options.prunesHistory { pruneHistory() }
        var next: [Beam] = []
        next.reserveCapacity(ranking.count)
        for index in ranking.indices { next.append(beam(candidates[index], active, first: entries.lowerBound)) }
        beams = next
        frame += 1
        if nodeCount > nodeLimit { compact() }
    }

    /// Of all trees.
    var nodeCount: Int { words.count + texts.count + emissions.count }

    private mutating func prepare(capacity: Int) {
        candidates.removeAll(keepingCapacity: true)
        var size = 64
        while size < 2 * capacity { size *= 2 }
        Self.forget(&slots, count: size)
        Self.forget(&finished, count: beams.count)
        Self.forget(&closedLatest, count: beams.count)
        Self.forget(&closedLikeliest, count: beams.count)
    }

    private static func forget(_ numbers: inout [Int32], count: Int) {
        numbers.removeAll(keepingCapacity: true)
        numbers.append(contentsOf: repeatElement(-1, count: count))
    }

    // MARK: Extending

    private mutating func extend(by column: Int, _ logProbability: Double, entry: Int32) {
        let token = scorer.alphabet.tokens[column]
        for index in beams.indices {
            let (part, label) = (beams[index].part, beams[index].label)
            var (text, newPart, step) = (beams[index].text, part, Step.emission)
            if token.isBlank {
                step = .hold
            } else if label == token.label {
                step = .again
            } else if scorer.alphabet.isSubword, token.startsWord || forcesWordStart {
                forcesWordStart = token.endsWord
                guard let finished = finishedText(of: index) else { continue }
                (text, newPart, step) = (finished, words.child(of: WordTrie.root, token.opening), .wordStart)
            } else if token.isDelimiter {
                guard let finished = finishedText(of: index) else { continue }
                (text, newPart) = (finished, WordTrie.root)
            } else {
                newPart = words.child(of: part, token.text)
            }
            guard words.isAllowed(newPart) else { continue }
            let origin = Origin(beam: Int32(truncatingIfNeeded: index), step: step, entry: entry)
            add(
                Candidate(
                    text: text, part: newPart, label: token.label,
                    logProbability: beams[index].logProbability + logProbability, latest: origin, likeliest: origin,
                    likeliestLogProbability: beams[index].likeliestLogProbability + logProbability))
        }
    }

    /// The text with the partial word at its end; nil where the lexicon doesn't have that word.
    private mutating func finishedText(of index: Int) -> Int32? {
        if finished[index] >= 0 { return finished[index] }
        let beam = beams[index]
        guard beam.part == WordTrie.root || words.isComplete(beam.part) else { return nil }
        finished[index] = texts.appending(beam.part, to: beam.text, &words)
        return finished[index]
    }

    private mutating func add(_ candidate: Candidate) {
        let mask = slots.count - 1
        let pair = UInt64(UInt32(bitPattern: candidate.text)) << 32 | UInt64(UInt32(bitPattern: candidate.part))
        var slot = Int(truncatingIfNeeded: (pair ^ UInt64(UInt32(bitPattern: candidate.label)) << 20).mixed) & mask
        while slots[slot] >= 0 {
            let other = Int(slots[slot])
            if candidates[other].text == candidate.text, candidates[other].part == candidate.part,
                candidates[other].label == candidate.label
            {
                merge(candidate, into: &candidates[other])
                return
            }
            slot = (slot + 1) & mask
        }
        slots[slot] = Int32(truncatingIfNeeded: candidates.count)
        candidates.append(candidate)
    }

    private func merge(_ candidate: Candidate, into other: inout Candidate) {
        let earlier = other
        other = candidate
        other.logProbability = Self.logSum(earlier.logProbability, candidate.logProbability)
        guard earlier.likeliestLogProbability >= candidate.likeliestLogProbability else { return }
        other.likeliest = earlier.likeliest
        other.likeliestLogProbability = earlier.likeliestLogProbability
    }

    /// ln(eᵃ + eᵇ)
    private static func logSum(_ a: Double, _ b: Double) -> Double {
        a >= b ? a + log(1 + exp(b - a)) : b + log(1 + exp(a - b))
    }

    // MARK: Pruning

    private mutating func rank() {
        let hasLanguageModel = scorer.fusion != nil
        ranking.removeAll()
        for (index, candidate) in candidates.enumerated() {
            let (text, part) = (texts.score(candidate.text), words.partialScore(candidate.part))
            // Python's order of addition, which decides between equals.
            ranking.append(
                hasLanguageModel
                    ? candidate.logProbability + (text + part) : candidate.logProbability + text + part, index)
        }
        ranking.keepBest(scorer.options)
    }

    /// Of hypotheses that share the words a language model can still look at, the partial word and the label, keeps the
    /// best.
    private mutating func pruneHistory() {
        let wordCount = max(1, (scorer.fusion?.model.order ?? 1) - 1)
        var seen: [UInt64: Int] = [:]
        var ranking = ranking
        ranking.removeAll { index in
            let candidate = candidates[index]
            var hash = UInt64(UInt32(bitPattern: candidate.part)) << 32 | UInt64(UInt32(bitPattern: candidate.label))
            for word in history(of: candidate, wordCount) { hash = hash.mixed ^ UInt64(UInt32(bitPattern: word)) }
            while let other = seen[hash] {
                if isSame(candidates[other], candidate, wordCount) { return true }
                hash = hash.mixed &+ 1
            }
            seen[hash] = index
            return false
        }
        self.ranking = ranking
    }

    private func isSame(_ a: Candidate, _ b: Candidate, _ wordCount: Int) -> Bool {
        a.part == b.part && a.label == b.label && history(of: a, wordCount) == history(of: b, wordCount)
    }

    /// The last finished words, at most `wordCount`, latest first.
    private func history(of candidate: Candidate, _ wordCount: Int) -> [Int32] {
        var (history, text): ([Int32], Int32) = ([], candidate.text)
        while text != TextTrie.root, history.count < wordCount {
            history.append(texts.word(text))
            text = texts.parent(text)
        }
        return history
    }

    // MARK: The next frame's hypotheses

    private mutating func beam(_ candidate: Candidate, _ active: ActiveTokens, first: Int) -> Beam {
        let (latest, likeliest) = (Int(candidate.latest.beam), Int(candidate.likeliest.beam))
        var beam = Beam(
            text: candidate.text, part: candidate.part, label: candidate.label,
            logProbability: candidate.logProbability, latest: beams[latest].latest,
            likeliest: beams[likeliest].likeliest, likeliestLogProbability: candidate.likeliestLogProbability)
        if let (emission, isNew) = emission(candidate.latest, active, first) {
            beam.latest.append(emission, isNew: isNew, closed: &closedLatest[latest], in: &emissions)
        }
        if let (emission, isNew) = emission(candidate.likeliest, active, first) {
            beam.likeliest.append(emission, isNew: isNew, closed: &closedLikeliest[likeliest], in: &emissions)
        }
        return beam
    }

    /// What a step adds to a path: an emission, or one more frame of the open one; nil for nothing.
    private func emission(_ origin: Origin, _ active: ActiveTokens, _ first: Int) -> (Emission, isNew: Bool)? {
        guard origin.step != .hold else { return nil }
        let entry = first + Int(origin.entry)
        let emission = Emission(
            token: active.tokens[entry], startsWord: origin.step == .wordStart, start: frame, end: frame + 1,
            probabilitySum: exp(active.logProbabilities[entry]), frameCount: 1)
        return (emission, origin.step != .again)
    }

    private mutating func compact() {
        var (texts, parts) = (beams.map(\.text) + [settled], beams.map(\.part))
        var paths = beams.map(\.latest.closed) + beams.map(\.likeliest.closed)
        self.texts.compact(keeping: &texts, parts: &parts, &words)
        emissions.compact(keeping: &paths)
        for index in beams.indices {
            (beams[index].text, beams[index].part) = (texts[index], parts[index])
            beams[index].latest.closed = paths[index]
            beams[index].likeliest.closed = paths[beams.count + index]
        }
        settled = texts[beams.count]
        nodeLimit = max(leastNodeLimit, 4 * nodeCount)
    }
}

// MARK: - Results

extension BeamSearch {
    /// A hypothesis at the end of the utterance.
    struct Ending {
        let latest: [Emission]
        let likeliest: [Emission]
        /// Whether the last word is no word of the lexicon, and left out.
        let isCut: Bool
        let logProbability: Double
        let score: Double
    }

    /// The hypotheses if the utterance ended here, best first, at least one. The search may go on.
    ///
    /// Under a lexicon, hypotheses that end amid a word count only if all do, and then without that word.
    mutating func endings() -> [Ending] {
        var origins = beams.filter { words.isComplete($0.part) || $0.part == WordTrie.root }
        let isCut = origins.isEmpty
        if isCut {
            origins = beams
            for index in origins.indices { origins[index].part = WordTrie.root }
        }
        prepare(capacity: beams.count)
        for (index, beam) in origins.enumerated() {
            let text = texts.appending(beam.part, to: beam.text, &words)
            let origin = Origin(beam: Int32(truncatingIfNeeded: index), step: .hold, entry: 0)
            add(
                Candidate(
                    text: text, part: WordTrie.root, label: -1, logProbability: beam.logProbability, latest: origin,
                    likeliest: origin, likeliestLogProbability: beam.likeliestLogProbability))
        }
        ranking.removeAll()
        for (index, candidate) in candidates.enumerated() {
            let origin = origins[Int(candidate.latest.beam)]
            ranking.append(
                candidate.logProbability + texts.finalScore(origin.part, after: origin.text, &words), index)
        }
        ranking.keepBest(scorer.options)
        return ranking.entries.map { entry in
            let candidate = candidates[Int(entry.index)]
            return Ending(
                latest: emissions.emissions(of: origins[Int(candidate.latest.beam)].latest),
                likeliest: emissions.emissions(of: origins[Int(candidate.likeliest.beam)].likeliest), isCut: isCut,
                logProbability: candidate.logProbability, score: entry.score)
        }
    }
}
