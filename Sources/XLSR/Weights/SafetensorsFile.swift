import TensorEngine

/// A file of named tensors that are handed out one by one.
package protocol TensorFile: Sendable {
    /// The file, for messages.
    var path: String { get }
    var tensorNames: [String] { get }
    func shape(of name: String) -> Shape?
    /// - Throws: `CheckpointError` for a name that isn't there and for elements that no tensor can hold.
    func tensor(named name: String) throws -> HostArray
}

extension TensorFile {
    func missing(_ name: String) -> CheckpointError {
        CheckpointError(.weights, path: path, "there is no tensor named \(name)")
    }
}

/// A file in the safetensors format: a JSON header, then the bytes of all tensors without gaps.
///
/// Everything that the header claims is checked against the file when it is opened; tensors are views of the file's
/// memory. Source: https://huggingface.co/docs/safetensors
package struct SafetensorsFile: TensorFile {
    package let path: String
    package let metadata: [String: String]
    private let memory: any HostMemory
    private let entries: [String: Entry]

    private struct Entry {
        let shape: Shape
        let dtype: String
        let byteRange: Range<Int>
    }

    /// - Throws: `CheckpointError` when the file breaks the format.
    package init(_ memory: any HostMemory, path: String) throws {
        self.path = path
        self.memory = memory
        (metadata, entries) = try memory.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes, path: path)
            let headerByteCount = try reader.size(UInt64.self)
            guard headerByteCount <= SafetensorsHeader.byteCountLimit else {
                throw CheckpointError.malformed(path, "it claims a header of \(headerByteCount) bytes: not safetensors")
            }
            let text = try reader.take(headerByteCount)
            guard text.first == UInt8(ascii: "{") else {
                throw CheckpointError.malformed(path, "the header is not a JSON object: not safetensors")
            }
            let header = try SafetensorsHeader(parsing: text, path: path)
            return (header.metadata ?? [:], try Self.entries(header, data: reader.position..<bytes.count, path: path))
        }
    }

    package var tensorNames: [String] { entries.keys.sorted() }

    package func shape(of name: String) -> Shape? { entries[name]?.shape }

    package func tensor(named name: String) throws -> HostArray {
        guard let entry = entries[name] else { throw missing(name) }
        guard let type = ElementType(rawValue: entry.dtype) else {
            throw ElementType.unsupported(entry.dtype, name: name, path: path)
        }
        return try type.array(entry.shape, in: memory, entry.byteRange, name: name, path: path)
    }

    /// The header's entries, laid over the file's `data`.
    private static func entries(_ header: SafetensorsHeader, data: Range<Int>, path: String) throws -> [String: Entry] {
        var entries: [String: Entry] = [:]
        entries.reserveCapacity(header.entries.count)
        for (name, entry) in header.entries {
            guard entry.shape.count <= StridedView.rankLimit, let shape = Shape(validating: entry.shape) else {
                throw CheckpointError.malformed(path, "\(name) has an impossible shape")
            }
            guard entry.dataOffsets.count == 2, let first = entry.dataOffsets.first, let end = entry.dataOffsets.last,
                0 <= first, first <= end, end <= data.count
            else {
                throw CheckpointError.malformed(path, "\(name) lies outside the file's \(data.count) bytes of data")
            }
            if let elementSize = ElementType(rawValue: entry.dtype)?.byteSize {
                let (byteCount, overflow) = shape.count.multipliedReportingOverflow(by: elementSize)
                guard !overflow, byteCount == end - first else {
                    throw CheckpointError.malformed(
                        path, "\(name) has \(end - first) bytes, which is not \(shape) of \(entry.dtype)")
                }
            } else if shape.count / 8 > end - first {
                // Of a type that isn't known: no element has less than a bit.
                throw CheckpointError.malformed(
                    path, "\(name) has \(end - first) bytes, which are too few for \(shape) of \(entry.dtype)")
            }
            entries[name] = Entry(
                shape: shape, dtype: entry.dtype, byteRange: data.lowerBound + first..<data.lowerBound + end)
        }
        try checkCoverage(of: data, by: entries, path: path)
        return entries
    }

    /// The format demands that the tensors cover the data exactly: an overlap or a gap means a lying header.
    private static func checkCoverage(of data: Range<Int>, by entries: [String: Entry], path: String) throws {
        var end = data.lowerBound
        let ranges = entries.map { (name: $0.key, range: $0.value.byteRange) }
        for (name, range) in ranges.sorted(by: {
            ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
        }) {
            guard range.lowerBound == end else {
                let problem = range.lowerBound < end ? "overlaps another tensor" : "starts after a gap"
                throw CheckpointError.malformed(path, "\(name) \(problem)")
            }
            end = range.upperBound
        }
        guard end == data.upperBound else {
            throw CheckpointError.malformed(path, "\(data.upperBound - end) bytes at the end belong to no tensor")
        }
    }
}
