/// A token of a hypothesis and the frames on which it was heard.
struct Emission: Sendable {
    /// A column of the alphabet.
    let token: Int32
    /// Whether it begins a word of a subword alphabet.
    let startsWord: Bool
    let start: Int
    /// The first frame after it.
    var end: Int
    /// The sum of the token's probabilities over its frames, and how many those are.
    var probabilitySum: Double
    var frameCount: Int
}

/// The emissions of all hypotheses, each after the one before it.
struct EmissionTree: Sendable {
    private struct Node: Sendable {
        var parent: Int32
        let emission: Emission
    }

    /// No emission yet.
    static let root: Int32 = 0
    private var nodes: [Node]

    init() {
        let none = Emission(token: -1, startsWord: false, start: 0, end: 0, probabilitySum: 0, frameCount: 0)
        nodes = [Node(parent: Self.root, emission: none)]
    }

    var count: Int { nodes.count }

    mutating func append(_ emission: Emission, after node: Int32) -> Int32 {
        nodes.append(Node(parent: node, emission: emission))
        return Int32(truncatingIfNeeded: nodes.count - 1)
    }

    func emissions(of path: EmissionPath) -> [Emission] {
        var (emissions, node) = (path.open.map { [$0] } ?? [], path.closed)
        while node != Self.root {
            emissions.append(nodes[Int(node)].emission)
            node = nodes[Int(node)].parent
        }
        return emissions.reversed()
    }

    /// Drops all nodes but `leaves`, which become the new numbers, and what is before them.
    mutating func compact(keeping leaves: inout [Int32]) {
        let numbers = compactedNumbers(count: nodes.count, keeping: leaves) { nodes[$0].parent }
        var kept: [Node] = []
        for (index, node) in nodes.enumerated() where numbers[index] >= 0 {
            kept.append(Node(parent: numbers[Int(node.parent)], emission: node.emission))
        }
        nodes = kept
        for index in leaves.indices { leaves[index] = numbers[Int(leaves[index])] }
    }
}

/// The tokens of a hypothesis on the frames that one path through the scores has them.
struct EmissionPath: Sendable {
    /// The emissions before `open`.
    var closed = EmissionTree.root
    /// The last emission, which may go on.
    private(set) var open: Emission?

    /// - Parameters:
    ///   - emission: of one frame.
    ///   - isNew: false: the open emission goes on.
    ///   - closed: the node of the open emission, -1 as long as it has none; the same for all that begin with this
    ///     path.
    mutating func append(_ emission: Emission, isNew: Bool, closed: inout Int32, in tree: inout EmissionTree) {
        if isNew {
            if let open {
                if closed < 0 { closed = tree.append(open, after: self.closed) }
                self.closed = closed
            }
            open = emission
        } else {
            open?.end = emission.end
            open?.probabilitySum += emission.probabilitySum
            open?.frameCount += emission.frameCount
        }
    }
}
