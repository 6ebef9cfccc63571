/// What a speech encoder-decoder checkpoint says beside its encoder: Hugging Face's `SpeechEncoderDecoderConfig`.
package struct TranslationConfiguration: Sendable {
    package static let architecture = "SpeechEncoderDecoderModel"

    package let decoder: MBartConfiguration
    package let generation: GenerationSettings
    package let tokenizer: Result<SubwordTokenizer, any Error>

    /// nil for checkpoints of another kind.
    /// - Throws: `CheckpointError` that names the field.
    package init?(_ files: CheckpointFiles) throws {
        let fields = try XLSRModel.configurationFields(files)
        guard Self.describes(fields) else { return nil }
        let path = files.path(of: "config.json")
        decoder = try MBartConfiguration(ConfigurationFields(fields, path: path).object("decoder"))
        generation = try GenerationSettings(
            files, vocabularySize: decoder.vocabularySize, positionLimit: decoder.positionLimit)
        tokenizer = Result {
            try SubwordTokenizer(path: files.path) { try files.contents(of: $0, limit: SubwordTokenizer.byteLimit) }
        }
    }

    static func describes(_ fields: [String: JSON]) -> Bool {
        fields["model_type"]?.string == "speech-encoder-decoder"
    }

    /// The fields of the encoder, which go by the whole model's architecture.
    static func encoderFields(_ fields: [String: JSON], path: String) throws -> [String: JSON] {
        guard var encoder = fields["encoder"]?.object else {
            throw CheckpointError(.configuration, path: path, "encoder: is missing, or not an object")
        }
        encoder["architectures"] = .array([.string(architecture)])
        return encoder
    }
}

extension Configuration {
    /// Whether the checkpoint has a text decoder.
    public var translates: Bool { architectures.contains(TranslationConfiguration.architecture) }
}
