/// The best continuations of some hypotheses, best first.
///
/// Of equal scores the one of the earlier hypothesis comes first, then the one of the smaller token; PyTorch's `topk`
/// leaves that open. A score that is no number counts as the lowest.
struct TopCandidates {
    struct Candidate: Hashable {
        let score: Float
        let hypothesis: Int
        let token: Int
    }

    private let limit: Int
    private(set) var candidates: [Candidate] = []

    init(limit: Int) {
        self.limit = limit
        candidates.reserveCapacity(limit + 1)
    }

    /// Adds every token after a hypothesis of the score `base`; hypotheses come in their order.
    mutating func add(_ scores: UnsafeBufferPointer<Float>, base: Float, hypothesis: Int) {
        var index = 0
        // What is worse than all candidates, nearly everything, is passed over 16 at a time.
        while index < scores.count {
            if candidates.count >= limit, index + 16 <= scores.count, let worst = candidates.last?.score,
                let start = scores.baseAddress
            {
                let block = UnsafeRawPointer(start + index).loadUnaligned(as: SIMD16<Float>.self) + base
                if !any(block .> worst) {
                    index += 16
                    continue
                }
            }
            let end = min(index + 16, scores.count)
            while index < end {
                insert(Candidate(score: scores[index] + base, hypothesis: hypothesis, token: index))
                index += 1
            }
        }
    }

    mutating func insert(_ candidate: Candidate) {
        func precedes(_ other: Candidate) -> Bool {
            other.score >= candidate.score || candidate.score.isNaN
        }
        guard candidates.count < limit || candidates.last.map({ !precedes($0) }) ?? true else { return }
        let place = candidates.lastIndex(where: precedes).map { $0 + 1 } ?? 0
        candidates.insert(candidate, at: place)
        if candidates.count > limit { candidates.removeLast() }
    }
}
