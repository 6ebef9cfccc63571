import XLSR

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension RunSession {
    /// Translates the inputs. The text of a single one appears on a terminal word by word.
    func translate(_ format: TranslationFormat) throws {
        var settings = try model.generationSettings(to: options.language)
        if let beamCount = options.beamCount {
            settings.beamCount = beamCount
            settings.resultCount = min(settings.resultCount, beamCount)
        }
        let tokenizer = try model.requireTranslation()
        let stream = format == .text && inputs.count == 1 && destination.isTerminal ? TextStream() : nil
        let chunking = Chunking(
            seconds: options.chunking.seconds, strideSeconds: 0, wholeSeconds: options.chunking.wholeSeconds,
            normalization: options.chunking.normalization, split: options.chunking.split)
        if stream != nil { ProgressBar.disable() }
        try run(
            { [model, settings] chunks in
                try stream?.begin()
                return try model.translations(of: chunks, settings) { try stream?.show($1) }
            }, chunking: chunking, batchSeconds: stream == nil ? options.batchSeconds : 0
        ) { [inputs, model, settings] outcome, segments in
            let result = TranslationResult(
                audio: inputs[outcome.index], try model.translation(of: segments, settings), tokenizer, model: model,
                audioSeconds: outcome.audioSeconds, elapsedSeconds: outcome.elapsedSeconds)
            return .translation(result, format, shown: stream?.shown ?? "")
        }
    }
}

/// Text that appears on standard output while it is written.
private final class TextStream {
    /// What was written so far.
    private(set) var shown = ""
    /// Where the current piece of the audio begins in it.
    private var start = ""

    /// Another piece begins.
    func begin() throws {
        start = shown.isEmpty ? "" : shown + " "
    }

    /// - Parameter text: the piece's text as far as it is certain.
    func show(_ text: String) throws {
        let all = start + text
        // A character may still be incomplete, and a decoder may take a space back: wait for more.
        guard !text.isEmpty, !all.hasSuffix("\u{FFFD}"), all.utf8.starts(with: shown.utf8) else { return }
        try Terminal.printResult(String(decoding: all.utf8.dropFirst(shown.utf8.count), as: UTF8.self))
        shown = all
    }
}
