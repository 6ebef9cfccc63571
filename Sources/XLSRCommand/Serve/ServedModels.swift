import Synchronization
import TensorEngine
import XLSR

/// The model that a service has, and what it becomes for languages that requests name.
final class ServedModels: Sendable {
    /// Languages whose adapters are held at a time, some 10 MB each.
    private static let languageLimit = 32

    private let base: LoadedModel
    /// The languages used last come last.
    private let adapted = Mutex<[(language: String, loaded: LoadedModel)]>([])

    var model: XLSRModel { base.model }
    /// Those that the checkpoint has adapters for; none without adapters.
    var languages: [String] { base.model.languages }

    init(_ options: RunOptions, _ plan: RunPlan) throws {
        base = try LoadedModel(options, plan, sharesBatches: true)
        guard options.verbosity == .verbose else { return }
        RunReport.print(base.model, plan.writesText ? base.decoder : nil, loadSeconds: base.seconds)
    }

    /// - Throws: `UsageError` for a language that isn't there, and what loading it throws.
    func loaded(_ options: RunOptions, _ plan: RunPlan) throws -> LoadedModel {
        if case .translation = plan.product { return base }
        guard let name = options.language else { return base }
        // A language that is named needn't be found out.
        let alone = LoadedModel(model: base.model, decoder: base.decoder, transcriber: nil)
        if name == base.model.language { return alone }
        guard !languages.isEmpty else { throw UsageError("--language: \(base.model.name) hears one language only") }
        guard let language = LanguageCodes.match(name, among: languages) else {
            throw UsageError(
                "--language: \(base.model.name) has no adapter for \(singleQuoted(name))"
                    + suggestion(for: name, among: languages))
        }
        if language == base.model.language { return alone }
        // Inside the lock, so that two requests don't load it twice.
        return try adapted.withLock { all in
            let loaded: LoadedModel
            if let index = all.firstIndex(where: { $0.language == language }) {
                loaded = all.remove(at: index).loaded
            } else {
                let model = try base.model.adapted(to: language)
                loaded = LoadedModel(
                    model: model, decoder: try options.decoder.decoder(for: model), transcriber: nil)
            }
            all.append((language, loaded))
            if all.count > Self.languageLimit { all.removeFirst() }
            return loaded
        }
    }
}
