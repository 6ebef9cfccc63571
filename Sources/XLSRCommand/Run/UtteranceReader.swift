import Dispatch
import Synchronization
import XLSR

/// Reads a stream on a thread of its own, so that it is heard while the model computes, and hands over its utterances.
final class UtteranceReader: Sendable {
    private struct State {
        var ready: [UtteranceSplitter.Utterance] = []
        /// What grows; nil once it was looked at.
        var unfinished: UtteranceSplitter.Utterance?
        /// How reading ended, if it did.
        var end: Result<Void, any Error>?
    }

    /// Utterances that may wait; then what writes the stream waits, as for any slow reader.
    private static let mostWaiting = 16

    private let state = Mutex(State())
    /// Signalled for each utterance, and at the end.
    private let arrived = DispatchSemaphore(value: 0)
    private let room = DispatchSemaphore(value: UtteranceReader.mostWaiting)

    /// - Parameter showsUnfinished: whether `next` is to tell of utterances that haven't ended.
    init(
        _ file: Int32, source: String, pauseSeconds: Double, longestSeconds: Double, showsUnfinished: Bool
    ) {
        ProgressBar.show("waiting for audio")
        DispatchQueue(label: "utterances").async { [self] in
            let result = Result {
                var stream = try WAVStream(file, source: source) { Signals.isInterrupted.load(ordering: .relaxed) }
                var splitter = UtteranceSplitter(
                    sampleRate: stream.sampleRate, pauseSeconds: pauseSeconds, longestSeconds: longestSeconds)
                var (count, shown) = (0, -1)
                while let samples = try stream.next() {
                    splitter.add(samples).forEach(hand)
                    count += samples.count
                    guard showsUnfinished else { continue }
                    let unfinished = splitter.unfinished
                    state.withLock { $0.unfinished = unfinished }
                    if unfinished == nil, count / stream.sampleRate > shown {
                        shown = count / stream.sampleRate
                        ProgressBar.show("listening, \(shown) s")
                    }
                }
                splitter.finish().map(hand)
            }
            // Who ends the input before it began wants no error.
            state.withLock { $0.end = Signals.isInterrupted.load(ordering: .relaxed) ? .success(()) : result }
            arrived.signal()
        }
    }

    private func hand(_ utterance: UtteranceSplitter.Utterance) {
        room.wait()
        state.withLock { $0.ready.append(utterance) }
        arrived.signal()
    }

    /// Waits for an utterance.
    /// - Parameter show: gets what was heard of one that takes longer than a second.
    /// - Returns: all that are there; nil at the end.
    /// - Throws: `AudioError` when the stream is broken, after what was heard before.
    func next(_ show: (UtteranceSplitter.Utterance) throws -> Void) throws -> [UtteranceSplitter.Utterance]? {
        while true {
            guard arrived.wait(timeout: .now() + 1) == .success else {
                if let unfinished = state.withLock({ $0.unfinished.take() }) { try show(unfinished) }
                continue
            }
            let (ready, end) = state.withLock { state in
                defer { state.ready = [] }
                return (state.ready, state.end)
            }
            for _ in ready { room.signal() }
            if !ready.isEmpty {
                // The end was signalled once, and is still to come.
                if end != nil { arrived.signal() }
                return ready
            }
            if let end {
                try end.get()
                return nil
            }
        }
    }
}
