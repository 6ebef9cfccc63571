import Synchronization
import TensorEngine

/// What a graph was recorded for: nothing else decides its launches. The longest utterance doesn't, since attention
/// goes by a table of parts, of which there are as many for all.
struct GraphKey: Hashable {
    var region: ObjectIdentifier
    /// Rounded up, with at least those of the utterance that is added.
    var shape: Shape
    var segmentCount: Int
}

/// The graphs that ran last, and the keys that were seen.
final class GraphCache: Sendable {
    /// Above, the GPU has so much work that the host is never late: 40 s of audio.
    static let largestRowCount = 2048
    /// Utterances get rows up to the next multiple: 1.3 s of audio.
    static let rowStep = 64

    enum State {
        /// Run once, so that its programs are compiled.
        case seen
        /// On its first run, or being recorded: other threads needn't wait, but nor can they record.
        case busy
        case ready(CapturedGraph)
        /// Something in it can't be part of a graph.
        case refused
    }

    private struct Entry {
        let key: GraphKey
        weak var region: CaptureRegion?
        var state: State

        var graph: CapturedGraph? {
            if case .ready(let graph) = state { graph } else { nil }
        }
    }

    /// The entry that was used last comes last.
    private let entries = Mutex<[Entry]>([])
    private let capacity: Int
    private let largestByteCount: Int

    /// - Parameter largestByteCount: of all graphs together. One of the 2B shape for 24 s holds some 130 MB.
    init(capacity: Int = 32, largestByteCount: Int) {
        self.capacity = capacity
        self.largestByteCount = largestByteCount
    }

    var graphCount: Int { entries.withLock { $0.count { $0.graph != nil } } }

    /// What to do about a key: nil for the first time, `seen` to record. Either makes it busy until the caller puts its
    /// next state.
    func next(_ key: GraphKey, _ region: CaptureRegion) -> State? {
        entries.withLock { entries in
            // A region that is gone took its weights along, and its identity may be another's now.
            entries.removeAll { $0.region == nil }
            guard let index = entries.firstIndex(where: { $0.key == key }) else {
                entries.append(Entry(key: key, region: region, state: .busy))
                trim(&entries)
                return nil
            }
            var entry = entries.remove(at: index)
            let state = entry.state
            if case .seen = state { entry.state = .busy }
            entries.append(entry)
            return state
        }
    }

    /// - Parameter state: nil to forget the key.
    func put(_ state: State?, for key: GraphKey) {
        entries.withLock { entries in
            guard let index = entries.firstIndex(where: { $0.key == key }) else { return }
            if let state { entries[index].state = state } else { entries.remove(at: index) }
            trim(&entries)
        }
    }

    /// Gives up all graphs, whose memory goes back to the pool; they are recorded anew when they are used again.
    func removeAll() {
        entries.withLock { $0 = [] }
    }

    private func trim(_ entries: inout [Entry]) {
        var byteCount = entries.reduce(0) { $0 + ($1.graph?.byteCount ?? 0) }
        while entries.count > capacity || byteCount > largestByteCount, entries.count > 1 {
            byteCount -= entries.removeFirst().graph?.byteCount ?? 0
        }
    }
}

extension GPUBackend {
    /// From its second use on, a key's operations are one launch. Rows are rounded up, so that near lengths share a
    /// graph: those that are added are one more utterance, which row-wise operations and attention keep apart from the
    /// others, so all runs of a key do the same with the rows that count.
    public func captured(
        _ region: CaptureRegion, _ x: Tensor, segments: Segments, _ body: (Tensor, Segments) throws -> [Tensor]
    ) throws -> [Tensor] {
        let rows = x.shape.dimensions.first ?? 0
        guard let graphs, capture == nil, (1...GraphCache.largestRowCount).contains(rows), x.shape.count > 0,
            segments == Segments(lengths: segments.lengths), segments.end == rows
        else { return try body(x, segments) }
        let rounded = ceil(rows, GraphCache.rowStep) * GraphCache.rowStep
        let shape = x.shape.withRows(rounded)
        let padded = Segments(lengths: segments.lengths + [rounded - rows])
        let key = GraphKey(region: ObjectIdentifier(region), shape: shape, segmentCount: padded.count)
        let state = graphs.next(key, region)
        do {
            switch state {
            case .ready(let graph): return try graph.run(x, segments: padded, on: self)
            case .seen:
                let graph = try record(shape, padded, body)
                graphs.put(.ready(graph), for: key)
                return try graph.run(x, segments: padded, on: self)
            case nil, .busy, .refused: break
            }
        } catch let error as TensorError {
            // Whatever it was: if it is still there, the plain run finds it too. Memory may be there again another
            // time.
            graphs.put(error.kind == .outOfMemory ? .seen : .refused, for: key)
        } catch {
            // Cancelled.
            graphs.put(.seen, for: key)
            throw error
        }
        // A first run that fails leaves programs uncompiled: the next is the first again.
        var isSeen = false
        defer { if state == nil { graphs.put(isSeen ? .seen : nil, for: key) } }
        let input = try Tensor.uninitialized(shape, on: self)
        try driver.copy(
            x.storage.address, byteCount: x.shape.count * x.dtype.byteSize, to: input.storage.address, offset: 0)
        let results = try body(input, padded)
        isSeen = true
        return results.map {
            Tensor(shape: $0.shape.withRows(rows), dtype: $0.dtype, backend: self, storage: $0.storage)
        }
    }

    private func record(
        _ shape: Shape, _ segments: Segments, _ body: (Tensor, Segments) throws -> [Tensor]
    ) throws -> CapturedGraph {
        let capture = GraphCapture(self, pool: mainPool.subpool())
        return try capture.whileCurrent {
            let input = try Tensor.uninitialized(shape, on: self)
            var results: [Tensor] = []
            let graph = try driver.record { results = try body(input, segments) }
            return CapturedGraph(graph, x: input, results: results, capture: capture)
        }
    }
}
