/// How to run other engines in turn with ours.
package struct PeerOptions: Equatable {
    package var areWanted = false
    /// Texts of which an engine's name must contain one; none for all engines.
    package var filters: [String] = []
    /// Times that each engine starts.
    package var roundCount = 3
    /// A program, by name or path.
    package var python = "python3"
    package var cachePath: String?
    package enum ComputeDevice: String, CaseIterable {
        case cpu, cuda
    }
    /// Where they compute.
    package var device = ComputeDevice.cpu

    func wants(_ engine: String) -> Bool { filters.isEmpty || filters.contains { engine.contains($0) } }
}
