import Synchronization

/// The language that a classifier heard.
public struct IdentifiedLanguage: Hashable, Sendable {
    /// The transcribing model's name for it: of its adapter.
    public let language: String
    /// The classifier's name for it.
    public let label: String
    /// The classifier's.
    public let probability: Double
}

/// Transcribes audio of unknown language: a classifier says which one it is, and the model's adapter for that language
/// writes it down.
///
/// ```swift
/// let model = try XLSRModel.load("path/of/mms-1b-all", on: backend)
/// let identifier = try XLSRModel.load("path/of/mms-lid-126", on: backend)
/// let transcriber = try MultilingualTranscriber(model, identifier: identifier)
/// let (transcript, language) = try transcriber.transcribe(samples, sampleRate: 16_000)
/// ```
///
/// Each of the two encoders is in memory once; adapters stay there once they were used.
public final class MultilingualTranscriber: Sendable {
    private let model: XLSRModel
    private let identifier: XLSRModel
    private let adapted = Mutex<[String: XLSRModel]>([:])

    /// - Parameters:
    ///   - model: one with language adapters.
    ///   - identifier: a sequence classifier whose labels are languages: ISO 639-3 codes as the adapters' names, or
    ///     two-letter codes, locales or English names.
    /// - Throws: `CheckpointError` for models of other kinds.
    public init(_ model: XLSRModel, identifier: XLSRModel) throws {
        guard !model.languages.isEmpty else {
            throw CheckpointError(
                .configuration, path: model.name, "has no language adapters, so it hears one language only",
                remedy: "leave the language out, or use a checkpoint of Massively Multilingual Speech")
        }
        guard case .sequenceClassifier(let classes, _) = identifier.configuration.head else {
            throw CheckpointError(
                .configuration, path: identifier.name,
                "is \(identifier.configuration.architectures.joined(separator: ", ")), which doesn't tell languages apart",
                remedy: "use a sequence classifier of spoken languages, such as facebook/mms-lid-126")
        }
        guard classes.labels.contains(where: { LanguageCodes.match($0, among: model.languages) != nil }) else {
            throw CheckpointError(
                .configuration, path: identifier.name,
                "none of its labels (\(listing(classes.labels, limit: 5))) is a language that \(model.name) has an"
                    + " adapter for: \(listing(model.languages, limit: 5))",
                remedy: "use a checkpoint for spoken language identification, or name the language")
        }
        self.model = model
        self.identifier = identifier
    }

    /// Which language is spoken.
    /// - Throws: `CheckpointError` when the model has no adapter for it; otherwise as `XLSRModel.classify`.
    public func language(
        of clip: AudioClip, chunking: Chunking = .automatic
    ) throws -> IdentifiedLanguage {
        guard let best = try identifier.classify([clip], count: 1, chunking: chunking)[0].first else {
            throw identifier.lacks("labels of languages")
        }
        guard let percent = Int(exactly: (100 * best.score).rounded()) else {
            throw CheckpointError(
                .weights, path: identifier.name, "gives scores that aren't numbers",
                remedy: "its weights may be damaged; at f16, try another precision")
        }
        guard let language = LanguageCodes.match(best.label, among: model.languages) else {
            throw CheckpointError(
                .configuration, path: clip.source,
                "sounds like \"\(best.label)\" (\(percent) %), for which \(model.name) has no adapter",
                remedy: "download that adapter, or name the language: one of \(listing(model.languages))")
        }
        return IdentifiedLanguage(language: language, label: best.label, probability: best.score)
    }

    /// The model for a language. Its adapter is read the first time.
    public func model(for language: String) throws -> XLSRModel {
        // Read inside the lock, so that two threads don't read it twice.
        try adapted.withLock { models in
            if let model = models[language] { return model }
            let model = try self.model.adapted(to: language)
            try model.requireTranscription()
            models[language] = model
            return model
        }
    }

    /// What was said, and in which language.
    /// - Throws: as `language(of:)` and `XLSRModel.transcribe`.
    public func transcribe(
        _ samples: [Float], sampleRate: Int, chunking: Chunking = .automatic
    ) throws -> (transcript: Transcript, language: IdentifiedLanguage) {
        let found = try language(of: AudioClip(samples: samples, sampleRate: sampleRate), chunking: chunking)
        let transcript = try model(for: found.language)
            .transcribe(samples, sampleRate: sampleRate, chunking: chunking)
        return (transcript, found)
    }
}
