/// Decides what the few names that a pickle may call mean. Every other name is refused.
protocol PickleAllowList {
    /// The value that stands for `function(arguments)`; nil when the name is not allowed.
    mutating func call(_ function: String, _ arguments: [PickleValue], heap: inout PickleHeap) throws -> PickleValue?

    /// The value kept outside the pickle under `id`; nil when there are none of that kind.
    mutating func load(persistentID id: PickleValue, heap: PickleHeap) throws -> PickleValue?
}

/// Reads one pickle (protocols 0 to 5) as plain values. It executes nothing: names are handed to an allow-list.
///
/// Work and memory are bounded by the pickle's own length.
/// Source: the opcode table of Python's `pickletools`.
struct Unpickler<AllowList: PickleAllowList> {
    /// Enough for every checkpoint (about 40 a tensor), and few enough to bound memory by some 100 MB.
    static var opcodeLimit: Int { 2_000_000 }

    var reader: ByteReader
    var heap = PickleHeap()
    var allowList: AllowList
    var memo: [Int: PickleValue] = [:]
    private var stack: [PickleValue] = []
    /// How high the stack was at each open mark.
    private var marks: [Int] = []

    /// Reads the pickle at the reader's position and moves the reader behind it.
    /// - Throws: `CheckpointError`, of kind `refused` when the pickle calls a name that isn't allowed.
    static func load(_ reader: inout ByteReader, allowing allowList: inout AllowList) throws
        -> (PickleValue, PickleHeap)
    {
        var unpickler = Unpickler(reader: reader, allowList: allowList)
        let value = try unpickler.run()
        reader = unpickler.reader
        allowList = unpickler.allowList
        return (value, unpickler.heap)
    }

    private init(reader: ByteReader, allowList: AllowList) {
        self.reader = reader
        self.allowList = allowList
    }

    private mutating func run() throws -> PickleValue {
        for _ in 0..<Self.opcodeLimit {
            let code = try reader.integer(UInt8.self)
            guard let opcode = PickleOpcode(rawValue: code) else {
                throw malformed("unknown pickle opcode \(code)")
            }
            if opcode == .stop { return try pop() }
            try execute(opcode)
        }
        throw malformed("the pickle has more than \(Self.opcodeLimit) opcodes")
    }

    func malformed(_ detail: String) -> CheckpointError {
        .malformed(reader.path, "\(detail) before byte \(reader.position)")
    }

    func refused(_ what: String) -> CheckpointError {
        CheckpointError(
            .refused, path: reader.path, "the pickle wants to call \(what); nothing was executed",
            remedy: "if you trust the file, load it in Python and save its tensors alone, best as safetensors")
    }
}

extension Unpickler {
    mutating func push(_ value: PickleValue) {
        stack.append(value)
    }

    mutating func pop() throws -> PickleValue {
        let value = try top()
        stack.removeLast()
        return value
    }

    func top() throws -> PickleValue {
        // Values below an open mark are out of reach.
        guard stack.count > marks.last ?? 0, let value = stack.last else { throw malformed("pickle stack is empty") }
        return value
    }

    mutating func mark() {
        marks.append(stack.count)
    }

    mutating func popToMark() throws -> [PickleValue] {
        guard let mark = marks.popLast() else { throw malformed("pickle mark is missing") }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    /// Drops the value on top, or the mark when nothing lies above it.
    mutating func drop() throws {
        if let mark = marks.last, mark == stack.count {
            marks.removeLast()
        } else {
            _ = try pop()
        }
    }

    mutating func pushTuple(of count: Int) throws {
        var elements: [PickleValue] = []
        for _ in 0..<count { elements.append(try pop()) }
        push(.tuple(heap.store(elements.reversed())))
    }

    /// Pushes what stands for `function(arguments)`.
    mutating func call(_ function: PickleValue, _ arguments: [PickleValue]) throws {
        guard case .global(let name) = function else { throw malformed("a value that is no function is called") }
        guard let value = try allowList.call(name, arguments, heap: &heap) else { throw refused(name) }
        push(value)
    }

    mutating func call(_ function: PickleValue, argumentTuple: PickleValue) throws {
        guard case .tuple = argumentTuple, let arguments = heap.elements(of: argumentTuple) else {
            throw malformed("call without an argument tuple")
        }
        try call(function, arguments)
    }

    mutating func pushPersistent(_ id: PickleValue) throws {
        guard let value = try allowList.load(persistentID: id, heap: heap) else {
            throw malformed("unknown kind of stored value")
        }
        push(value)
    }
}
