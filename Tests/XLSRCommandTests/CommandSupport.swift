import EmulatedGPU
import FoundationEssentials
import Glibc
import TensorEngine
import XLSR

/// What `xlsr` did.
struct CommandRun {
    let status: Int32?
    let output: [UInt8]
    /// The last few kilobytes of it.
    let errors: String

    var text: String { String(decoding: output, as: UTF8.self) }
    var lines: [Substring] { text.split(separator: "\n") }
    var errorLines: [Substring] { errors.split(separator: "\n") }
}

/// Runs the `xlsr` that was built with the tests, without a terminal.
func xlsr(_ arguments: String..., standardInput: String? = nil) throws -> CommandRun {
    try runProgram(programFolder() + "/xlsr", arguments, standardInput: standardInput)
}

func runProgram(_ path: String, _ arguments: [String], standardInput: String? = nil) throws -> CommandRun {
    let input = standardInput.map { open($0, O_RDONLY | O_CLOEXEC) }
    defer { if let input { close(input) } }
    var output: [UInt8] = []
    let process = try Subprocess.run(path, arguments, standardInput: input) { output.append(contentsOf: $0) }
    return CommandRun(
        status: process.exitStatus, output: output, errors: String(decoding: process.errorOutput, as: UTF8.self))
}

/// Runs `xlsr` and sends it a signal as soon as what it has written, errors too, is enough.
func xlsr(
    _ arguments: [String], standardInput: Int32? = nil, sending signal: Int32, when isEnough: (String) -> Bool
) throws -> (status: Int32?, text: String) {
    // Tests may be started with SIGINT ignored, which programs keep so.
    let script = "echo $$; exec env --default-signal=INT \"$0\" \"$@\" 2>&1"
    var processID: Int32?
    var text = ""
    var isSent = false
    let process = try Subprocess.run(
        "/bin/sh", ["-c", script, programFolder() + "/xlsr"] + arguments, standardInput: standardInput
    ) { bytes in
        text += String(decoding: bytes, as: UTF8.self)
        if processID == nil, let end = text.firstIndex(of: "\n") {
            processID = Int32(text[..<end])
            text.removeSubrange(...end)
        }
        guard let processID, !isSent, isEnough(text) else { return }
        isSent = true
        kill(processID, signal)
    }
    return (process.exitStatus, text)
}

/// The folder of the running test bundle, where the build puts every product.
func programFolder() -> String { EmulatedGPU.productsFolder }

let goldensFolder = #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 } + "/XLSRTests/Goldens"

/// A folder that is gone afterwards.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    var template = Array("/tmp/xlsr-command.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw UsageError("no temporary folder") }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
}

func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
}

func contents(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

/// Writes a bundled recording as a WAV file of 32-bit floats.
func writeRecording(_ index: Int = 0, to path: String) throws {
    try writeClip(Demo.recording(named: Demo.recordingNames[index]), to: path)
}

/// Writes samples as a WAV file of 32-bit floats.
func writeClip(_ clip: AudioClip, to path: String) throws {
    try Data(wav(clip)).write(to: URL(filePath: path))
}

func expectedText(_ index: Int = 0) throws -> String {
    guard let text = Demo.transcript(ofRecording: Demo.recordingNames[index]) else { throw UsageError("no transcript") }
    return text
}

private func wav(_ clip: AudioClip) -> [UInt8] {
    func little(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    let samples = clip.samples.flatMap { little($0.bitPattern) }
    let rate = UInt32(clip.sampleRate)
    let format =
        little(UInt16(3)) + little(UInt16(1)) + little(rate) + little(rate * 4) + little(UInt16(4)) + little(UInt16(32))
    return Array("RIFF".utf8) + little(UInt32(36 + samples.count)) + Array("WAVEfmt ".utf8) + little(UInt32(16))
        + format + Array("data".utf8) + little(UInt32(samples.count)) + samples
}
