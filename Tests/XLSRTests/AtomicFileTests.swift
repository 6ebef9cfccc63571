import Glibc
import Testing
import XLSR

@Suite struct AtomicFileTests {
    @Test func temporaryFilesThatAreOpenCanBeRemovedAtOnce() throws {
        var template = Array("/tmp/xlsr-atomic.XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        defer { rmdir(template) }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let files = TemporaryFiles()
        let file = try AtomicFile(path: folder + "/a", temporaryFiles: files)
        try [UInt8(1)].withUnsafeBytes { try file.write($0) }
        #expect(rmdir(folder) != 0)
        files.removeAll()
        #expect(throws: CheckpointError.self) { try file.commit() }
        #expect(rmdir(folder) == 0)
    }
}
