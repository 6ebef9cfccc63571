import TensorEngine

/// A head to be written in place of a checkpoint's own.
struct NewHead {
    let tensors: [(name: String, array: HostArray)]
    /// Of config.json.
    let fields: [String: JSON]
    /// That go with it, such as its vocabulary.
    var files: [(name: String, bytes: [UInt8])] = []

    /// Files beside the weights that have nothing to do with the old head: what is done to samples first, in the one
    /// file or, as transformers 5 writes it, in the other.
    static let sideFiles = ["preprocessor_config.json", "processor_config.json"]

    /// The encoder's tensors of a checkpoint, under the name that checkpoints with a head give it, and the head's own.
    func entries(onEncoderOf entries: [SafetensorsEntry]) -> [SafetensorsEntry] {
        let prefix = CheckpointNames.encoderPrefix + "."
        let isBare = !entries.contains { $0.name.hasPrefix(prefix) }
        let encoder = entries.filter { isBare ? CheckpointNames.isOfEncoder($0.name) : $0.name.hasPrefix(prefix) }
        let own = Set(tensors.map(\.name))
        return encoder.map { entry in
            SafetensorsEntry(isBare ? prefix + entry.name : entry.name, entry.shape, entry.dtype, entry.array)
        }.filter { !own.contains($0.name) } + tensors.map { SafetensorsEntry($0.name, $0.array) }
    }
}
