/// Why an operation or a device failed.
public struct TensorError: Error, CustomStringConvertible, Sendable {
    public enum Kind: Sendable {
        /// Operands whose shapes or element types don't fit the operation.
        case invalidArgument
        case outOfMemory
        /// A device that isn't there, or a library that it needs.
        case deviceUnavailable
        /// The device or its driver reported a failure.
        case deviceFailure
        /// This backend has no such operation for these element types.
        case unsupported
    }

    public let kind: Kind
    /// The operation that failed, as its `Tensor` method or backend requirement is called.
    public let operation: String
    public let detail: String
    public let shapes: [Shape]
    public let device: Device?
    public let remedy: String?

    public init(
        _ kind: Kind, operation: String, _ detail: String, shapes: [Shape] = [], device: Device? = nil,
        remedy: String? = nil
    ) {
        self.kind = kind
        self.operation = operation
        self.detail = detail
        self.shapes = shapes
        self.device = device
        self.remedy = remedy
    }

    public var description: String {
        if kind == .deviceUnavailable, let device {
            return "device \(device): \(detail)" + (remedy.map { "; \($0)" } ?? "")
        }
        var text = "\(operation): \(detail)"
        if !shapes.isEmpty { text += ", shapes " + shapes.map(\.description).joined(separator: " ") }
        if let device { text += " (device \(device))" }
        if let remedy { text += "; \(remedy)" }
        return text
    }
}
