/// One engine at one precision, and what it took.
package struct PeerReport: Codable {
    /// onnxruntime-int8, xlsr-simd-f32
    let engine: String
    /// ONNX Runtime 1.32.0
    let name: String
    let precision: String
    let isOurs: Bool
    /// Of the passes of each round.
    var rounds: [Timing] = []
    /// Of the medians of the rounds; nil when it didn't run or was wrong.
    var timing: Timing?
    /// Of its scores from the reference's, by the largest of those.
    var relativeError: Double?
    var peakMemoryByteCount: Int?
    /// Of ours: what its weights take of the device's pool.
    var weightByteCount: Int?
    /// Of each round, of ours where a search is timed.
    var decoders: [DecoderReport] = []
    /// Its median by that of the fastest peer of the same precision.
    package var ratioToFastestPeer: Double?
    /// The median of our first device at the same precision by its own.
    package var ratioOfOurs: Double?
    /// Why it didn't run.
    var failure: String?

    package init(engine: String, name: String, precision: String, isOurs: Bool) {
        self.engine = engine
        self.name = name
        self.precision = precision
        self.isOurs = isOurs
    }

    /// Takes one round's times.
    package mutating func add(_ round: Timing) {
        rounds.append(round)
        timing = Timing(seconds: rounds.map(\.median))
    }

    package mutating func fail(_ reason: String) {
        failure = reason
        timing = nil
    }
}

/// Ours and others on one checkpoint and the same audio.
package struct PeerComparison: Codable {
    static let precisions = ["f32", "bf16", "f16", "int8"]

    let model: String
    let batchSize: Int
    /// Of each clip.
    let audioSeconds: Double
    let threadCount: Int
    /// Whose scores the others are compared with.
    let reference: String
    package var engines: [PeerReport]
    /// Float operations of a pass.
    let operationCount: Double?
    /// Of a translation's search, when that is timed and not a pass.
    let tokenCount: Int?

    package init(
        model: String, batchSize: Int, audioSeconds: Double, threadCount: Int, reference: String, engines: [PeerReport],
        operationCount: Double? = nil, tokenCount: Int? = nil
    ) {
        self.model = model
        self.batchSize = batchSize
        self.audioSeconds = audioSeconds
        self.threadCount = threadCount
        self.reference = reference
        self.engines = engines
        self.operationCount = operationCount
        self.tokenCount = tokenCount
    }

    /// Fills in the ratios.
    package mutating func compare() {
        for precision in Set(engines.map(\.precision)) {
            let those = engines.filter { $0.precision == precision }
            let fastest = those.filter { !$0.isOurs }.compactMap(\.timing?.median).min()
            let ours = those.first(where: \.isOurs)?.timing?.median
            for index in engines.indices where engines[index].precision == precision {
                guard let median = engines[index].timing?.median else { continue }
                engines[index].ratioToFastestPeer = fastest.map { median / $0 }
                engines[index].ratioOfOurs = ours.map { $0 / median }
            }
        }
    }

    private var title: String {
        let work = tokenCount.map { "a search of \($0) tokens" } ?? "\(batchSize) × \(Table.plain(audioSeconds)) s"
        return "\(model), \(work), \(threadCount) threads"
    }

    private var rateName: String { tokenCount == nil ? "×real" : "tok/s" }

    private var ours: String { engines.first(where: \.isOurs)?.name ?? "ours" }

    /// The table, ready to print.
    package var lines: [String] {
        let table = Table(widths: [22, 8, 12, 6, 8, 10, 8, 6])
        var lines = ["", title]
        lines.append(table.row(["", "median s", "min–max s", rateName, "ours/it", "it/fastest", "error", "GB"]))
        for precision in Self.precisions where engines.contains(where: { $0.precision == precision }) {
            lines.append(precision)
            lines += engines.filter { $0.precision == precision }.map { row($0, table) }
        }
        let rounds = engines.map(\.rounds.count).max() ?? 0
        for engine in engines {
            lines += engine.decoders.map { "\(engine.name) \(engine.precision): \($0.reading)" }
        }
        return lines + [
            "",
            "median, lowest and highest of the medians of \(rounds) round\(rounds == 1 ? "" : "s"), in which the engines take turns;",
            "\(rateName): \(tokenCount == nil ? "seconds of audio" : "tokens of each beam") in a second; ours: \(ours); fastest: of the peers of that precision;",
            "error: largest difference from the scores of \(reference), by the largest of those;",
            "GB: peak of the process, or of a GPU's own memory, loading included",
        ]
    }

    private func row(_ engine: PeerReport, _ table: Table) -> String {
        guard let timing = engine.timing else {
            let reason = BarChart.lines(engine.failure ?? "not run", width: 74)
            return "  \(Table.padded(engine.name, 20))  "
                + reason.joined(separator: "\n" + String(repeating: " ", count: 24))
        }
        return table.row([
            "  " + engine.name, Table.number(timing.median),
            "\(Table.number(timing.minimum))–\(Table.number(timing.maximum))",
            Table.number((tokenCount.map(Double.init) ?? audioSeconds * Double(batchSize)) / timing.median),
            engine.ratioOfOurs.map(Table.number) ?? "–", engine.ratioToFastestPeer.map(Table.number) ?? "–",
            engine.relativeError.map(Self.scientific) ?? "–",
            engine.peakMemoryByteCount.map { Table.number(Double($0) / 1e9) } ?? "–",
        ])
    }

    /// One digit and a power of ten: 2e-6.
    static func scientific(_ value: Double) -> String {
        guard value > 0, value.isFinite else { return "0" }
        var (digit, exponent) = (value, 0)
        while digit < 0.95 { (digit, exponent) = (digit * 10, exponent - 1) }
        while digit >= 9.5 { (digit, exponent) = (digit / 10, exponent + 1) }
        let tenths = Int((digit * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)e\(exponent)"
    }

    var panel: BarChart.Panel {
        var groups: [BarChart.Group] = []
        for engine in engines {
            let bar = engine.timing.map { BarChart.Bar(value: $0.median, low: $0.minimum, high: $0.maximum) }
            if !groups.contains(where: { $0.label == engine.name }) {
                groups.append(BarChart.Group(label: engine.name, bars: [:]))
            }
            if let index = groups.firstIndex(where: { $0.label == engine.name }) {
                groups[index].bars[engine.precision] = bar
            }
        }
        return BarChart.Panel(
            title: title + ": median seconds, line from fastest to slowest round", groups: groups)
    }
}
