import CPUBackends
import TensorEngine
import XLSR

/// Where the time of one forward pass went.
struct ProfileReport: Codable {
    struct Block: Codable {
        let name: String
        /// Operations of this kind in the pass.
        let count: Int
        let seconds: Double
        let shareOfTotal: Double
        /// Float operations of products; 0 where there are none.
        let operationCount: Double
        /// Of operands and results.
        let byteCount: Double
        /// Of the measured arithmetic peak; nil without products.
        let shareOfPeak: Double?
    }

    let model: String
    let device: String
    let batchSize: Int
    let audioSeconds: Double
    /// Of the pass, the time between operations included.
    let seconds: Double
    let blocks: [Block]

    func output() {
        let table = Table(widths: [26, 6, 9, 9, 9, 8, 8])
        Console.output("\nprofile of \(model), \(batchSize) × \(Table.plain(audioSeconds)) s, \(device)")
        Console.output(table.row(["", "calls", "ms", "of total", "GFLOP/s", "of peak", "GB/s"]))
        for block in blocks {
            let hasProducts = block.operationCount > 0
            Console.output(
                table.row([
                    "  " + block.name, block.count == 0 ? "" : "\(block.count)", Table.number(block.seconds * 1e3),
                    Table.percent(block.shareOfTotal),
                    hasProducts ? Table.number(block.operationCount / block.seconds / 1e9) : "–",
                    Table.percent(block.shareOfPeak),
                    block.byteCount > 0 ? Table.number(block.byteCount / block.seconds / 1e9) : "–",
                ]))
        }
    }
}

/// Times a model's operations one by one.
struct ModelProfile {
    private let options: BenchmarkOptions
    private let peak: MachinePeak?

    init(_ options: BenchmarkOptions, peak: MachinePeak?) {
        self.options = options
        self.peak = peak
    }

    /// The profile of the pass of median length.
    func report(_ source: ModelSource, on base: any Backend) throws -> ProfileReport {
        let backend = ProfilingBackend(base)
        let model = try source.load(on: backend, precision: options.precision)
        let clips = options.clips(sampleRate: model.featureExtractor.sampleRate)
        var passes: [(seconds: Double, events: [OperationEvent])] = []
        base.counters.reset()
        for _ in 0..<options.runCount + 1 {
            _ = backend.takeEvents()
            let seconds = try Timing.seconds {
                _ = try model.outputs(of: clips)
                try base.synchronize()
            }
            passes.append((seconds, backend.takeEvents()))
        }
        if base.counters[.defaultBodies] > 0 {
            Console.note("\(base.device) ran fused operations as their default bodies, so this profile is of those")
        }
        // The first warms up.
        let sorted = passes.dropFirst().sorted { $0.seconds < $1.seconds }
        let pass = sorted[sorted.count / 2]
        return ProfileReport(
            model: model.name, device: "\(base.device)", batchSize: clips.count, audioSeconds: options.seconds,
            seconds: pass.seconds, blocks: blocks(pass.events, total: pass.seconds))
    }

    /// In the order of the pass, then what is between the operations, then all.
    private func blocks(_ events: [OperationEvent], total: Double) -> [ProfileReport.Block] {
        var order: [ModelBlock] = []
        var groups: [ModelBlock: [OperationEvent]] = [:]
        for event in events {
            if groups[event.block] == nil { order.append(event.block) }
            groups[event.block, default: []].append(event)
        }
        let rest = total - events.reduce(0) { $0 + $1.seconds }
        return order.map { block($0.title, groups[$0] ?? [], total: total) }
            + [block("between operations", [], seconds: rest, total: total)]
            + [block("total", events, seconds: total, total: total)]
    }

    private func block(
        _ name: String, _ events: [OperationEvent], seconds: Double? = nil, total: Double
    ) -> ProfileReport.Block {
        let seconds = seconds ?? events.reduce(0) { $0 + $1.seconds }
        let operationCount = events.reduce(0) { $0 + $1.operationCount }
        return ProfileReport.Block(
            name: name, count: events.count, seconds: seconds, shareOfTotal: seconds / total,
            operationCount: operationCount, byteCount: events.reduce(0) { $0 + $1.byteCount },
            shareOfPeak: operationCount > 0
                ? peak.map { operationCount / seconds / $0.operationsPerSecond(forWeights: options.precision.weights) }
                : nil)
    }
}
