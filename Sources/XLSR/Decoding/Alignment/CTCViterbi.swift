/// The best path of a text through the frames of CTC log-probabilities, exact, in memory that grows with
/// (frames · tokens)^(2/3) instead of frames · tokens.
///
/// States are blank 0, token 0, blank 1, token 1, …, blank n. From one frame to the next a path stays, goes to the
/// next state, or skips the blank between two different tokens. Scores of every `segment`-th frame are kept. Going
/// back, each segment is computed again, but only the states that can lead to the known one: a path gains at most a
/// token a frame.
///
/// Of equally good paths it takes the one that, seen from the end, stays longest in a state and prefers the nearer
/// state, and that ends in the last token rather than in a blank: torchaudio's `forced_align` but for one case, a tie
/// of two moves that both beat staying, where torchaudio stays and so loses the best path.
struct CTCViterbi {
    /// A row a frame: blank's column first.
    private let emissions: CTCEmissions
    /// The column of each token.
    private let columns: [Int32]
    /// 0 where a path may come straight from the token before, −∞ where it may not: at the first and at repeats.
    private let skipPenalties: [Double]
    private let frameCount: Int
    private let segment: Int
    private var scores: Scores
    private var next: Scores

    private struct Scores {
        /// Of blank i, at i.
        var blanks: [Double]
        /// Of token i, at i + 1, so that every token has one before it.
        var tokens: [Double]

        init(tokenCount: Int) {
            blanks = Array(repeating: -.infinity, count: tokenCount + 1)
            tokens = blanks
        }

        /// One frame after other scores, at some indices.
        mutating func follow(
            _ before: Scores, _ indices: ClosedRange<Int>, columns: [Int32], penalties: [Double], row: [Double]
        ) {
            before.blanks.withUnsafeBufferPointer { blanks in
                before.tokens.withUnsafeBufferPointer { tokens in
                    row.withUnsafeBufferPointer { row in
                        self.blanks.withUnsafeMutableBufferPointer { next in
                            for index in indices { next[index] = larger(blanks[index], tokens[index]) + row[0] }
                        }
                        let end = max(indices.lowerBound, min(indices.upperBound + 1, columns.count))
                        self.tokens.withUnsafeMutableBufferPointer { next in
                            for index in indices.lowerBound..<end {
                                let best = larger(
                                    larger(tokens[index + 1], blanks[index]), tokens[index] + penalties[index])
                                next[index + 1] = best + row[Int(columns[index])]
                            }
                        }
                    }
                }
            }
        }
    }

    /// - Parameters:
    ///   - columns: columns of the tokens, at least one; there are frames for them and for a blank between equals.
    ///   - segmentFrames: frames between kept scores; by default what needs the least memory.
    init(_ emissions: CTCEmissions, columns: [Int], segmentFrames: Int? = nil) {
        self.emissions = emissions
        self.columns = columns.map(Int32.init)
        frameCount = emissions.frameCount
        skipPenalties = columns.indices.map { $0 > 0 && columns[$0] != columns[$0 - 1] ? 0 : -.infinity }
        // Kept scores take 16 · tokens · frames / segment bytes, the way back segment².
        var balanced = 16
        while balanced * balanced * balanced < 8 * columns.count * emissions.frameCount { balanced *= 2 }
        segment = max(1, segmentFrames ?? balanced)
        scores = Scores(tokenCount: columns.count)
        next = scores
    }

    /// The frames of each token, and the sum of the path's log-probabilities.
    mutating func bestPath() throws -> (spans: [Range<Int>], logProbability: Double) {
        let count = columns.count
        var row = emissions.row()
        emissions.read(0, into: &row)
        scores.blanks[0] = row[0]
        scores.tokens[1] = row[Int(columns[0])]
        var kept = [scores]
        for frame in 1..<max(1, frameCount) {
            // What can't reach the end any more is left out.
            advance(frame, max(0, count - frameCount + frame)...min(count, frame), &row)
            if frame.isMultiple(of: segment) {
                kept.append(scores)
                try CancellationFlag.check()
            }
        }
        let (blank, token) = (scores.blanks[count], scores.tokens[count])
        var state = blank > token ? State(index: count, isToken: false) : State(index: count - 1, isToken: true)
        var ends = Array(repeating: 0, count: count)
        var starts = ends
        var last = frameCount - 1
        if state.isToken { ends[state.index] = frameCount }
        while let checkpoint = kept.popLast() {
            let first = kept.count * segment
            // What no path has reached by then is −∞ in both.
            (scores, next) = (checkpoint, checkpoint)
            let moves = moves(from: first, to: last, leadingTo: state.index, &row)
            for frame in stride(from: last, to: first, by: -1) {
                let before = moves.state(before: state, frame: frame)
                if before != state {
                    if state.isToken { starts[state.index] = frame }
                    if before.isToken { ends[before.index] = frame }
                }
                state = before
            }
            last = first
        }
        return (zip(starts, ends).map { $0..<$1 }, max(blank, token))
    }

    /// One frame on, for the blanks and tokens of some indices.
    private mutating func advance(_ frame: Int, _ indices: ClosedRange<Int>, _ row: inout [Double]) {
        emissions.read(frame, into: &row)
        next.follow(scores, indices, columns: columns, penalties: skipPenalties, row: row)
        swap(&scores, &next)
    }

    private struct State: Equatable {
        var index: Int
        var isToken: Bool
    }

    /// How the best paths came to the states of a segment's frames.
    private struct Moves {
        let firstFrame: Int
        let firstIndex: Int
        let width: Int
        /// By frame and index: two bits for the token (0 stays, 1 from its blank, 2 from the token before), and one for
        /// the blank (set: from the token before).
        var bits: [UInt8]

        func state(before state: State, frame: Int) -> State {
            let bits = bits[(frame - firstFrame - 1) * width + state.index - firstIndex]
            if state.isToken {
                return switch bits & 3 {
                case 0: state
                case 1: State(index: state.index, isToken: false)
                default: State(index: state.index - 1, isToken: true)
                }
            }
            return bits & 4 == 0 ? state : State(index: state.index - 1, isToken: true)
        }
    }

    /// From the kept scores of `first`, which `scores` has, on to `last`.
    private mutating func moves(from first: Int, to last: Int, leadingTo end: Int, _ row: inout [Double]) -> Moves {
        let lowest = max(0, end - (last - first))
        var moves = Moves(firstFrame: first, firstIndex: lowest, width: end - lowest + 1, bits: [])
        moves.bits = Array(repeating: 0, count: (last - first) * moves.width)
        for frame in first..<last {
            // Frame + 1's states on ways to the end.
            let low = max(0, end - (last - frame - 1))
            let high = min(end, frame + 1)
            guard low <= high else { continue }
            for index in low...high {
                let token = scores.tokens[index]
                var bits: UInt8 = token > scores.blanks[index] ? 4 : 0
                if index < columns.count {
                    let (stay, step, skip) = (
                        scores.tokens[index + 1], scores.blanks[index], token + skipPenalties[index]
                    )
                    bits |= skip > larger(stay, step) ? 2 : step > stay ? 1 : 0
                }
                moves.bits[(frame - first) * moves.width + index - lowest] = bits
            }
            advance(frame + 1, low...high, &row)
        }
        return moves
    }
}

@inline(__always) private func larger(_ a: Double, _ b: Double) -> Double { a > b ? a : b }

/// Log-probabilities of the columns that an alignment needs.
struct CTCEmissions {
    /// Blank's column first.
    let columnCount: Int
    /// `[frames, columns]`.
    private(set) var values: [Float] = []

    init(columnCount: Int, values: [Float] = []) {
        self.columnCount = columnCount
        self.values = values
    }

    var frameCount: Int { values.count / columnCount }

    /// The column after all others: the star, which anything may be, at log-probability 0.
    var starColumn: Int { columnCount }

    mutating func append(_ rows: some Sequence<Float>) { values.append(contentsOf: rows) }

    /// Makes a column as good as any other can be on a frame.
    mutating func makeCertain(_ column: Int, frame: Int) {
        guard frame < frameCount else { return }
        values[frame * columnCount + column] = 0
    }

    func row() -> [Double] { Array(repeating: 0, count: columnCount + 1) }

    /// What is impossible becomes very unlikely: some path always is the best.
    func read(_ frame: Int, into row: inout [Double]) {
        for column in 0..<columnCount {
            let value = Double(values[frame * columnCount + column])
            row[column] = value.isNaN ? -1e6 : min(max(value, -1e6), 1e6)
        }
    }
}
