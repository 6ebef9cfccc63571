import TensorEngine

extension ConformanceCase {
    /// The case with activations that a device needn't round, to the tolerance of devices that don't: numbers of
    /// bfloat16, or where weights are int8 -1, 0 and 1, whatever part of the operand shares a scale. Others are there
    /// already.
    /// - Parameter rounding: what else may be rounded, relative to the largest.
    package func withRepresentableActivations(rounding: Float = 0) -> ConformanceCase {
        let (weights, makeInputs) = (tolerance.weights, makeInputs)
        return ConformanceCase(
            operation, "\(name), representable", size, multiplyAdds: multiplyAddCount,
            tolerance: Tolerance(
                relativeToLargest: tolerance.relativeToLargest + rounding, relative: tolerance.relative),
            definedRows: definedRows, columnSums: columnSums
        ) { random in
            var inputs = makeInputs(&random)
            let values = inputs[0].floats().map {
                weights == .int8 ? $0.coarse : Float(bitPattern: UInt32($0.bfloat16Bits) << 16)
            }
            inputs[0] = HostArray(values, shape: inputs[0].shape)
            return inputs
        } bind: {
            try bind($0)
        }
    }
}

extension Float {
    /// -1, 0 or 1, a third of numbers in ±1 each.
    fileprivate var coarse: Float {
        guard isFinite else { return self }
        return magnitude * 3 < 1 ? 0 : self < 0 ? -1 : 1
    }
}
