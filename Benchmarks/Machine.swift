import CPUBackends
import FoundationEssentials
import Glibc

/// Where figures were measured, and when.
struct Machine: Codable, CustomStringConvertible {
    let date: Date
    let processor: String
    let coreCount: Int
    let instructionSets: [String]
    let memoryByteCount: Int
    let system: String
    /// Running programs in the mean over the last minute, just before the start.
    let loadAverage: Double

    init() {
        let current = Processor.current
        date = Date()
        processor = current.name
        coreCount = current.coreCount
        instructionSets = current.instructionSets.map(\.rawValue)
        memoryByteCount = Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE)))
        var names = utsname()
        uname(&names)
        system = [Self.text(names.sysname), Self.text(names.release), Self.text(names.machine)].joined(separator: " ")
        var load = 0.0
        loadAverage = getloadavg(&load, 1) == 1 ? load : 0
    }

    var description: String {
        let memory = Table.number(Double(memoryByteCount) / Double(1 << 30))
        return """
            \(processor), \(coreCount) cores (\(instructionSets.joined(separator: ", "))), \(memory) GiB, \(system)
              \(Table.padded("load", 10)) \(Table.number(loadAverage)) before the start\
            \(loadAverage > 0.5 ? ": other work was running, so times are too long" : "")
            """
    }

    private static func text<Characters>(_ characters: Characters) -> String {
        withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}

/// The peak of this process's resident memory, as the kernel counts it.
enum PeakMemory {
    /// Starts a new measurement, where the kernel lets us. What libraries have freed but the C library keeps (a
    /// gigabyte of PoCL's) doesn't count.
    static func reset() {
        // Swift's module of the C library leaves it out.
        if let trim = dlsym(nil, "malloc_trim") {
            _ = unsafeBitCast(trim, to: (@convention(c) (Int) -> Int32).self)(0)
        }
        let descriptor = open("/proc/self/clear_refs", O_WRONLY)
        guard descriptor >= 0 else { return }
        _ = write(descriptor, "5", 1)
        close(descriptor)
    }

    /// `VmHWM` in bytes; nil where there is no such file.
    static var byteCount: Int? {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        return kilobytes * 1024
    }
}
