import TensorEngine

/// What a decoder remembers: the keys and values of the speech of some utterances and of every token so far.
///
/// Tokens' keys and values are never moved. A hypothesis is the list of rows of its tokens, so going on with another
/// hypothesis, twice with one, or dropping an utterance only makes other lists.
final class MBartDecoderState {
    /// A token that is appended.
    struct Step {
        let token: Int
        /// Tokens before it.
        let position: Int
        let utterance: Int
        /// The rows of the tokens before it; rows of this same step count from `rowCount` on.
        let history: [Int32]
    }

    /// What the rows of a step see.
    struct Rows {
        let said: AttendedRows
        let speech: AttendedRows
    }

    /// One a layer.
    let speech: [KeyValueCache]
    let said: [KeyValueCache]
    private let segments: Segments
    private let backend: any Backend
    private var lastSpeech: (utterances: [Int], rows: AttendedRows)?
    /// Rows that a step will append after.
    private(set) var rowCount = 0

    init(
        speech: [KeyValueCache], segments: Segments, cacheColumns: Int, layerCount: Int, on backend: any Backend
    ) throws {
        self.speech = speech
        self.segments = segments
        self.backend = backend
        said = try (0..<layerCount).map { _ in try KeyValueCache(capacity: 64, columns: cacheColumns, on: backend) }
    }

    /// Lists what the rows of a step see: the tokens before and themselves; the frames of their utterance.
    func attend(to steps: [Step]) throws -> Rows {
        let lists = steps.enumerated().map { $1.history + [Int32(clamping: rowCount + $0)] }
        rowCount += steps.count
        let utterances = steps.map(\.utterance)
        return Rows(said: try AttendedRows(lists, on: backend), speech: try frames(of: utterances))
    }

    /// The same for many steps on end.
    private func frames(of utterances: [Int]) throws -> AttendedRows {
        if let lastSpeech, lastSpeech.utterances == utterances { return lastSpeech.rows }
        let rows = try AttendedRows(utterances.map { segments[$0].map(Int32.init(clamping:)) }, on: backend)
        lastSpeech = (utterances, rows)
        return rows
    }
}
