import Backends
import TensorEngine

/// A checkpoint's tensors in another type, each converted when its turn to be written comes.
struct TensorConversion {
    private let checkpoint: CheckpointTensors
    private let dtype: DType?
    private let isQuantized: (String) -> Bool
    private let backend: any Backend

    /// - Parameters:
    ///   - dtype: what floating-point numbers become; nil: what they are.
    ///   - isQuantized: by name, which matrices become int8.
    init(_ checkpoint: CheckpointTensors, to dtype: DType?, isQuantized: @escaping (String) -> Bool) throws {
        self.checkpoint = checkpoint
        self.dtype = dtype
        self.isQuantized = isQuantized
        backend = try BackendRegistry.open(.simd)
    }

    /// - Throws: `CheckpointError` for a tensor that can't be read or quantised.
    func entries() throws -> [SafetensorsEntry] {
        try checkpoint.names.filter { !checkpoint.isScale($0) }.flatMap(entries)
    }

    private func entries(_ name: String) throws -> [SafetensorsEntry] {
        let array = try checkpoint.tensor(named: name)
        let scales = try checkpoint.scales(of: name, array)
        guard let dtype, dtype != array.dtype, scales != nil || array.dtype.isFloatingPoint,
            dtype != .int8 || array.shape.rank == 2 && isQuantized(name)
        else {
            return [SafetensorsEntry(name, array)] + (scales.map { [scaleEntry(name, $0)] } ?? [])
        }
        if dtype == .int8 { return try quantized(name, array) }
        return [
            SafetensorsEntry(name, array.shape, dtype) { try dense(array, scales).converted(to: dtype).hostArray() }
        ]
    }

    /// The scales at once, since they come first in the file; the integers later.
    private func quantized(_ name: String, _ array: HostArray) throws -> [SafetensorsEntry] {
        let scales = try dense(array, nil).int8Scales().floats()
        guard scales.allSatisfy(\.isFinite) else {
            throw CheckpointError(
                .weights, path: checkpoint.origin(of: name) ?? checkpoint.path,
                "\(name) holds numbers that aren't finite and can't be quantised")
        }
        return [
            scaleEntry(name, scales),
            SafetensorsEntry(name, array.shape, .int8) {
                try dense(array, nil).quantized().integers.converted(to: .int8).hostArray()
            },
        ]
    }

    private func scaleEntry(_ name: String, _ scales: [Float]) -> SafetensorsEntry {
        SafetensorsEntry(CheckpointTensors.scaleName(of: name), HostArray(scales, shape: [scales.count, 1]))
    }

    /// As float32, without pages of the file that stay in memory.
    private func dense(_ array: HostArray, _ scales: [Float]?) throws -> Tensor {
        try StoredWeight([array.firstAxisRows], scales: scales).dense(on: backend).reshaped(array.shape)
    }
}
