import CPUBackends
import TensorEngine
import XLSR

/// What a whole forward pass took on one device.
struct ModelReport: Codable {
    let model: String
    let device: String
    let precision: String
    let batchSize: Int
    /// Of each clip.
    let audioSeconds: Double
    /// Reading or making weights and preparing them.
    let loadSeconds: Double
    /// nil when the results were wrong.
    var timing: Timing?
    /// Float operations of the pass.
    let operationCount: Double
    var operationsPerSecond: Double?
    var shareOfPeak: Double?
    /// Seconds of computing for a second of audio.
    var realTimeFactor: Double?
    /// Of the process, loading included.
    var peakMemoryByteCount: Int?
    /// Of the device's pool, weights included, after loading.
    var peakPoolByteCount: Int
    /// Of a translation model's search.
    var decoder: DecoderReport?
    var failure: String?

    var title: String { "\(model), \(batchSize) × \(Table.plain(audioSeconds)) s" }
}

/// Times whole models, checked first.
struct ModelBenchmark {
    private let options: BenchmarkOptions
    private let peak: MachinePeak?
    private let table = Table(widths: [10, 6, 8, 12, 6, 7, 7, 7, 6, 6])

    init(_ options: BenchmarkOptions, peak: MachinePeak?) {
        self.options = options
        self.peak = peak
    }

    func run(on backends: [any Backend]) throws -> [ModelReport] {
        var reports: [ModelReport] = []
        for source in options.modelSources {
            var expected: [[Float]]?
            for (index, backend) in backends.enumerated() {
                PeakMemory.reset()
                let report = try report(source, on: backend, expected: &expected)
                if index == 0 { printHeading(report) }
                Console.output(row(report))
                if let decoder = report.decoder { Console.output("  decoder: \(decoder.description)") }
                reports.append(report)
                backend.pool.trim()
            }
        }
        Console.output(
            "\nRTF: seconds of computing a second of audio; GB: peak of the process; pool: the device's part of it")
        return reports
    }

    /// Where the time goes, for each model and device.
    func profile(on backends: [any Backend]) throws -> [ProfileReport] {
        try options.modelSources.flatMap { source in
            try backends.map { backend in
                let report = try ModelProfile(options, peak: peak).report(source, on: backend)
                report.output()
                backend.pool.trim()
                return report
            }
        }
    }

    private func report(
        _ source: ModelSource, on backend: any Backend, expected: inout [[Float]]?
    ) throws -> ModelReport {
        var loaded: XLSRModel?
        let loadSeconds = try Timing.seconds { loaded = try source.load(on: backend, precision: options.precision) }
        guard let model = loaded else { throw UsageError("no model") }
        let clips = options.clips(sampleRate: model.featureExtractor.sampleRate)
        let operationCount =
            Double(clips.count) * model.configuration.floatingPointOperationCount(samples: clips[0].samples.count)
        let failure = try ModelCheck(model).failure(expected: &expected)
        var report = ModelReport(
            model: model.name, device: "\(backend.device)", precision: "\(model.precision.weights)",
            batchSize: clips.count,
            audioSeconds: options.seconds, loadSeconds: loadSeconds, operationCount: operationCount,
            peakPoolByteCount: 0, failure: failure)
        if failure == nil {
            let timing = try Timing(runCount: options.runCount, warmUpSeconds: 0.1) {
                _ = try model.outputs(of: clips)
                try backend.synchronize()
            }
            report.timing = timing
            report.operationsPerSecond = operationCount / timing.median
            report.shareOfPeak = peak.map {
                operationCount / timing.median / $0.operationsPerSecond(forWeights: model.precision.weights)
            }
            report.realTimeFactor = timing.median / (options.seconds * Double(clips.count))
        }
        let decoder = failure == nil ? try DecoderBenchmark(model, clips[0]) : nil
        // Before memory's reads, which want half a gigabyte.
        report.peakMemoryByteCount = PeakMemory.byteCount
        report.peakPoolByteCount = backend.pool.statistics.peakByteCount
        report.decoder = try decoder?.report(runCount: options.runCount)
        return report
    }

    private func printHeading(_ report: ModelReport) {
        let gigaOperations = Table.number(report.operationCount / 1e9)
        Console.output("\n\(report.title), \(report.precision): \(gigaOperations) GFLOP a pass")
        Console.output(
            table.row(
                ["", "load s", "median s", "min–max s", "RTF", "×real", "GFLOP/s", "of peak", "GB", "pool"]))
    }

    private func row(_ report: ModelReport) -> String {
        guard let timing = report.timing else { return "  \(report.device): wrong: \(report.failure ?? "")" }
        return table.row([
            "  " + report.device, Table.number(report.loadSeconds), Table.number(timing.median),
            "\(Table.number(timing.minimum))–\(Table.number(timing.maximum))",
            Table.number(report.realTimeFactor ?? 0), Table.number(1 / (report.realTimeFactor ?? 1)),
            Table.number((report.operationsPerSecond ?? 0) / 1e9), Table.percent(report.shareOfPeak),
            report.peakMemoryByteCount.map { Table.number(Double($0) / 1e9) } ?? "–",
            Table.number(Double(report.peakPoolByteCount) / 1e9),
        ])
    }
}
