import Backends
import TensorEngine

extension XLSRModel {
    /// Loads a model onto several devices, which share the work of every call that computes more than one batch: a
    /// queue of batches, from which each device takes the next when it is done with one.
    ///
    /// Results come in their order, whichever device computed them; devices of different kinds differ in the last
    /// digits. One that fails in the middle takes no further part in that call, and another one computes its batch; see
    /// `deviceFailed`. The checkpoint is mapped once; each device has the weights.
    /// - Parameter options: the threads are shared among CPU devices.
    /// - Throws: as `load(_:device:precision:options:language:)`; `UsageError` for no device, for one that is named
    ///   twice, and for `auto` beside others.
    public static func load(
        _ path: String, devices: [Device], precision: Precision = .float32, options: BackendOptions = BackendOptions(),
        language: String? = nil
    ) throws -> XLSRModel {
        try Self.check(devices)
        return try load(
            path, on: BackendRegistry.open(devices, options: options.with(precision)), precision: precision,
            language: language)
    }

    /// Loads a model onto backends that are open already.
    public static func load(
        _ path: String, on backends: [any Backend], precision: Precision = .float32, language: String? = nil
    ) throws -> XLSRModel {
        try XLSRModel(ModelLocation.files(path), name: path, on: backends, precision: precision, language: language)
    }

    /// Throws unless each of several devices is there once and by name.
    package static func check(_ devices: [Device]) throws {
        guard devices.count < 2 || !devices.contains(.auto) else {
            throw UsageError("auto is one device, the fastest; name the devices that are to share the work")
        }
        for (index, device) in devices.enumerated() where devices[..<index].contains(device) {
            throw UsageError(
                "\(device) is there twice; a device computes with all it has, so a second copy of the weights would"
                    + " only take its memory")
        }
    }

    package init(
        _ files: CheckpointFiles, name: String, on backends: [any Backend], precision: Precision = .float32,
        language: String? = nil
    ) throws {
        let checkpoint = try CheckpointTensors(files)
        let models = try backends.concurrentResults {
            try XLSRModel(files, checkpoint, name: name, on: $0, precision: precision, language: language)
        }.map { try $0.get() }
        guard var model = models.first else { throw UsageError("a model needs a device") }
        model.replicas = Array(models.dropFirst())
        self = model
    }

    /// The devices that share its work; mostly one.
    public var devices: [Device] { models.map(\.backend.device) }

    /// On each of its devices.
    package var models: [XLSRModel] { [self] + replicas }

    /// On the first of its devices only.
    var alone: XLSRModel {
        var model = self
        model.replicas = []
        model.sharedWorkers = nil
        return model
    }
}

// MARK: - Callers that share batches

extension XLSRModel {
    /// The same model for callers on many threads, such as a server's: what they ask for at the same time is computed
    /// together, and a short utterance doesn't wait for all of a long one.
    ///
    /// ```swift
    /// let model = try XLSRModel.load(path).sharingBatches()
    /// let transcript = try await model.perform { try $0.transcribe(samples, sampleRate: 16_000) }
    /// ```
    /// Each gets what it would get alone: a batch has no padding, and what is wrong with one utterance fails it alone.
    /// Copies of this model, and those adapted to other languages, share with it. `features(of:)` and `outputs(of:)`
    /// compute by themselves.
    /// - Parameter seconds: audio that is computed at a time; more is faster and takes more memory.
    public func sharingBatches(ofSeconds seconds: Double = 30) -> XLSRModel {
        var model = self
        model.sharedWorkers = BatchWorkers(models.map(\.backend), batchSeconds: seconds)
        return model
    }
}
