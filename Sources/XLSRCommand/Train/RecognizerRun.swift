import Backends
import Synchronization
import XLSR

extension TrainOptions {
    /// Learns what is said.
    func trainRecognizer(_ arguments: Arguments) throws -> Bool {
        let files = try TranscribedFiles(path: data)
        let validation = try validation.map { try TranscribedFiles(path: $0) }
        let devices = try arguments.devices()
        guard devices.count == 1 else { throw UsageError("--device: --task transcribe learns on one device") }
        let verbosity = try arguments.verbosity()
        let source = try arguments.modelSource()
        var options = RecognizerTraining.Options()
        options.epochCount = try arguments.integer(.epochs, in: 1...100_000) ?? options.epochCount
        options.part = try arguments.choice(.trainedPart, RecognizerTraining.Part.self) ?? options.part
        options.learningRate = try arguments.number(.learningRate, in: 1e-8...1)
        options.width = try arguments.integer(.adapterWidth, in: 1...65_536) ?? options.width
        options.heldOutShare = try arguments.number(.heldOut, in: 0...0.9) ?? options.heldOutShare
        options.batchSeconds = try arguments.number(.batchSeconds, in: 0.1...86_400)
        options.normalization = .init(
            lowercases: arguments.has(.lowercase), removesPunctuation: arguments.has(.removePunctuation))
        let saveSeconds = 60 * (try arguments.number(.saveMinutes, in: 0...1e6) ?? 10)
        let clock = ContinuousClock()
        let start = clock.now
        ProgressBar.show("loading \(source.name)")
        let backend = try BackendRegistry.open(devices[0], options: arguments.backendOptions())
        Signals.install()
        let training = try RecognizerTraining(
            source.files, name: source.name, on: backend, precision: arguments.precision(),
            language: arguments[.language], options: options)
        if verbosity == .verbose {
            RunReport.print(training.model, nil, loadSeconds: start.duration(to: clock.now).seconds)
        }

        var failureCount = 0
        let epochCount = options.epochCount
        // The epoch that OUT has, and when it was written, or would have been.
        var (writtenEpoch, savedTime): (Int?, ContinuousClock.Instant) = (nil, clock.now)
        func write(_ trained: TrainedRecognizer) throws {
            guard trained.bestEpoch != writtenEpoch else { return }
            try training.write(trained, to: folder, replaces: writtenEpoch != nil) {
                ProgressBar.show("writing", $0, of: $1)
            }
            writtenEpoch = trained.bestEpoch
        }
        var isTrained = false
        defer {
            if !isTrained, let writtenEpoch, verbosity > .quiet {
                Terminal.note("\(folder) has epoch \(writtenEpoch), the best so far")
            }
        }
        let trained = try training.trained(on: files, validation: validation) { event in
            switch event {
            case .read(let done, let total):
                ProgressBar.show("files read", done, of: total)
                // Before that there is nothing to keep.
                if done == total { Signals.interruptEndsInput() }
            case .failed(let path, let error):
                failureCount += 1
                Self.tell(error, of: path)
            case .step(let share, let loss):
                let epoch = min(epochCount, Int(share * Double(epochCount)) + 1)
                ProgressBar.show("epoch \(epoch) of \(epochCount), loss \(decimal(loss, 3))", fraction: share)
            case .epoch(let epoch):
                if verbosity > .quiet { Terminal.note("epoch \(epoch.number) of \(epochCount): \(epoch.text)") }
            case .best(let best):
                guard savedTime.duration(to: clock.now).seconds >= saveSeconds else { break }
                // What can't be written now may be later: hours of learning aren't given up for it.
                do { try write(best) } catch { Terminal.error("\(error)") }
                savedTime = clock.now
            }
        } shouldStop: {
            Signals.isInterrupted.load(ordering: .relaxed)
        }
        isTrained = true
        Signals.install()
        if verbosity == .verbose {
            Terminal.note("compute: \(decimal(start.duration(to: clock.now).seconds, 3)) s with loading")
            RunReport.printMemory([backend])
        }
        try write(trained)
        let report = RecognizerReport(
            model: source.name, folder: folder, trained: trained, failureCount: failureCount)
        try Terminal.printResult(arguments.has(.json) ? jsonDocument(report) : report.text)
        return failureCount == 0
    }
}
