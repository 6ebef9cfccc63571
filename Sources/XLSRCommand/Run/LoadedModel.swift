import Backends
import Synchronization
import TensorEngine
import XLSR

/// A model as options ask for it, with what makes text of its scores.
struct LoadedModel: Sendable {
    let model: XLSRModel
    let decoder: CTCDecoder
    /// Where each input's language is found out first.
    let transcriber: MultilingualTranscriber?
    /// What loading took.
    private(set) var seconds = 0.0

    /// One that is loaded already.
    init(model: XLSRModel, decoder: CTCDecoder, transcriber: MultilingualTranscriber?) {
        (self.model, self.decoder, self.transcriber) = (model, decoder, transcriber)
    }

    /// - Parameter sharesBatches: whether runs at the same time do.
    /// - Throws: `UsageError` and errors of the model and the device.
    init(_ options: RunOptions, _ plan: RunPlan, sharesBatches: Bool = false) throws {
        let clock = ContinuousClock()
        let start = clock.now
        ProgressBar.show("loading \(options.model.name)")
        defer { ProgressBar.clear() }
        let backends = try BackendRegistry.open(options.devices, options: options.backendOptions)
        Signals.install()
        var model = try XLSRModel(
            options.model.files, name: options.model.name, on: backends, precision: options.precision,
            language: options.languages.language)
        let lost = LostDevices()
        model.deviceFailed = { device, error in
            if lost.isNew(device) { Terminal.error("device \(device) is lost, the others do its work: \(error)") }
        }
        if options.normalization == .fairseq {
            model.featureExtractor.normalizationEpsilon = FeatureExtractorSettings.fairseqEpsilon
        }
        if sharesBatches { model = model.sharingBatches(ofSeconds: options.batchSeconds) }
        self.model = model
        transcriber = try options.languages.identifier.map { [model] source in
            ProgressBar.show("loading \(source.name)")
            var identifier = try XLSRModel(
                source.files, name: source.name, on: model.backend, precision: options.precision)
            if sharesBatches { identifier = identifier.sharingBatches(ofSeconds: options.batchSeconds) }
            return try MultilingualTranscriber(model, identifier: identifier)
        }
        switch plan.product {
        case .transcript, .alignment: try model.requireTranscription()
        case .translation: _ = try model.generationSettings(to: options.language)
        case .head: try model.requireHead()
        case .tensors: break
        }
        decoder = plan.writesText ? try options.decoder.decoder(for: model) : .bestPath
        if options.verbosity > .quiet, let warning = decoder.warning { Terminal.note("xlsr: warning: \(warning)") }
        // The model's own threads may have been the last ones.
        try Program.requireThreads()
        seconds = start.duration(to: clock.now).seconds
    }
}

/// Devices that were reported already.
private final class LostDevices: Sendable {
    private let devices = Mutex<Set<Device>>([])

    func isNew(_ device: Device) -> Bool { devices.withLock { $0.insert(device).inserted } }
}
