import FoundationEssentials
import GPUBackends
import Glibc
import Testing

/// The cache never fails: what it can't give counts as absent.
@Suite struct ProgramCacheTests {
    private let key = ["source", "options", "driver 1"]
    private let program = Array("the compiled program".utf8)

    private func withCache(_ largestByteCount: Int = 1 << 20, _ body: (ProgramCache) throws -> Void) throws {
        // A folder that isn't there yet, two levels deep.
        try withTemporaryFolder {
            try body(ProgramCache(folder: "\($0)/xlsr/opencl", largestByteCount: largestByteCount))
        }
    }

    /// The only file of a cache.
    private func onlyFile(of cache: ProgramCache) throws -> String {
        let names = try fileNames(in: cache.folder)
        #expect(names.count == 1)
        return "\(cache.folder)/\(try #require(names.first))"
    }

    @Test func aProgramIsFoundByItsWholeKey() throws {
        try withCache { cache in
            #expect(cache.program(for: key) == nil)
            cache.store(program, for: key)
            #expect(cache.program(for: key) == program)
            for part in key.indices {
                var other = key
                other[part] += "x"
                #expect(cache.program(for: other) == nil)
            }
            // The same letters in other parts.
            #expect(cache.program(for: ["sourceoptions", "", "driver 1"]) == nil)
            cache.store([1, 2, 3], for: key)
            #expect(cache.program(for: key) == [1, 2, 3])
            _ = try onlyFile(of: cache)
        }
    }

    @Test func aFileWithAnyByteChangedOrMissingCountsAsAbsentAndIsReplaced() throws {
        try withCache { cache in
            cache.store(program, for: key)
            let path = try onlyFile(of: cache)
            let bytes = Array(try Data(contentsOf: URL(filePath: path)))
            var damaged = bytes.indices.map { index in
                var copy = bytes
                copy[index] ^= 0x10
                return copy
            }
            damaged += bytes.indices.map { Array(bytes[..<$0]) }
            damaged += [bytes + [0], bytes + bytes, [UInt8](repeating: 0, count: bytes.count), Array("hello".utf8)]
            for (index, file) in damaged.enumerated() {
                try Data(file).write(to: URL(filePath: path))
                #expect(cache.program(for: key) == nil, "damage \(index)")
            }
            cache.store(program, for: key)
            #expect(cache.program(for: key) == program)
        }
    }

    /// As after a collision of names.
    @Test func theFileOfAnotherKeyCountsAsAbsent() throws {
        try withCache { cache in
            cache.store(program, for: key)
            let path = try onlyFile(of: cache)
            let other = ["another source"]
            cache.store(program, for: other)
            for name in try fileNames(in: cache.folder) where "\(cache.folder)/\(name)" != path {
                #expect(rename(path, "\(cache.folder)/\(name)") == 0)
            }
            #expect(cache.program(for: other) == nil)
        }
    }

    @Test func whatIsNoFileDoesNoHarm() throws {
        try withCache { cache in
            cache.store(program, for: key)
            let path = try onlyFile(of: cache)
            unlink(path)
            #expect(mkfifo(path, 0o600) == 0)
            #expect(cache.program(for: key) == nil)
            cache.store(program, for: key)
            #expect(cache.program(for: key) == program)
            unlink(path)
            #expect(mkdir(path, 0o700) == 0)
            #expect(cache.program(for: key) == nil)
            cache.store(program, for: key)
            #expect(cache.program(for: key) == nil)
            #expect(try fileNames(in: cache.folder).count == 1)
        }
    }

    @Test func aFolderThatCannotBeMadeIsNoError() throws {
        try withTemporaryFolder { folder in
            try Data([1]).write(to: URL(filePath: "\(folder)/file"))
            for path in ["\(folder)/file/xlsr", "/proc/xlsr/opencl"] {
                let cache = ProgramCache(folder: path)
                cache.store(program, for: key)
                #expect(cache.program(for: key) == nil)
            }
        }
    }

    @Test func theProgramsThatWereNotUsedForLongestGiveWay() throws {
        let large = [UInt8](repeating: 7, count: 1000)
        try withCache(3500) { cache in
            for name in ["a", "b", "c"] {
                cache.store(large, for: [name])
                // File systems keep coarse times.
                let path = try #require(
                    try fileNames(in: cache.folder).map { "\(cache.folder)/\($0)" }.first { path in
                        var status = stat()
                        return stat(path, &status) == 0 && status.st_mtim.tv_sec > 1000
                    })
                var times = [timespec(tv_sec: 0, tv_nsec: 0), timespec(tv_sec: 0, tv_nsec: 0)]
                times[1].tv_sec = Int(name.utf8.first ?? 0)
                #expect(utimensat(AT_FDCWD, path, times, 0) == 0)
            }
            // Used again, so younger than b.
            #expect(cache.program(for: ["a"]) != nil)
            try Data([1]).write(to: URL(filePath: "\(cache.folder)/notes.txt"))
            cache.store(large, for: ["d"])
            #expect(cache.program(for: ["b"]) == nil)
            for name in ["a", "c", "d"] { #expect(cache.program(for: [name]) == large, "\(name)") }
            #expect(try fileNames(in: cache.folder).contains("notes.txt"))
        }
    }

    @Test func writersAtOnceLeaveWholeFiles() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "engine-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let cache = ProgramCache(folder: folder)
        let programs = (0..<4).map { [UInt8](repeating: UInt8($0), count: 50_000 + $0) }
        await withTaskGroup(of: Void.self) { group in
            for writer in 0..<8 {
                group.addTask {
                    for round in 0..<20 {
                        cache.store(programs[(writer + round) % 4], for: ["key"])
                        let found = cache.program(for: ["key"])
                        #expect(found.map(programs.contains) == true)
                    }
                }
            }
        }
        #expect(try fileNames(in: folder).count == 1)
    }

    @Test func theFolderFollowsTheEnvironment() {
        func folder(_ variables: [String: String], driverKeepsPrograms: Bool = false) -> String? {
            ProgramCache.ofUser("opencl", driverKeepsPrograms: driverKeepsPrograms) { variables[$0] }?.folder
        }
        #expect(folder(["XDG_CACHE_HOME": "/x", "HOME": "/h"]) == "/x/xlsr/opencl")
        #expect(folder(["HOME": "/h"]) == "/h/.cache/xlsr/opencl")
        #expect(folder(["XDG_CACHE_HOME": "relative", "HOME": "/h"]) == "/h/.cache/xlsr/opencl")
        #expect(folder(["XDG_CACHE_HOME": "", "HOME": ""]) == nil)
        #expect(folder([:]) == nil)
        #expect(folder(["HOME": "/h", "XLSR_CACHE": "0"]) == nil)
        #expect(folder(["HOME": "/h"], driverKeepsPrograms: true) == nil)
        #expect(folder(["HOME": "/h", "XLSR_CACHE": "1"], driverKeepsPrograms: true) == "/h/.cache/xlsr/opencl")
    }
}
