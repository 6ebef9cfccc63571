import TensorEngine
import XLSR

/// What an input gave.
enum RunResult: Sendable {
    case transcript(TranscriptionResult, TranscriptStyle)
    /// `shown` is what standard output has of the text already.
    case translation(TranslationResult, TranslationFormat, shown: String)
    case head(HeadResult, RunOptions.Format)
    case tensors([(name: String, array: HostArray)])

    func write(
        isOneOfSeveral: Bool, path: String, _ write: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        switch self {
        case .transcript(let result, let style):
            var text = try style.text(of: result, isOneOfSeveral: isOneOfSeveral)
            try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
        case .translation(let result, let format, let shown):
            let text = try result.text(format, isOneOfSeveral: isOneOfSeveral)
            let isBeginning = text.utf8.starts(with: shown.utf8)
            var rest =
                isBeginning ? String(decoding: text.utf8.dropFirst(shown.utf8.count), as: UTF8.self) : "\n" + text
            try rest.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
        case .head(let result, let format):
            var text = try result.text(format, isOneOfSeveral: isOneOfSeveral)
            try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
        case .tensors(let tensors):
            try SafetensorsWriter.write(tensors, metadata: ["format": "pt"], path: path, write)
        }
    }

    /// The whole file or nothing.
    func write(to path: String) throws {
        let file = try AtomicFile(path: path)
        try write(isOneOfSeveral: false, path: path, file.write)
        try file.commit()
    }
}
