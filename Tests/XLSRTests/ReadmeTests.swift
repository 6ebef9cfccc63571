import FoundationEssentials
import Testing
import XLSR

@Suite struct ReadmeTests {
    @Test func theExampleOfTheReadmeIsTheOneThatIsCompiled() throws {
        let code = try String(contentsOf: URL(filePath: testFolder + "/ReadmeExample.swift"), encoding: .utf8)
        let readme = try String(contentsOf: URL(filePath: testFolder + "/../../README.md"), encoding: .utf8)
        #expect(code.hasPrefix("import XLSR\n"))
        #expect(readme.contains(code))
    }

    @Test func theExampleSaysWhatIsMissing() {
        let error = #expect(throws: CheckpointError.self) { try transcribeDigits([0]) }
        #expect(error?.kind == .missingFile)
    }
}
