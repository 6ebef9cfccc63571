import TensorEngine
import XLSR

/// What an input gave.
enum RunResult: Sendable {
    case transcript(TranscriptionResult, TranscriptStyle)
    /// `shown` is what standard output has of the text already.
    case translation(TranslationResult, TranslationFormat, shown: String)
    case tensors([(name: String, array: HostArray)])

    /// Blocks' outputs for the chunks of an input, the rows of each block one under the other.
    static func tensors(joining pieces: [[(name: String, array: HostArray)]]) -> RunResult {
        guard let first = pieces.first, pieces.count > 1 else { return .tensors(pieces.first ?? []) }
        return .tensors(
            first.indices.map { block in
                var bytes: [UInt8] = []
                bytes.reserveCapacity(pieces.reduce(0) { $0 + $1[block].array.byteRange.count })
                for piece in pieces { piece[block].array.withUnsafeBytes { bytes.append(contentsOf: $0) } }
                let rows = pieces.reduce(0) { $0 + $1[block].array.shape[0] }
                let shape = Shape([rows] + first[block].array.shape.dimensions.dropFirst())
                let (name, dtype) = (first[block].name, first[block].array.dtype)
                return (
                    name, HostArray(shape: shape, dtype: dtype, memory: ArrayMemory(bytes), byteRange: 0..<bytes.count)
                )
            })
    }

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
