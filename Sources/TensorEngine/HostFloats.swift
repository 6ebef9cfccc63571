/// A float32 matrix that the host reads and changes: a tensor's own memory where that is the host's, else a copy, whose
/// memory serves the next matrix.
package struct HostFloats {
    private var columns = 0
    private var tensor: Tensor?
    private var values: [Float] = []

    package init() {}

    /// - Parameter tensor: `[rows, columns]` of float32, which nobody reads afterwards.
    package mutating func take(_ tensor: Tensor) throws {
        columns = tensor.shape.columns
        self.tensor = tensor
        if tensor.backend.hostAddress(of: tensor.storage) != nil {
            try tensor.backend.synchronize()
        } else {
            try tensor.copy(into: &values)
            self.tensor = nil
        }
    }

    package mutating func withRow<Result>(
        _ row: Int, _ body: (UnsafeMutableBufferPointer<Float>) throws -> Result
    ) rethrows -> Result {
        let range = row * columns..<(row + 1) * columns
        guard let tensor, let address = tensor.backend.hostAddress(of: tensor.storage) else {
            return try values.withUnsafeMutableBufferPointer { values in
                try body(UnsafeMutableBufferPointer(rebasing: values[range]))
            }
        }
        return try withExtendedLifetime(tensor) {
            let floats = address.assumingMemoryBound(to: Float.self)
            return try body(UnsafeMutableBufferPointer(start: floats + range.lowerBound, count: columns))
        }
    }
}
