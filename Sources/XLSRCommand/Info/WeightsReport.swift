import TensorEngine
import XLSR

/// What the headers of a checkpoint's weight files say.
struct WeightsReport: Encodable {
    let files: [String]
    /// Tensors by element type, without the scales of int8.
    let types: [String: Int]
    let tensorCount: Int
    /// Parameters that inference reads.
    let parameterCount: Int
    /// Parameters of pretraining and of other tasks' heads, which are never loaded.
    let unreadParameterCount: Int
    /// Bytes by precision.
    let memory: [String: Int]

    enum CodingKeys: String, CodingKey {
        case files, types, memory
        case tensorCount = "tensors"
        case parameterCount = "parameters"
        case unreadParameterCount = "unread_parameters"
    }

    init(_ tensors: CheckpointTensors, _ head: Configuration.Head) throws {
        var files: Set<String> = []
        var types: [String: Int] = [:]
        var (read, unread, matrices) = (0, 0, 0)
        for name in tensors.names where !tensors.isScale(name) {
            if let file = tensors.origin(of: name) { files.insert(file) }
            let type = (try? tensors.tensor(named: name).dtype.rawValue) ?? "other"
            types[type, default: 0] += 1
            guard let shape = tensors.shape(of: name) else { continue }
            if CheckpointNames.isUnreadByDesign(name, head) {
                unread += shape.count
            } else {
                read += shape.count
                // Vectors stored as matrices, such as weight norm's magnitudes, don't count.
                if shape.dimensions.count(where: { $0 > 1 }) > 1 { matrices += shape.count }
            }
        }
        self.files = files.sorted()
        self.types = types
        tensorCount = types.values.reduce(0, +)
        parameterCount = read
        unreadParameterCount = unread
        memory = ["f32": 4 * read, "bf16": 2 * read, "f16": 2 * read, "int8": matrices + 2 * (read - matrices)]
    }
}
