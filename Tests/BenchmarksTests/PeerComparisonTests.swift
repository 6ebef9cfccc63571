import Benchmarks
import Testing

struct PeerComparisonTests {
    private static func comparison() -> PeerComparison {
        func report(_ name: String, _ precision: String, isOurs: Bool = false, _ seconds: [Double]) -> PeerReport {
            var report = PeerReport(engine: name, name: name, precision: precision, isOurs: isOurs)
            for second in seconds { report.add(Timing(seconds: [second])) }
            return report
        }
        var broken = report("broken", "f32", [0.1])
        broken.fail("missing: python3 -m pip install " + String(repeating: "package ", count: 20))
        return PeerComparison(
            model: "model", batchSize: 1, audioSeconds: 10, threadCount: 2, reference: "first f32",
            engines: [
                report("simd", "f32", isOurs: true, [3, 1, 2]), report("first", "f32", [4, 4, 9]),
                report("second", "f32", [5, 8, 8]), broken, report("first", "int8", [1, 1, 1]),
            ])
    }

    @Test func ratiosAreOfMediansAtTheSamePrecisionAndLeaveOutWhatFailed() {
        var comparison = Self.comparison()
        comparison.compare()
        #expect(comparison.engines.map(\.ratioToFastestPeer) == [0.5, 1, 2, nil, 1])
        #expect(comparison.engines.map(\.ratioOfOurs) == [1, 0.5, 0.25, nil, nil])
    }

    @Test func oneTableHoldsAllPrecisionsInTheirOrder() {
        var comparison = Self.comparison()
        var ours = PeerReport(engine: "xlsr-simd-int8", name: "simd", precision: "int8", isOurs: true)
        ours.add(Timing(seconds: [0.25]))
        comparison.engines.append(ours)
        comparison.compare()
        #expect(comparison.engines.map(\.ratioOfOurs) == [1, 0.5, 0.25, nil, 0.25, 1])
        #expect(comparison.engines.last?.ratioToFastestPeer == 0.25)
        let headings = comparison.lines.filter { ["f32", "bf16", "f16", "int8"].contains($0) }
        #expect(headings == ["f32", "int8"])
        let lines = comparison.lines
        #expect(lines.lastIndex { $0.hasPrefix("  simd") } ?? 0 > lines.firstIndex(of: "int8") ?? .max)
    }

    @Test func aSearchIsTimedByTokens() {
        var search = PeerReport(engine: "xlsr-simd-f32", name: "simd", precision: "f32", isOurs: true)
        search.add(Timing(seconds: [2]))
        let lines = PeerComparison(
            model: "model", batchSize: 1, audioSeconds: 10, threadCount: 2, reference: "first f32", engines: [search],
            tokenCount: 64
        ).lines
        #expect(lines.contains("model, a search of 64 tokens, 2 threads"))
        #expect(lines.contains { $0.contains("simd") && $0.contains("32.0") })
        #expect(!lines.contains { $0.contains("×real") })
    }

    @Test func theTableNamesEveryEngineAndFitsTheTerminal() {
        let lines = Self.comparison().lines.flatMap { $0.split(separator: "\n") }
        #expect(lines.allSatisfy { $0.count <= 100 })
        #expect(lines.contains { $0.contains("broken") && $0.contains("pip install") })
        #expect(lines.filter { $0.contains("first ") }.count >= 2)
    }
}
