import TensorEngine

/// The language adapters of a Massively Multilingual Speech checkpoint: one inside it, and files beside it, each with
/// the blocks after the encoder's layers and the CTC head of one language.
package struct LanguageAdapters: Sendable {
    /// Languages that have a file, in alphabetical order.
    package let languages: [String]
    /// The language of the adapter inside the checkpoint, as far as the tokenizer's settings tell.
    package let builtIn: String?
    private let files: CheckpointFiles

    private static let prefix = "adapter."
    private static let suffixes = [".safetensors", ".bin"]

    /// - Returns: nil for a checkpoint that isn't made for adapters.
    package init?(_ files: CheckpointFiles, _ configuration: Configuration) {
        guard configuration.adapterWidth != nil else { return nil }
        self.files = files
        let found = files.names().flatMap { name in
            Self.suffixes.compactMap { suffix -> String? in
                guard name.hasPrefix(Self.prefix), name.hasSuffix(suffix) else { return nil }
                let language = name.dropFirst(Self.prefix.count).dropLast(suffix.count)
                return language.isEmpty ? nil : String(language)
            }
        }
        languages = Set(found).sorted()
        let settings = try? TokenizerSettings(TokenizerFiles(path: files.path) { try files.contents(of: $0) })
        builtIn = settings?.targetLanguage
    }

    /// Every language that can be asked for.
    package var known: [String] { Set(languages + [builtIn].compactMap { $0 }).sorted() }

    /// The weights of a language's adapter; nil when they are those inside the checkpoint.
    /// - Throws: `CheckpointError` for a language without an adapter, with the ones that are near or known; for a file
    ///   that breaks its format, or is of another checkpoint.
    func weights(for language: String, _ configuration: Configuration) throws -> CheckpointTensors? {
        // Only names that were listed are opened, so that none leads elsewhere.
        guard languages.contains(language) else {
            if language == builtIn { return nil }
            throw try unknown(language)
        }
        for suffix in Self.suffixes {
            guard let weights = try CheckpointTensors(file: Self.prefix + language + suffix, in: files) else {
                continue
            }
            try check(weights, configuration)
            return weights
        }
        throw try unknown(language)
    }

    /// - Parameter encoder: the encoder's weights in the checkpoint itself.
    /// - Throws: `CheckpointError` for a checkpoint that has its adapters in files only.
    func requireBuiltIn(_ encoder: WeightReader, path: String) throws {
        guard !encoder.contains("encoder.layers.0.\(CheckpointNames.attentionAdapter).norm.weight") else { return }
        throw CheckpointError(
            .weights, path: path, "has no language adapter of its own",
            remedy: languages.isEmpty
                ? "download an adapter file from its page into this folder, and name its language"
                : "name a language (--language), one of \(listing(languages))")
    }

    /// Another checkpoint's adapter shows in its widths.
    private func check(_ weights: CheckpointTensors, _ configuration: Configuration) throws {
        let block = CheckpointNames.attentionAdapter
        guard let name = weights.names.first(where: { $0.hasSuffix(".\(block).linear_1.weight") }),
            let shape = weights.shape(of: name), shape.dimensions.count == 2, let width = configuration.adapterWidth
        else { throw foreign(weights, "holds no \(block) matrices, so it is no language adapter") }
        guard shape == [width, configuration.hiddenSize] else {
            throw foreign(
                weights,
                "is an adapter of width \(shape[0]) for hidden size \(shape[1]), but config.json says adapter_attn_dim"
                    + " \(width) and hidden_size \(configuration.hiddenSize)")
        }
    }

    private func foreign(_ weights: CheckpointTensors, _ detail: String) -> CheckpointError {
        CheckpointError(
            .weights, path: weights.path, detail, remedy: "download the adapter from the page of this same checkpoint")
    }

    private func unknown(_ language: String) throws -> CheckpointError {
        let vocabularies = try Wav2Vec2CTCTokenizer.languages(files)
        if vocabularies.contains(language) {
            let file = Self.prefix + language + Self.suffixes[0]
            return CheckpointError(
                .missingFile, path: files.path, "has a vocabulary but no adapter for the language \"\(language)\"",
                remedy: "download \(file) from the checkpoint's page into this folder"
                    + (known.isEmpty ? "" : "; adapters here: \(listing(known))"))
        }
        let choices = known.isEmpty ? vocabularies : known
        var near = suggestion(for: language, among: choices)
        if let meant = LanguageCodes.match(language, among: choices) { near = "; did you mean \(meant)?" }
        return CheckpointError(
            .missingFile, path: files.path, "has no adapter for a language \"\(language)\"\(near)",
            remedy: choices.isEmpty
                ? "there are no adapter files beside it" : "it knows \(listing(choices)) (`xlsr info` lists all)")
    }
}
