import FoundationEssentials
import TensorEngine

/// Writes a checkpoint again with its floating-point weights in another type, as Hugging Face writes them:
/// `model.safetensors`, `config.json` with the type's name, and the other files as they are.
package enum CheckpointConverter {
    /// Files beside the weights that a checkpoint may have.
    private static let otherFiles = [
        "preprocessor_config.json", "processor_config.json", "vocab.json", "added_tokens.json", "tokenizer_config.json",
        "special_tokens_map.json", "tokenizer.json", "sentencepiece.bpe.model", "generation_config.json", "README.md",
    ]

    /// - Parameters:
    ///   - dtype: what floating-point weights become; nil: what they are.
    ///   - folder: where to write; made when it isn't there.
    ///   - progress: hears how many of all bytes are written.
    /// - Throws: `UsageError` for a folder that holds files already or a type that checkpoints don't have;
    ///   `CheckpointError` for what can't be read or written.
    package static func convert(
        _ files: CheckpointFiles, to dtype: DType?, folder: String, progress: (Int, Int) -> Void = { _, _ in }
    ) throws {
        let typeName = dtype.flatMap(typeName)
        if let dtype, typeName == nil {
            throw UsageError("checkpoints can't be written as \(dtype) yet; use f32, bf16 or f16")
        }
        let configuration = try XLSRModel.configurationFields(files)
        let checkpoint = try CheckpointTensors(files)
        try makeEmptyFolder(folder)
        let tensors = try checkpoint.names.map { name -> (name: String, array: HostArray) in
            let array = try checkpoint.tensor(named: name)
            return (name: name, array: dtype.map(array.converted(lazilyTo:)) ?? array)
        }
        let total = tensors.reduce(0) { $0 + $1.array.byteRange.count }
        let path = folder + "/model.safetensors"
        let weights = try AtomicFile(path: path)
        var written = 0
        try SafetensorsWriter.write(tensors, metadata: ["format": "pt"], path: path) { bytes in
            try weights.write(bytes)
            written += bytes.count
            progress(min(written, total), total)
        }
        try weights.commit()
        let adapters = files.names().filter { $0.hasPrefix("adapter.") }
        for name in otherFiles + adapters {
            guard let memory = try files.memory(of: name) else { continue }
            try memory.withUnsafeBytes { try write($0, to: folder + "/" + name) }
        }
        // Last, so that a folder with a config.json is a whole checkpoint.
        var fields = configuration
        if let typeName {
            fields["torch_dtype"] = nil
            fields["dtype"] = .string(typeName)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(JSON.object(fields)).withUnsafeBytes { try write($0, to: folder + "/config.json") }
    }

    /// PyTorch's name.
    private static func typeName(_ dtype: DType) -> String? {
        switch dtype {
        case .float32: "float32"
        case .bfloat16: "bfloat16"
        case .float16: "float16"
        case .int8, .int32: nil
        }
    }

    private static func makeEmptyFolder(_ folder: String) throws {
        let manager = FileManager.default
        if let entries = try? manager.contentsOfDirectory(atPath: folder) {
            guard entries.isEmpty else { throw UsageError("\(folder) holds files already; name a new folder") }
            return
        }
        do {
            try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw CheckpointError(.missingFile, path: folder, "can't be made", remedy: "check the path")
        }
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to path: String) throws {
        let file = try AtomicFile(path: path)
        try file.write(bytes)
        try file.commit()
    }
}

extension HostArray {
    /// The same numbers in another floating-point type, converted each time that they are read; integers stay.
    func converted(lazilyTo dtype: DType) -> HostArray {
        guard self.dtype.isFloatingPoint, dtype != self.dtype else { return self }
        return HostArray(
            shape: shape, dtype: dtype, memory: ConvertedMemory(source: self, dtype: dtype),
            byteRange: 0..<shape.count * dtype.byteSize)
    }
}

/// Numbers in another type than they are stored in, without a second copy that lasts.
private final class ConvertedMemory: HostMemory {
    private let source: HostArray
    private let dtype: DType

    init(source: HostArray, dtype: DType) {
        self.source = source
        self.dtype = dtype
    }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        let floats = source.floats()
        switch dtype {
        case .bfloat16: return try floats.map(\.bfloat16Bits).withUnsafeBytes(body)
        case .float16: return try floats.map { Float16($0).bitPattern }.withUnsafeBytes(body)
        default: return try floats.withUnsafeBytes(body)
        }
    }

    func discardResidentPages(in range: Range<Int>) {
        source.memory.discardResidentPages(in: source.byteRange)
    }
}
