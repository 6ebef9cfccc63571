/// A part of a model that does the same operations whenever as many rows and utterances go in, so that a device may
/// record them once, and run the record from then on without the host's work for each of them.
///
/// One object for each such part of each model: a record holds the addresses of its weights.
public final class CaptureRegion: Sendable {
    public init() {}
}

extension Backend {
    public func captured(
        _ region: CaptureRegion, _ x: Tensor, segments: Segments, _ body: (Tensor, Segments) throws -> [Tensor]
    ) throws -> [Tensor] {
        try body(x, segments)
    }
}
