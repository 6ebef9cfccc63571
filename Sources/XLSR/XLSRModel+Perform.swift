extension XLSRModel {
    /// Computes on a thread of its own, so that none of Swift's few threads waits for a device.
    ///
    /// ```swift
    /// let transcript = try await model.perform { try $0.transcribe(samples, sampleRate: 16_000) }
    /// ```
    /// - Throws: what `body` throws; `CancellationError` soon after the task was cancelled, between two layers.
    public func perform<Value: Sendable>(
        _ body: @escaping @Sendable (XLSRModel) throws -> Value
    ) async throws -> Value {
        let flag = CancellationFlag()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                flag.run {
                    try CancellationFlag.check()
                    return try body(self)
                } ended: {
                    continuation.resume(with: $0)
                }
            }
        } onCancel: {
            flag.raise()
        }
    }
}
