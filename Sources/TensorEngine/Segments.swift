/// Where each utterance of a ragged batch lies in an activation of `[rows, channels]`.
///
/// Utterance i owns the rows `offsets[i] ..< offsets[i] + lengths[i]`; rows between utterances are padding
/// whose contents mean nothing. Only convolutions, attention and pooling look at segments.
public struct Segments: Hashable, Sendable {
    public let offsets: [Int]
    /// Valid rows an utterance.
    public let lengths: [Int]

    /// - Precondition: as many offsets as lengths, ascending, not overlapping.
    public init(offsets: [Int], lengths: [Int]) {
        precondition(offsets.count == lengths.count)
        self.offsets = offsets
        self.lengths = lengths
    }

    /// Utterances one right under the other.
    public init(lengths: [Int]) {
        var offsets: [Int] = []
        var next = 0
        for length in lengths {
            offsets.append(next)
            next += length
        }
        self.init(offsets: offsets, lengths: lengths)
    }

    public var count: Int { lengths.count }
    /// The rows that hold valid frames.
    public var validRowCount: Int { lengths.reduce(0, +) }
    public var longest: Int { lengths.max() ?? 0 }
    /// One past the last valid row.
    public var end: Int { zip(offsets, lengths).map(+).max() ?? 0 }

    public subscript(index: Int) -> Range<Int> { offsets[index]..<offsets[index] + lengths[index] }

    /// The valid row numbers in order: gathering them packs the utterances tightly.
    public var rowIndices: [Int32] {
        (0..<count).flatMap { self[$0].map(Int32.init) }
    }

    func validate(rows: Int, operation: String) throws {
        var end = 0
        for (offset, length) in zip(offsets, lengths) {
            guard length >= 0, offset >= end, offset <= rows, length <= rows - offset else {
                throw TensorError(
                    .invalidArgument, operation: operation,
                    "a segment of \(length) rows from row \(offset) overlaps another or leaves the \(rows) rows")
            }
            end = offset + length
        }
    }
}

extension Segments {
    /// The same utterances with room for a kernel's zeros around each.
    package func gapped(kernel: Int) -> Segments {
        Segments(
            offsets: lengths.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1 + kernel - 1) }.dropLast(),
            lengths: lengths)
    }
}
