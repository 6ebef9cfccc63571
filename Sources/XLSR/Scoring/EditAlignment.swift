/// A step that turns a reference into a hypothesis.
public enum EditOperation: UInt8, Sendable {
    case equal, substitute, delete, insert
}

/// The fewest substitutions, deletions and insertions that turn one list into another (Levenshtein).
///
/// Among several ways it takes the one that jiwer does, since some of its measures depend on that: equal beginnings and
/// ends are set aside; then, from the end, a deletion comes before an insertion, and these before a substitution.
/// (jiwer may choose otherwise in lines of more than some two thousand words; the error rate is the same.)
///
/// Time grows with the product of both lengths. Rows of distances are kept at intervals and those between computed
/// again, so memory is 4 · reference · √hypothesis bytes: 45 MB for two lines of 50,000 characters.
func editOperations<Element: Hashable>(reference: [Element], hypothesis: [Element]) -> [EditOperation] {
    let prefix = zip(reference, hypothesis).prefix(while: ==).count
    let (referenceTail, hypothesisTail) = (reference.dropFirst(prefix), hypothesis.dropFirst(prefix))
    let suffix = zip(referenceTail.reversed(), hypothesisTail.reversed()).prefix(while: ==).count
    var ids: [Element: Int32] = [:]
    func numbered(_ elements: [Element]) -> [Int32] {
        elements[prefix..<elements.count - suffix].map { element in
            if let id = ids[element] { return id }
            let id = Int32(truncatingIfNeeded: ids.count)
            ids[element] = id
            return id
        }
    }
    let middle = EditDistances(reference: numbered(reference), hypothesis: numbered(hypothesis)).operations()
    return Array(repeating: .equal, count: prefix) + middle + Array(repeating: .equal, count: suffix)
}

private struct EditDistances {
    let reference: [Int32]
    let hypothesis: [Int32]

    /// The distances of all the reference's beginnings to one more element of the hypothesis.
    private func row(after row: [Int32], element: Int32, into next: inout [Int32]) {
        reference.withUnsafeBufferPointer { reference in
            row.withUnsafeBufferPointer { row in
                next.withUnsafeMutableBufferPointer { next in
                    var (left, diagonal) = (row[0] + 1, row[0])
                    next[0] = left
                    for column in 0..<reference.count {
                        let above = row[column + 1]
                        left = min(min(left, above) + 1, diagonal + (reference[column] == element ? 0 : 1))
                        diagonal = above
                        next[column + 1] = left
                    }
                }
            }
        }
    }

    func operations() -> [EditOperation] {
        guard !reference.isEmpty, !hypothesis.isEmpty else {
            return Array(repeating: .delete, count: reference.count)
                + Array(repeating: .insert, count: hypothesis.count)
        }
        let interval = max(1, 2 * Int(Double(hypothesis.count).squareRoot()))
        var current = (0...reference.count).map { Int32(truncatingIfNeeded: $0) }
        var next = current
        var kept: [[Int32]] = []
        for (index, element) in hypothesis.enumerated() {
            if index.isMultiple(of: interval) { kept.append(current) }
            row(after: current, element: element, into: &next)
            swap(&current, &next)
        }
        var backwards: [EditOperation] = []
        var (column, end) = (reference.count, hypothesis.count)
        while let first = kept.popLast() {
            let start = kept.count * interval
            goBack(from: end, to: start, first, &column, &backwards)
            end = start
        }
        backwards += Array(repeating: .delete, count: column)
        return backwards.reversed()
    }

    /// Computes a stretch of rows again and follows the operations from its end to its start.
    private func goBack(
        from end: Int, to start: Int, _ first: [Int32], _ column: inout Int, _ backwards: inout [EditOperation]
    ) {
        let width = column + 1
        var moves = [EditOperation](repeating: .insert, count: (end - start) * width)
        var (above, current) = (first, first)
        for index in start..<end {
            row(after: above, element: hypothesis[index], into: &current)
            for column in stride(from: 1, to: width, by: 1) {
                let move: EditOperation =
                    if current[column] == current[column - 1] + 1 {
                        .delete
                    } else if index > 0, above[column] == above[column - 1] - 1 {
                        .insert
                    } else {
                        reference[column - 1] == hypothesis[index] ? .equal : .substitute
                    }
                moves[(index - start) * width + column] = move
            }
            swap(&above, &current)
        }
        var row = end - 1
        while row >= start {
            let move = moves[(row - start) * width + column]
            backwards.append(move)
            if move != .insert { column -= 1 }
            if move != .delete { row -= 1 }
        }
    }
}
