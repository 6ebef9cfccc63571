import Synchronization
import TensorEngine

/// A recording of a backend's operations that is under way on this thread.
final class GraphCapture: Sendable {
    @TaskLocal private static var current: GraphCapture?

    /// What results are written to; the graph keeps it for itself.
    let pool: StoragePool
    private let backend: ObjectIdentifier
    private let recorded = Mutex<[GraphTable]>([])

    var tables: [GraphTable] { recorded.withLock { $0 } }

    init(_ backend: GPUBackend, pool: StoragePool) {
        self.pool = pool
        self.backend = ObjectIdentifier(backend)
    }

    static func current(of backend: GPUBackend) -> GraphCapture? {
        current.flatMap { $0.backend == ObjectIdentifier(backend) ? $0 : nil }
    }

    func whileCurrent<Result>(_ body: () throws -> Result) rethrows -> Result {
        try Self.$current.withValue(self) { try body() }
    }

    /// Memory for a table, which gets its numbers when the graph runs.
    /// - Throws: `TensorError` for a table whose size the lengths of the utterances decide.
    func storage(for table: SegmentTable, device: Device) throws -> Storage {
        guard table.hasFixedCount else { throw TensorError(unrecordable: "a table of segments", device: device) }
        return try recorded.withLock { recorded in
            if let known = recorded.first(where: { $0.table == table }) { return known.storage }
            let storage = try pool.allocate(byteCount: max(1, table.numbers.count) * MemoryLayout<Int32>.size)
            recorded.append(GraphTable(table: table, storage: storage))
            return storage
        }
    }
}

struct GraphTable: Sendable {
    var table: SegmentTable
    let storage: Storage
}

/// Operations that were recorded, with the memory that they use. It doesn't keep its backend.
final class CapturedGraph: Sendable {
    /// A tensor of the backend.
    private struct Value {
        let shape: Shape
        let dtype: DType
        let storage: Storage

        init(_ tensor: Tensor) {
            (shape, dtype, storage) = (tensor.shape, tensor.dtype, tensor.storage)
        }
    }

    private let graph: any GPUGraph
    private let x: Value
    private let results: [Value]
    private let tables: [GraphTable]
    private let pool: StoragePool
    /// Whose tables are in device memory. Who holds the lock has the graph's memory for itself.
    private let current = Mutex<Segments?>(nil)

    var byteCount: Int { pool.statistics.usedByteCount + pool.statistics.cachedByteCount }

    init(_ graph: any GPUGraph, x: Tensor, results: [Tensor], capture: GraphCapture) {
        self.graph = graph
        self.x = Value(x)
        self.results = results.map(Value.init)
        tables = capture.tables
        pool = capture.pool
    }

    /// - Parameters:
    ///   - x: fewer rows than were recorded, or as many.
    ///   - segments: of the rows that were recorded.
    func run(_ x: Tensor, segments: Segments, on backend: GPUBackend) throws -> [Tensor] {
        let copies = try results.map {
            try Tensor.uninitialized($0.shape.withRows(x.shape[0]), dtype: $0.dtype, on: backend)
        }
        let driver = backend.driver
        try current.withLock { current in
            if current != segments {
                current = nil
                for var table in tables {
                    table.table.segments = segments
                    try table.table.numbers.withUnsafeBytes { try driver.upload($0, to: table.storage.address) }
                }
                current = segments
            }
            try driver.copy(x.storage.address, byteCount: x.byteCount, to: self.x.storage.address, offset: 0)
            try graph.launch()
            for (result, copy) in zip(results, copies) {
                try driver.copy(result.storage.address, byteCount: copy.byteCount, to: copy.storage.address, offset: 0)
            }
        }
        return copies
    }
}

extension Tensor {
    fileprivate var byteCount: Int { shape.count * dtype.byteSize }
}

extension Shape {
    /// The same but for the first axis.
    func withRows(_ rows: Int) -> Shape { Shape([rows] + dimensions.dropFirst()) }
}

extension TensorError {
    /// What a graph can't hold; the operations run one by one then.
    init(unrecordable what: String, device: Device) {
        self.init(.unsupported, operation: "record", "\(what) can't be part of a graph", device: device)
    }
}
