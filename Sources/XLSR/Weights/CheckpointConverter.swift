import FoundationEssentials
import Glibc
import TensorEngine

extension XLSRModel {
    /// Writes a checkpoint to a new folder with its weights in another type, or one of fairseq as Hugging Face would:
    /// `xlsr convert`.
    /// - Parameters:
    ///   - path: as `load` takes it.
    ///   - dtype: float32, bfloat16, float16, or int8 with a factor a row; nil for what the weights are.
    ///   - folder: made when it isn't there.
    ///   - progress: hears how many of all bytes are written.
    /// - Throws: `UsageError` for a folder that holds files already or a type that checkpoints don't have;
    ///   `CheckpointError` for what can't be read or written. Then nothing is left.
    public static func convert(
        _ path: String, to dtype: DType?, folder: String, progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws {
        try CheckpointConverter.convert(ModelLocation.files(path), to: dtype, folder: folder, progress: progress)
    }
}

/// Writes a checkpoint again with its floating-point weights in another type, as Hugging Face writes them:
/// `model.safetensors`, `config.json` with the type's name, and the other files as they are, those of language adapters
/// and of a language model among them.
package enum CheckpointConverter {
    /// - Parameters:
    ///   - dtype: what floating-point weights become; nil: what they are. int8: what the matrices become that a load at
    ///     int8 quantises, with scales beside; all others stay what they are.
    ///   - folder: where to write; made when it isn't there.
    ///   - progress: hears how many of all bytes are written.
    /// - Throws: `UsageError` for a folder that holds files already or a type that checkpoints don't have;
    ///   `CheckpointError` for what can't be read or written. Then nothing is left, not the folder if it was made
    ///   either.
    package static func convert(
        _ files: CheckpointFiles, to dtype: DType?, folder: String, progress: (Int, Int) -> Void = { _, _ in }
    ) throws {
        try convert(files, to: dtype, folder: folder, head: nil, progress: progress)
    }

    /// - Parameters:
    ///   - head: what takes the place of the checkpoint's own, and of the files that go with that.
    ///   - replaces: whether the folder has files of the same names, written before from the same checkpoint, and differs
    ///     in weights alone: each is whole, the old or the new one, at any time.
    static func convert(
        _ files: CheckpointFiles, to dtype: DType?, folder: String, head: NewHead?, replaces: Bool = false,
        progress: (Int, Int) -> Void
    ) throws {
        if dtype == .int32 { throw UsageError("checkpoints can't be written as int32; use f32, bf16, f16 or int8") }
        let configuration = try XLSRModel.configurationFields(files)
        let decoder = dtype == .int8 ? try TranslationConfiguration(files)?.decoder : nil
        let conversion = try TensorConversion(CheckpointTensors(files), to: dtype) {
            CheckpointNames.isQuantized($0, tiesEmbeddings: decoder?.tiesEmbeddings ?? true)
        }
        let languageModelFolder = "\(folder)/\(ShallowFusion.folderName)"
        let copies = head == nil ? sideFiles(of: files) : NewHead.sideFiles
        let folderIsNew = try !replaces && makeEmptyFolder(folder)
        let written = ["model.safetensors"] + copies + (head?.files.map(\.name) ?? [])
        let unfinished =
            replaces
            ? [] : (folderIsNew ? [folder] : []) + [languageModelFolder] + written.map { "\(folder)/\($0)" }
        let slots = unfinished.map(TemporaryFiles.ofProcess.remember)
        defer { for slot in slots.reversed() { TemporaryFiles.ofProcess.forget(slot) } }
        do {
            let converted = try conversion.entries()
            let tensors = head?.entries(onEncoderOf: converted) ?? converted
            try write(tensors, to: folder + "/model.safetensors", progress)
            if copies.contains(where: { $0.hasPrefix(ShallowFusion.folderName + "/") }) {
                _ = try makeEmptyFolder(languageModelFolder)
            }
            for name in copies {
                guard let memory = try files.memory(of: name, mayBeEmpty: true) else { continue }
                try memory.withUnsafeBytes { try write($0, to: folder + "/" + name) }
            }
            for file in head?.files ?? [] {
                try file.bytes.withUnsafeBytes { try write($0, to: folder + "/" + file.name) }
            }
            // Last, so that a folder with a config.json is a whole checkpoint.
            let quantized = tensors.filter { $0.dtype == .int8 }.map(\.name)
            // Under a new head, the names of what was quantised before may be others.
            let weights = dtype ?? (head != nil && !quantized.isEmpty ? .int8 : nil)
            let fields =
                (weights.map { self.fields(configuration, weights: $0, quantized: quantized) } ?? configuration)
                .merging(head?.fields ?? [:]) { $1 }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            try encoder.encode(JSON.object(fields)).withUnsafeBytes { try write($0, to: folder + "/config.json") }
        } catch {
            for path in unfinished.reversed() where unlink(path) != 0 { rmdir(path) }
            throw error
        }
    }

    private static func sideFiles(of files: CheckpointFiles) -> [String] {
        let folder = ShallowFusion.folderName
        let languageModel = files.names(in: folder).map { "\(folder)/\($0)" }
        return CheckpointFiles.sideFiles + files.names().filter { $0.hasPrefix("adapter.") }
            + languageModel.filter { !CheckpointFiles.isFolder(files.path(of: $0)) }
    }

    /// config.json for weights of that type: PyTorch's name of it, or how int8 is meant.
    private static func fields(
        _ configuration: [String: JSON], weights dtype: DType, quantized: [String]
    ) -> [String: JSON] {
        var fields = configuration
        let names: [DType: String] = [.float32: "float32", .bfloat16: "bfloat16", .float16: "float16"]
        guard let name = names[dtype] else {
            fields["quantization_config"] = CheckpointTensors.quantizationFields(of: quantized.sorted())
            return fields
        }
        if fields["quantization_config"]?["quant_method"]?.string == CheckpointTensors.quantizationMethod {
            fields["quantization_config"] = nil
        }
        fields["torch_dtype"] = nil
        fields["dtype"] = .string(name)
        return fields
    }

    /// - Throws: `UsageError` for a folder that holds files already, and for what is none; `CheckpointError` for one that
    ///   can't be made or written to.
    package static func requireEmpty(_ folder: String) throws {
        guard access(folder, F_OK) != 0 || CheckpointFiles.isFolder(folder) else {
            throw UsageError("\(folder) is not a folder; name a new one")
        }
        guard (try? FileManager.default.contentsOfDirectory(atPath: folder))?.isEmpty != false else {
            throw UsageError("\(folder) holds files already; name a new folder")
        }
        var nearest = folder
        while nearest != ".", access(nearest, F_OK) != 0 {
            let above = nearest.lastIndex(of: "/").map { String(nearest[..<$0]) }
            nearest = above.map { $0.isEmpty ? "/" : $0 } ?? "."
        }
        guard access(nearest, W_OK) == 0 else {
            throw CheckpointError(
                .unwritable, path: folder, "\(nearest) can't be written to: \(String(cString: strerror(errno)))")
        }
    }

    /// - Returns: whether the folder was made; else it was there and empty.
    private static func makeEmptyFolder(_ folder: String) throws -> Bool {
        try requireEmpty(folder)
        guard !CheckpointFiles.isFolder(folder) else { return false }
        guard HostSystem.makeFolder(folder) else {
            throw CheckpointError(
                .unwritable, path: folder, "the folder can't be made: \(String(cString: strerror(errno)))")
        }
        return true
    }

    private static func write(
        _ tensors: [SafetensorsEntry], to path: String, _ progress: (Int, Int) -> Void
    ) throws {
        let total = tensors.reduce(0) { $0 + $1.byteCount }
        let weights = try AtomicFile(path: path)
        var written = 0
        try SafetensorsWriter.write(tensors, metadata: ["format": "pt"], path: path) { bytes in
            try weights.write(bytes)
            written += bytes.count
            progress(min(written, total), total)
        }
        try weights.commit()
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to path: String) throws {
        let file = try AtomicFile(path: path)
        try file.write(bytes)
        try file.commit()
    }
}
