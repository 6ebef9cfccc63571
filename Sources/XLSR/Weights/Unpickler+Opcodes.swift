extension Unpickler {
    mutating func execute(_ opcode: PickleOpcode) throws {
        switch opcode {
        case .stop: break
        case .proto:
            let version = try reader.integer(UInt8.self)
            guard version <= 5 else { throw malformed("unknown pickle protocol \(version)") }
        case .frame: _ = try reader.size(UInt64.self)

        case .mark: mark()
        case .pop: try drop()
        case .popMark: _ = try popToMark()
        case .dup: push(try top())

        case .none: push(.none)
        case .newTrue: push(.bool(true))
        case .newFalse: push(.bool(false))
        case .binInt: push(.int(Int(try reader.integer(Int32.self))))
        case .binInt1: push(.int(try reader.size(UInt8.self)))
        case .binInt2: push(.int(try reader.size(UInt16.self)))
        case .long1: push(try longInteger(byteCount: reader.size(UInt8.self)))
        case .long4: push(try longInteger(byteCount: reader.size(Int32.self)))
        case .int, .long: push(try decimalInteger())
        case .binFloat: push(.double(Double(bitPattern: UInt64(bigEndian: try reader.integer(UInt64.self)))))
        case .float:
            guard let value = Double(try reader.line()) else { throw malformed("not a number") }
            push(.double(value))

        case .binUnicode: push(.string(try reader.string(byteCount: reader.size(UInt32.self))))
        case .shortBinUnicode: push(.string(try reader.string(byteCount: reader.size(UInt8.self))))
        case .binUnicode8: push(.string(try reader.string(byteCount: reader.size(UInt64.self))))
        case .binString: push(try byteString(byteCount: reader.size(Int32.self)))
        case .shortBinString: push(try byteString(byteCount: reader.size(UInt8.self)))
        case .binBytes: push(.bytes(Array(try reader.take(reader.size(UInt32.self)))))
        case .shortBinBytes: push(.bytes(Array(try reader.take(reader.size(UInt8.self)))))
        case .binBytes8, .byteArray8: push(.bytes(Array(try reader.take(reader.size(UInt64.self)))))
        case .unicode: push(.string(try plainText(reader.line())))
        case .string:
            let text = try plainText(reader.line())
            guard text.count >= 2, text.first == text.last, text.first == "'" || text.first == "\"" else {
                throw malformed("text without quotes")
            }
            push(.string(String(text.dropFirst().dropLast())))

        case .emptyTuple: push(.tuple(heap.store([])))
        case .tuple: push(.tuple(heap.store(try popToMark())))
        case .tuple1: try pushTuple(of: 1)
        case .tuple2: try pushTuple(of: 2)
        case .tuple3: try pushTuple(of: 3)
        case .emptyList: push(.list(heap.store([])))
        case .list: push(.list(heap.store(try popToMark())))
        case .append: try addElements([pop()])
        case .appends: try addElements(popToMark())
        case .emptyDict: push(.dictionary(heap.store([])))
        case .dict:
            let members = try popToMark()
            push(.dictionary(heap.store([])))
            try addMembers(members)
        case .setItem:
            let value = try pop()
            try addMembers([pop(), value])
        case .setItems: try addMembers(popToMark())
        case .emptySet: push(.set(heap.store([])))
        case .addItems: try addElements(popToMark())
        case .frozenSet: push(.set(heap.store(try popToMark())))

        case .put: memo[try memoIndex()] = try top()
        case .binPut: memo[try reader.size(UInt8.self)] = try top()
        case .longBinPut: memo[try reader.size(UInt32.self)] = try top()
        case .memoize: memo[memo.count] = try top()
        case .get: try recall(memoIndex())
        case .binGet: try recall(reader.size(UInt8.self))
        case .longBinGet: try recall(reader.size(UInt32.self))

        case .global: push(.global("\(try reader.line()).\(try reader.line())"))
        case .stackGlobal:
            guard case .string(let name) = try pop(), case .string(let module) = try pop() else {
                throw malformed("a global name is no text")
            }
            push(.global("\(module).\(name)"))
        case .reduce, .newObj:
            let arguments = try pop()
            try call(pop(), argumentTuple: arguments)
        case .newObjEx:
            guard case .dictionary(let keywords) = try pop(), heap.containers[keywords].isEmpty else {
                throw refused("something with keyword arguments")
            }
            let arguments = try pop()
            try call(pop(), argumentTuple: arguments)
        case .inst:
            let name = "\(try reader.line()).\(try reader.line())"
            try call(.global(name), popToMark())
        case .obj:
            let items = try popToMark()
            guard let function = items.first else { throw malformed("object without a class") }
            try call(function, Array(items.dropFirst()))
        case .build: try build()
        case .binPersID: try pushPersistent(pop())
        case .persID: try pushPersistent(.string(reader.line()))

        case .ext1, .ext2, .ext4: throw refused("an extension of Python's copyreg")
        case .nextBuffer, .readonlyBuffer: throw refused("an out-of-band buffer")
        }
    }

    private mutating func longInteger(byteCount: Int) throws -> PickleValue {
        let bytes = Array(try reader.take(byteCount))
        guard bytes.count <= 8 else { return .longInteger(bytes) }
        var value = (bytes.last ?? 0) & 0x80 == 0 ? 0 : -1
        for byte in bytes.reversed() { value = value << 8 | Int(byte) }
        return .int(value)
    }

    private mutating func decimalInteger() throws -> PickleValue {
        var text = try reader.line()
        // Protocol 0 has no opcodes for booleans.
        if text == "00" { return .bool(false) }
        if text == "01" { return .bool(true) }
        if text.hasSuffix("L") { text.removeLast() }
        guard let value = Int(text) else { throw malformed("not a 64-bit integer") }
        return .int(value)
    }

    /// Text of Python 2, whose encoding nobody knows: UTF-8 when it can be.
    private mutating func byteString(byteCount: Int) throws -> PickleValue {
        let bytes = try reader.take(byteCount)
        return String(validating: bytes, as: UTF8.self).map(PickleValue.string) ?? .bytes(Array(bytes))
    }

    private func plainText(_ text: String) throws -> String {
        guard !text.contains("\\") else { throw malformed("text with escapes is not supported") }
        return text
    }

    private mutating func memoIndex() throws -> Int {
        guard let index = Int(try reader.line()), index >= 0 else { throw malformed("invalid memo index") }
        return index
    }

    private mutating func recall(_ index: Int) throws {
        guard let value = memo[index] else { throw malformed("memo \(index) is empty") }
        push(value)
    }

    private mutating func addElements(_ elements: [PickleValue]) throws {
        switch try top() {
        case .list(let container), .set(let container): heap.append(elements, to: container)
        default: throw malformed("elements added to something that is no list")
        }
    }

    private mutating func addMembers(_ keysAndValues: [PickleValue]) throws {
        guard case .dictionary(let container) = try top() else {
            throw malformed("members added to something that is no dictionary")
        }
        guard keysAndValues.count.isMultiple(of: 2) else { throw malformed("a key without a value") }
        heap.append(keysAndValues, to: container)
    }

    /// Attributes of a dictionary (PyTorch's `_metadata`) are dropped; records keep theirs; other objects have none.
    private mutating func build() throws {
        let state = try pop()
        switch try top() {
        case .dictionary: break
        case .record(let record): heap.setState(state, of: record)
        case .global(let name): throw refused("\(name).__setstate__")
        default: throw refused("__setstate__ of something that is no dictionary")
        }
    }
}
