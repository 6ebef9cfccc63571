/// The classes whose instances fairseq stores beside its weights: settings, enumerations, a dictionary of tokens, the
/// training's bookkeeping. They become records; every other call is refused.
struct FairseqRecords: PickleRecordList {
    /// Packages of plain classes and enumerations.
    private static let packages = ["fairseq.", "omegaconf."]
    private static let names: Set<String> = [
        "argparse.Namespace", "collections.Counter", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
        "numpy.dtype", "_codecs.encode", "torch.device", "pathlib.PosixPath",
    ]

    func value(of function: String, _ arguments: [PickleValue], heap: inout PickleHeap) throws -> PickleValue? {
        switch function {
        case "collections.defaultdict": return .dictionary(heap.store([]))
        // How protocol 2 writes a set.
        case "builtins.set", "__builtin__.set": return .set(heap.store(arguments.first.flatMap(heap.elements) ?? []))
        // How protocols 0 and 1 write an instance: its class, `object`, nothing.
        case "copyreg._reconstructor", "copy_reg._reconstructor":
            guard case .global(let name)? = arguments.first, Self.isRecord(name) else { return nil }
            return record(name, [], &heap)
        // `typing.Tuple[float, …]`: a type that settings are annotated with.
        case "_operator.getitem", "operator.getitem":
            guard case .global(let name)? = arguments.first, name.hasPrefix("typing.") else { return nil }
            return record(name, arguments, &heap)
        default: return Self.isRecord(function) ? record(function, arguments, &heap) : nil
        }
    }

    private static func isRecord(_ name: String) -> Bool {
        names.contains(name) || packages.contains { name.hasPrefix($0) }
    }

    private func record(_ name: String, _ arguments: [PickleValue], _ heap: inout PickleHeap) -> PickleValue {
        .record(heap.store(PickleRecord(name: name, arguments: arguments)))
    }
}

extension PickleHeap {
    /// The values under the string keys of a dictionary, an `argparse.Namespace` or omegaconf's `DictConfig`.
    func settings(of value: PickleValue?) -> [String: PickleValue]? {
        guard let value else { return nil }
        guard case .record(let index) = value else { return members(of: value) }
        let state = members(of: records[index].state)
        return records[index].name.hasPrefix("omegaconf.") ? state?["_content"].flatMap(members) : state
    }

    /// Numbers, text, true, false and null, which omegaconf wraps into nodes and enumerations into their class.
    func scalar(_ value: PickleValue) -> JSON? {
        var value = value
        // One node around one enumeration is the most that there is; a value may contain itself.
        for _ in 0..<4 {
            switch value {
            case .none: return .null
            case .bool(let flag): return .bool(flag)
            case .int(let number): return .int(number)
            case .double(let number): return .double(number)
            case .string(let text): return .string(text)
            case .record(let index):
                let record = records[index]
                guard let inner = members(of: record.state)?["_val"] ?? record.arguments.first else { return nil }
                value = inner
            default: return nil
            }
        }
        return nil
    }
}
