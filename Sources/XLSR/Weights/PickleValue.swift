/// What a pickle describes, as plain values: nothing in it was ever executed.
///
/// Containers are numbers into a `PickleHeap`, so that values that contain themselves make no reference cycle
/// and deep nesting makes no deep recursion.
enum PickleValue: Sendable {
    case none
    case bool(Bool)
    case int(Int)
    /// An integer beyond 64 bits: little-endian two's complement.
    case longInteger([UInt8])
    case double(Double)
    case string(String)
    case bytes([UInt8])
    case tuple(Int)
    case list(Int)
    case set(Int)
    case dictionary(Int)
    /// A class or function by its name, module first (`torch.FloatStorage`): no more than the name.
    case global(String)
    /// An instance of a class that is known by name only.
    case record(Int)
    /// Something that a `PickleAllowList` made.
    case object(any PickleObject)
}

/// A value that an allow-list gives a meaning of its own.
protocol PickleObject: AnyObject, Sendable {}

/// An instance of a class that isn't there: its name, what it was made with and what it holds. Nothing acts on it.
struct PickleRecord: Sendable {
    let name: String
    let arguments: [PickleValue]
    fileprivate(set) var state: PickleValue = .none
}

/// The containers of one pickle.
struct PickleHeap: Sendable {
    /// The elements of each container; keys and values in turn for a dictionary.
    fileprivate(set) var containers: [[PickleValue]] = []

    mutating func store(_ elements: some Sequence<PickleValue>) -> Int {
        containers.append(Array(elements))
        return containers.count - 1
    }

    fileprivate(set) var records: [PickleRecord] = []

    mutating func store(_ record: PickleRecord) -> Int {
        records.append(record)
        return records.count - 1
    }

    mutating func setState(_ state: PickleValue, of record: Int) {
        records[record].state = state
    }

    mutating func append(_ elements: some Sequence<PickleValue>, to container: Int) {
        containers[container].append(contentsOf: elements)
    }

    /// The elements of a tuple or a list; nil for other values.
    func elements(of value: PickleValue) -> [PickleValue]? {
        switch value {
        case .tuple(let container), .list(let container): containers[container]
        default: nil
        }
    }

    /// The integers of a tuple or a list of at most `limit` integers; nil for other values.
    func integers(of value: PickleValue, limit: Int) -> [Int]? {
        guard let elements = elements(of: value), elements.count <= limit else { return nil }
        let integers = elements.compactMap { element in
            if case .int(let integer) = element { integer } else { nil }
        }
        return integers.count == elements.count ? integers : nil
    }

    /// The values under a dictionary's string keys, the last one of equal keys; nil for other values.
    func members(of value: PickleValue) -> [String: PickleValue]? {
        guard case .dictionary(let container) = value else { return nil }
        let elements = containers[container]
        var members: [String: PickleValue] = [:]
        for index in stride(from: 0, to: elements.count - 1, by: 2) {
            if case .string(let key) = elements[index] { members[key] = elements[index + 1] }
        }
        return members
    }
}
