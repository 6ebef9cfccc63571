import TensorEngine

/// int8 in checkpoints, laid out as compressed-tensors' "int-quantized", which transformers reads: beside the integers
/// `NAME` `[n, …]`, from -127 to 127, are float32 scales `NAME_scale` `[n, 1]`, and number i of the first axis is
/// `NAME[i] · NAME_scale[i]`.
extension CheckpointTensors {
    private static let scaleSuffix = "_scale"

    static func scaleName(of name: String) -> String { name + scaleSuffix }

    /// Whether the tensor is the scales of one of int8.
    package func isScale(_ name: String) -> Bool {
        name.hasSuffix(Self.scaleSuffix)
            && (try? tensor(named: String(name.dropLast(Self.scaleSuffix.count))))?.dtype == .int8
    }

    /// The scales of a tensor of int8; nil for one of another type.
    /// - Throws: `CheckpointError` that names the tensor for scales that are missing, of another shape or type, or not
    ///   positive and finite.
    func scales(of name: String, _ integers: HostArray) throws -> [Float]? {
        guard integers.dtype == .int8 else { return nil }
        let scaleName = Self.scaleName(of: name)
        guard let count = integers.shape.dimensions.first else {
            throw unscaled(name, "\(name) is int8 without an axis")
        }
        guard let found = shape(of: scaleName) else {
            throw unscaled(name, "\(name) is int8, but there is no \(scaleName) [\(count), 1]")
        }
        let array = try tensor(named: scaleName)
        guard array.dtype.isFloatingPoint, found == [count, 1] || found == [count] else {
            throw unscaled(scaleName, "\(scaleName) is \(found) of \(array.dtype), not [\(count), 1] of f32")
        }
        let scales = array.floats()
        if let row = scales.firstIndex(where: { !($0 > 0 && $0.isFinite) }) {
            throw unscaled(scaleName, "\(scaleName)[\(row)] is \(scales[row]), not a positive number")
        }
        return scales
    }

    /// The `quantization_config` of config.json that says so of some matrices.
    static func quantizationFields(of names: [String]) -> JSON {
        let weights: [String: JSON] = [
            "num_bits": .int(8), "type": .string("int"), "symmetric": .bool(true), "strategy": .string("channel"),
            "dynamic": .bool(false),
        ]
        let modules = names.map { JSON.string(String($0.dropLast(".weight".count))) }
        return .object([
            "quant_method": .string(quantizationMethod), "format": .string("int-quantized"),
            "quantization_status": .string("compressed"), "ignore": .array([]),
            "config_groups": .object([
                "group_0": .object([
                    "targets": .array(modules), "weights": .object(weights), "format": .string("int-quantized"),
                ])
            ]),
        ])
    }

    static let quantizationMethod = "compressed-tensors"

    private func unscaled(_ name: String, _ detail: String) -> CheckpointError {
        CheckpointError(
            .weights, path: origin(of: name) ?? path, detail,
            remedy: "convert the original checkpoint by `xlsr convert --precision int8`")
    }
}

extension HostArray {
    /// The same as a matrix with a row for each number of the first axis.
    var firstAxisRows: HostArray {
        let rows = shape.dimensions.first ?? 1
        return HostArray(
            shape: [rows, rows == 0 ? 0 : shape.count / rows], dtype: dtype, memory: memory, byteRange: byteRange)
    }
}
