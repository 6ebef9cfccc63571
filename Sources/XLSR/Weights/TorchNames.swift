/// A storage that a pickle names by its key: its bytes lie elsewhere in the file.
final class TorchStorage: PickleObject {
    let key: String
    /// nil for an untyped storage, whose tensors say their type themselves.
    let type: ElementType?
    /// What the pickle claims.
    let byteCount: Int
    /// The part of the stored bytes that this storage is; all of them but in files of PyTorch 0.3.
    let byteRange: Range<Int>

    init(key: String, type: ElementType?, byteCount: Int, byteRange: Range<Int>) {
        self.key = key
        self.type = type
        self.byteCount = byteCount
        self.byteRange = byteRange
    }
}

/// A tensor as a pickle describes it, its sizes not yet checked against anything.
final class TorchTensor: PickleObject {
    let storage: TorchStorage
    let type: ElementType
    let offset: Int
    let sizes: [Int]
    let strides: [Int]

    init(storage: TorchStorage, type: ElementType, offset: Int, sizes: [Int], strides: [Int]) {
        self.storage = storage
        self.type = type
        self.offset = offset
        self.sizes = sizes
        self.strides = strides
    }
}

/// Decides which names of a pickle, besides those of tensors, stand for values that nothing acts on.
protocol PickleRecordList: Sendable {
    /// The value that stands for `function(arguments)`; nil when the name is not allowed.
    func value(of function: String, _ arguments: [PickleValue], heap: inout PickleHeap) throws -> PickleValue?
}

/// State dicts hold tensors alone.
struct NoPickleRecords: PickleRecordList {
    func value(of function: String, _ arguments: [PickleValue], heap: inout PickleHeap) -> PickleValue? { nil }
}

/// The names that a pickled state dict needs.
///
/// Source: torch/_utils.py, torch/serialization.py.
struct TorchNames: PickleAllowList {
    let path: String
    /// Classes whose instances become records; the others are refused.
    private let records: any PickleRecordList
    /// The first storage seen of each key.
    private(set) var storages: [String: TorchStorage] = [:]

    init(path: String, records: any PickleRecordList) {
        self.path = path
        self.records = records
    }

    mutating func call(_ function: String, _ arguments: [PickleValue], heap: inout PickleHeap) throws -> PickleValue? {
        switch function {
        case "collections.OrderedDict" where arguments.isEmpty: .dictionary(heap.store([]))
        case "torch.Size" where arguments.count == 1: arguments.first
        case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3":
            .object(try tensor(arguments, hasType: function.hasSuffix("_v3"), heap: heap))
        case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state": arguments.first
        default: try records.value(of: function, arguments, heap: &heap)
        }
    }

    /// `(storage, offset, sizes, strides, requires_grad, hooks, dtype, …)`; only version 3 has the type.
    private func tensor(_ arguments: [PickleValue], hasType: Bool, heap: PickleHeap) throws -> TorchTensor {
        guard arguments.count >= (hasType ? 7 : 4), case .object(let object) = arguments[0],
            let storage = object as? TorchStorage, case .int(let offset) = arguments[1],
            let sizes = heap.integers(of: arguments[2], limit: StridedView.rankLimit),
            let strides = heap.integers(of: arguments[3], limit: StridedView.rankLimit)
        else { throw malformed("a tensor is not described as PyTorch does") }
        var type = storage.type
        if hasType {
            guard case .global(let name) = arguments[6] else { throw malformed("a tensor has no type") }
            type = ElementType.torchTypes[name]
        }
        guard let type else { throw malformed("a tensor has a type that is not known") }
        return TorchTensor(storage: storage, type: type, offset: offset, sizes: sizes, strides: strides)
    }

    /// `("storage", class, key, device, count[, view])`.
    mutating func load(persistentID id: PickleValue, heap: PickleHeap) throws -> PickleValue? {
        guard case .tuple = id, let fields = heap.elements(of: id), fields.count >= 5,
            case .string("storage") = fields[0], case .global(let name) = fields[1], case .string(let key) = fields[2],
            case .int(let count) = fields[4]
        else { return nil }
        let isUntyped = name == "torch.storage.UntypedStorage"
        let type = ElementType.torchStorages[name]
        guard type != nil || isUntyped else { throw malformed("storage \(key) is of the unknown class \(name)") }
        let elementSize = type?.byteSize ?? 1
        let (byteCount, overflow) = count.multipliedReportingOverflow(by: elementSize)
        guard count >= 0, !overflow else { throw malformed("storage \(key) has an impossible size") }
        var range = 0..<byteCount
        if fields.count > 5, let view = heap.elements(of: fields[5]) {
            guard view.count == 3, case .int(let first) = view[1], case .int(let viewCount) = view[2],
                0 <= first, first <= count, 0 <= viewCount, viewCount <= count - first
            else { throw malformed("a view of storage \(key) lies outside it") }
            range = first * elementSize..<(first + viewCount) * elementSize
        }
        let storage = TorchStorage(key: key, type: type, byteCount: byteCount, byteRange: range)
        if storages[key] == nil { storages[key] = storage }
        return .object(storage)
    }

    private func malformed(_ detail: String) -> CheckpointError { .malformed(path, detail) }
}

extension ElementType {
    static let torchStorages: [String: ElementType] = [
        "torch.DoubleStorage": .float64, "torch.FloatStorage": .float32, "torch.HalfStorage": .float16,
        "torch.BFloat16Storage": .bfloat16, "torch.LongStorage": .int64, "torch.IntStorage": .int32,
        "torch.ShortStorage": .int16, "torch.CharStorage": .int8, "torch.ByteStorage": .uint8,
        "torch.BoolStorage": .bool,
    ]

    static let torchTypes: [String: ElementType] = [
        "torch.float64": .float64, "torch.float32": .float32, "torch.float16": .float16, "torch.bfloat16": .bfloat16,
        "torch.int64": .int64, "torch.int32": .int32, "torch.int16": .int16, "torch.int8": .int8,
        "torch.uint8": .uint8, "torch.bool": .bool,
    ]
}
