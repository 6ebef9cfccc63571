import TensorEngine
import XLSR

extension Command {
    static let convert = Command(
        name: "convert",
        summary: "Writes a checkpoint again: with smaller weights, or one of fairseq as Hugging Face would.",
        operands: Operands(
            synopsis: "MODEL OUT",
            help: "a folder, OWNER/NAME in the Hugging Face cache, or a .pt file of fairseq; and a new folder", limit: 2
        ),
        options: [.checkpointPrecision, .quiet],
        notes: [
            "The result is a checkpoint as Hugging Face writes them: model.safetensors, config.json and the other files.",
            "int8: matrices that a load at int8 quantises are I8 tensors beside F32 tensors NAME_scale with a factor a row; "
                + "transformers reads them where the Python package compressed-tensors is. The others stay what they are.",
            "It loads with float32 sums as before; --precision at run time decides what the weights are stored as in memory.",
            "Loading is quickest where both are the same. At int8 the result gives what the original gives at int8, to the"
                + " last bit; at bf16 and f16, which small tensors are rounded to as well, to rounding.",
        ],
        examples: [
            Example("xlsr convert --precision bf16 ./xls-r-300m ./xls-r-300m-bf16", "half the size on disk"),
            Example("xlsr convert --precision int8 ./xls-r-300m ./xls-r-300m-int8", "a third of it, for runs at int8"),
            Example("xlsr convert xlsr2_300m.pt ./xls-r-300m", "a fairseq checkpoint as a Hugging Face folder"),
        ],
        perform: { arguments in
            guard arguments.operands.count == 2 else { throw UsageError("convert needs MODEL and OUT") }
            guard arguments.operands[1] != "-" else { throw UsageError("OUT is a folder, not standard output") }
            let dtype = try arguments[.checkpointPrecision].map { name in
                guard let dtype = DType(rawValue: name), dtype != .int32 else {
                    throw UsageError("--precision must be one of f32, bf16, f16, int8")
                }
                return dtype
            }
            if arguments.has(.quiet) { ProgressBar.disable() }
            let source = try ModelSource(arguments.operands[0])
            defer { ProgressBar.clear() }
            try CheckpointConverter.convert(source.files, to: dtype, folder: arguments.operands[1]) { done, total in
                ProgressBar.show("writing", done, of: total)
            }
            return true
        })
}

extension Option {
    static let checkpointPrecision = Option(
        "--precision", value: "f32|bf16|f16|int8", "what floating-point weights are written as [as they are]")
}
