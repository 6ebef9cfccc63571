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

    /// The emissions from the first up to `node`.
    func emissions(upTo node: Int32) -> [Emission] {
        var (emissions, node): ([Emission], Int32) = ([], node)
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
