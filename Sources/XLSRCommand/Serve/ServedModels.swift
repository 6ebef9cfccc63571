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
        guard let language = options.language, language != base.model.language, plan.writesText || options.texts != nil
        else { return base }
        guard languages.contains(language) else {
            throw UsageError(
                languages.isEmpty
                    ? "--language: \(base.model.name) hears one language only"
                    : "--language: \(base.model.name) has no adapter for \(singleQuoted(language))"
                        + suggestion(for: language, among: languages))
        }
        // Inside the lock, so that two requests don't load it twice.
        return try adapted.withLock { all in
            let loaded: LoadedModel
            if let index = all.firstIndex(where: { $0.language == language }) {
                loaded = all.remove(at: index).loaded
            } else {
                let model = try base.model.adapted(to: language)
                loaded = LoadedModel(
                    model: model, decoder: try options.decoder.decoder(for: model), transcriber: base.transcriber)
            }
            all.append((language, loaded))
            if all.count > Self.languageLimit { all.removeFirst() }
            return loaded
        }
    }
}
