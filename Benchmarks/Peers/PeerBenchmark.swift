import FoundationEssentials
import TensorEngine
import XLSR

/// Runs other engines in turn with ours, at all precisions.
struct PeerBenchmark {
    private let options: BenchmarkOptions
    private let script: PeerScript
    private let threadCount: Int
    /// More than the rounding of float32 can do.
    private static let tolerance: Float = 1e-3

    init(_ options: BenchmarkOptions) throws {
        self.options = options
        script = try PeerScript(options.peers)
        threadCount = options.threadCount ?? Machine().coreCount
    }

    func run(on backends: [any Backend]) throws -> [PeerComparison] {
        let engines = try script.engines()
        let folder = try TemporaryFolder()
        return try options.modelSources.map { source in
            let model = try path(of: source)
            let translates = try XLSRModel.configuration(ModelLocation.files(model)).translates
            let able = engines.filter { !translates || $0.translates }
            let wanted = able.filter { options.peers.wants($0.engine, precision: $0.precision) }
            guard !wanted.isEmpty else {
                let names = able.map(\.engine).joined(separator: ", ")
                throw UsageError("--peers: no such engine at that precision; there are \(names)")
            }
            let contest = try PeerContest(
                model: model, translates: translates, clips: clips(model), folder: folder, script: script,
                threadCount: threadCount, passes: options.runCount)
            var comparison = try compare(contest, peers: wanted, all: able, ours: ours(on: backends))
            comparison.compare()
            comparison.lines.forEach(Console.output)
            return comparison
        }
    }

    /// The others read files, so random weights must be in one.
    private func path(of source: ModelSource) throws -> String {
        switch source {
        case .checkpoint(let path): return try ModelLocation.files(path).path
        case .random(let shape):
            do {
                return try script.checkpoint(shape)
            } catch let error as PeerError {
                throw PeerError("making a checkpoint of shape \(shape.rawValue) failed: \(error); or use --model DIR")
            }
        }
    }

    /// What a pass computes, as the model reads it.
    private func clips(_ model: String) throws -> (clips: [AudioClip], inputValues: [Float]) {
        let files = try ModelLocation.files(model)
        let configuration = try XLSRModel.configuration(files)
        guard configuration.hasCTCHead || configuration.translates else {
            throw CheckpointError(
                .configuration, path: model, "has no CTC head and no text decoder, so there are no scores to compare")
        }
        guard options.batchSize == 1 || !configuration.translates else {
            throw UsageError("--batch: a translation model's search is timed for one clip")
        }
        let settings = try FeatureExtractorSettings(files)
        let clips = options.clips(sampleRate: settings.sampleRate)
        return (clips, try clips.flatMap { try settings.inputValues(of: $0.samples) })
    }

    /// One of our devices at one precision.
    private struct Entry {
        let backend: any Backend
        let precision: Precision

        var report: PeerReport {
            PeerReport(
                engine: "xlsr-\(backend.device)-\(precision.weights)", name: "xlsr \(backend.device)",
                precision: "\(precision.weights)", isOurs: true)
        }
    }

    private func ours(on backends: [any Backend]) throws -> [Entry] {
        let entries = backends.flatMap { backend in
            options.peers.precisions(on: backend.device).map {
                Entry(backend: backend, precision: Precision(weights: $0))
            }
        }
        guard !entries.isEmpty else { throw UsageError("--peers: openblas multiplies f32 alone; add --device simd") }
        return entries
    }

    private func compare(
        _ contest: PeerContest, peers: [PeerScript.Engine], all: [PeerScript.Engine], ours: [Entry]
    ) throws -> PeerComparison {
        var reports = ours.map(\.report)
        reports += peers.map { peer in
            var report = PeerReport(
                engine: peer.engine, name: [peer.name, peer.version].compactMap(\.self).joined(separator: " "),
                precision: peer.precision, isOurs: false)
            if let missing = peer.missing {
                report.failure = "missing: \(script.python) -m pip install \(missing.joined(separator: " "))"
            }
            return report
        }
        for (index, peer) in peers.enumerated() where peer.missing == nil {
            do {
                Console.note("\(peer.engine): preparing")
                try script.prepare(peer, model: contest.model)
            } catch let error as PeerError {
                reports[ours.count + index].fail("\(error)")
            }
        }
        let (reference, expected) = try reference(contest, engines: all, backend: ours[0].backend)
        for round in 1...options.peers.roundCount {
            for index in reports.indices where reports[index].failure == nil {
                let turn = Result {
                    index < ours.count
                        ? try contest.run(ours[index].backend, ours[index].precision)
                        : try contest.run(peers[index - ours.count])
                }
                try add(turn, to: &reports[index], expected: expected)
                let outcome = reports[index].failure ?? "\(Table.number(reports[index].rounds.last?.median ?? 0)) s"
                Console.note("round \(round) of \(options.peers.roundCount), \(reports[index].engine): \(outcome)")
            }
        }
        return PeerComparison(
            model: contest.model, batchSize: options.batchSize, audioSeconds: options.seconds,
            threadCount: threadCount, reference: reference, engines: reports,
            operationCount: contest.translates
                ? nil
                : try XLSRModel.configuration(ModelLocation.files(contest.model))
                    .floatingPointOperationCount(samples: contest.sampleCount) * Double(options.batchSize),
            tokenCount: contest.translates ? DecoderBenchmark.tokenCount : nil)
    }

    /// Keeps a turn's times if its scores are right: float32 must agree, the others must be numbers.
    private func add(_ turn: Result<PeerContest.Turn, any Error>, to report: inout PeerReport, expected: [Float]) throws
    {
        do {
            let turn = try turn.get()
            let error = ModelCheck.relativeDifference(turn.scores, expected)
            report.peakMemoryByteCount = max(report.peakMemoryByteCount ?? 0, turn.peakMemoryByteCount ?? 0)
            report.weightByteCount = turn.weightByteCount
            guard error.isFinite else { return report.fail("wrong: other sizes, or numbers that are not finite") }
            report.relativeError = Double(error)
            if let decoder = turn.decoder { report.decoders.append(decoder) }
            guard report.precision != "f32" || error <= Self.tolerance else {
                return report.fail("wrong: differs by \(PeerComparison.scientific(Double(error))) of the largest score")
            }
            report.add(Timing(seconds: turn.seconds))
        } catch let error as PeerError {
            report.fail("\(error)")
        }
    }

    /// The scores that all others are compared with: PyTorch's in float32, or else ours.
    private func reference(
        _ contest: PeerContest, engines: [PeerScript.Engine], backend: any Backend
    ) throws -> (name: String, scores: [Float]) {
        if let engine = engines.first(where: { $0.engine == "pytorch-f32" && $0.missing == nil }) {
            do {
                return ("\(engine.name) \(engine.precision)", try contest.run(engine, passes: 0).scores)
            } catch let error as PeerError {
                Console.note("no reference by \(engine.name), so ours is compared with: \(error)")
            }
        }
        return ("xlsr \(backend.device) f32", try contest.run(backend, .float32, passes: 0).scores)
    }
}
