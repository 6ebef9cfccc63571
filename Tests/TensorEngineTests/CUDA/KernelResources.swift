/// What a kernel takes of a multiprocessor, as the assembler's log (`--ptxas-options=-v`) says.
struct KernelResources {
    let name: String
    var registerCount = 0
    var sharedByteCount = 0
    /// Local memory, spills included.
    var stackByteCount = 0
    /// Stored and loaded because the registers didn't suffice.
    var spillByteCount = 0

    static func all(in log: String) -> [KernelResources] {
        var all: [KernelResources] = []
        for line in log.split(separator: "\n") {
            if line.contains("Compiling entry function"), let name = line.split(separator: "'").dropFirst().first {
                all.append(KernelResources(name: String(name)))
            }
            guard !all.isEmpty else { continue }
            let last = all.endIndex - 1
            if line.contains("bytes stack frame") {
                all[last].stackByteCount = number(before: "bytes stack frame", in: line) ?? 0
                all[last].spillByteCount =
                    (number(before: "bytes spill stores", in: line) ?? 0)
                    + (number(before: "bytes spill loads", in: line) ?? 0)
            } else if line.contains(" registers") {
                all[last].registerCount = number(before: "registers", in: line) ?? 0
                all[last].sharedByteCount = number(before: "bytes smem", in: line) ?? 0
            }
        }
        return all
    }

    private static func number(before words: String, in line: Substring) -> Int? {
        guard let range = line.ranges(of: words).first else { return nil }
        return line[..<range.lowerBound].split(separator: " ").last.flatMap { Int($0) }
    }
}
