import Backends
import CPUBackends
import TensorEngine
import XLSR

/// The command line from arguments to exit status: 0 done, 1 something failed, 2 wrong usage.
enum BenchmarkCommand {
    static func run(_ arguments: [String]) -> Int32 {
        let options: BenchmarkOptions
        do {
            options = try BenchmarkOptions(arguments)
        } catch {
            Console.note("error: \(error); see --help")
            return 2
        }
        if options.wantsHelp {
            Console.output(BenchmarkOptions.help)
            return 0
        }
        do {
            #if DEBUG
                try ReleaseBuild.replaceProcess(arguments: arguments)
            #endif
            return try run(options) ? 0 : 1
        } catch {
            Console.note("error: \(error)")
            return 1
        }
    }

    /// True when every result was right.
    private static func run(_ options: BenchmarkOptions) throws -> Bool {
        // Before minutes of work, not after: can these be written?
        for path in [options.jsonPath, options.chartPath].compactMap(\.self) { _ = try AtomicFile(path: path) }
        let backends = try BenchmarkDevices.open(options)
        var report = BenchmarkReport(machine: Machine(), devices: backends.map(DeviceReport.init), peak: nil)
        Console.output(report.machine.description)
        for backend in backends { Console.output("  \(Table.padded("\(backend.device)", 10)) \(backend.summary)") }
        if let backend = backends.lazy.compactMap({ $0 as? CPUBackend }).first {
            let peak = try backend.measurePeak(seconds: options.peakSeconds)
            backend.pool.trim()
            report.peak = peak
            Console.output("  \(Table.padded("peak", 10)) \(description(of: peak, threadCount: backend.threadCount))")
        }
        if options.command != .model {
            report.operations = try OperationBenchmark(options, peak: report.peak).run(on: backends)
        }
        if options.peers.areWanted {
            report.peers = try PeerBenchmark(options).run(on: backends)
        } else if options.command != .operations {
            let benchmark = ModelBenchmark(options, peak: report.peak)
            report.models = try benchmark.run(on: backends)
            if options.wantsProfile { report.profiles = try benchmark.profile(on: backends) }
        }
        if let path = options.jsonPath { try report.writeJSON(to: path) }
        if let path = options.chartPath { try report.writeChart(to: path) }
        let failures =
            report.operations.compactMap(\.failure) + report.models.compactMap(\.failure)
            + report.peers.flatMap(\.engines).filter(\.isOurs).compactMap(\.failure)
        if !failures.isEmpty { Console.note("error: \(failures.count) results were wrong and not timed") }
        return failures.isEmpty
    }

    private static func description(of peak: MachinePeak, threadCount: Int) -> String {
        let single = Table.number(peak.singleThreadOperationsPerSecond / 1e9)
        let all = Table.number(peak.operationsPerSecond / 1e9)
        let reads = Table.number(peak.readBytesPerSecond / 1e9)
        let threads = threadCount == 1 ? "" : ", \(all) on \(threadCount)"
        let narrow = [("f32", "f32 by tiles"), ("bf16", "bf16"), ("int8", "int8")].compactMap { type, name in
            peak.narrowOperationsPerSecond[type].map { ", \(name) \(Table.number($0 / 1e9))" }
        }.joined()
        return "f32 \(single) GFLOP/s on 1 thread\(threads)\(narrow); memory reads \(reads) GB/s; measured just now"
    }
}

/// Which devices to measure.
enum BenchmarkDevices {
    /// Those that were asked for, else every fast one that is there; says on standard error what is missing.
    /// - Throws: `TensorError` when one that was asked for is missing.
    static func open(_ options: BenchmarkOptions) throws -> [any Backend] {
        let settings = BackendOptions(threadCount: options.threadCount)
        guard options.devices.isEmpty else {
            return try options.devices.map { try BackendRegistry.open($0, options: settings) }
        }
        return BackendRegistry.entries.filter { $0.kind != .reference }.compactMap { entry in
            do {
                return try BackendRegistry.open(Device(entry.kind), options: settings)
            } catch {
                Console.note("without \(entry.kind.rawValue): \(error)")
                return nil
            }
        }
    }
}
