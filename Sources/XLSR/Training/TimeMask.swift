import TensorEngine

/// SpecAugment (Park et al. 2019) as wav2vec 2.0 has it: spans of frames, chosen by chance, that training hides from the
/// encoder, as many as Hugging Face's `_compute_mask_indices` takes.
struct TimeMask {
    /// `mask_time_prob`: the share of frames that spans begin at, times `length`.
    let share: Double
    /// `mask_time_length`
    let length: Int
    /// `mask_time_min_masks`
    let leastSpans: Int

    init(_ fields: [String: JSON], path: String) throws {
        let fields = ConfigurationFields(fields, path: path)
        let isUsed = try fields.bool("apply_spec_augment", default: true)
        share = isUsed ? Double(try fields.number("mask_time_prob", default: 0.05, in: 0...1)) : 0
        length = try fields.integer("mask_time_length", default: 10, in: 1...10_000)
        leastSpans = try fields.integer("mask_time_min_masks", default: 2, in: 0...10_000)
    }

    /// The frames of an utterance that are hidden.
    func frames(of count: Int, _ random: inout RandomSource) -> Set<Int> {
        guard share > 0, count >= length else { return [] }
        let drawn = Int(share * Double(count) / Double(length) + Double(random.float(scale: 0.5, offset: 0.5)))
        let starts = count - length + 1
        let spans = min(max(drawn, leastSpans), count / length, starts)
        return Set((0..<starts).shuffled(using: &random).prefix(spans).flatMap { $0..<$0 + length })
    }

    /// - Parameter mask: what takes a hidden frame's place, `[1, hidden]`.
    func hiding(_ x: Tensor, _ segments: Segments, by mask: Tensor, _ random: inout RandomSource) throws -> Tensor {
        guard share > 0 else { return x }
        var rows = (0..<x.shape.rows).map(Int32.init)
        for index in 0..<segments.count {
            for frame in frames(of: segments.lengths[index], &random) {
                rows[segments.offsets[index] + frame] = Int32(x.shape.rows)
            }
        }
        return try Tensor.concatenated([x, mask]).gathered(rows: rows)
    }
}
