import XLSR

/// How the outputs of a checkpoint's head are written.
struct HeadStyle: Sendable {
    enum Kind: Sendable {
        /// So many labels of the whole audio.
        case labels(Configuration.Classification, count: Int)
        /// Stretches of time whose probability of a label is above a threshold.
        case activity(threshold: Double)
        case embedding
        /// Everything, as tensors.
        case tensors
    }

    let kind: Kind
    let format: RunOptions.Format

    /// - Throws: `UsageError` for a format that can't hold it.
    init(_ kind: Kind, task: RunOptions.Task, format: RunOptions.Format?) throws {
        self.kind = kind
        var formats: [RunOptions.Format] = [.text, .json, .safetensors]
        switch kind {
        case .labels, .embedding: break
        case .activity: formats.append(.rttm)
        case .tensors: formats = [.safetensors]
        }
        let chosen = format ?? formats[0]
        guard formats.contains(chosen) else {
            guard formats.count > 1 else { throw RunPlan.writesTensors(task) }
            throw UsageError(
                "--task \(task.rawValue) can't be written as \(chosen.rawValue); use --format"
                    + " \(formats.map(\.rawValue).joined(separator: ", "))")
        }
        self.format = chosen
    }

    var fileExtension: String { format == .text ? "txt" : format.rawValue }

    var holdsSeveralResults: Bool { format != .safetensors }
}
