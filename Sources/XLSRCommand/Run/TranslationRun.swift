import Synchronization
import XLSR

extension RunSession {
    /// Translates the inputs. The text of a single one appears on a terminal word by word.
    func translate(_ format: TranslationFormat) throws {
        let settings = try model.generationSettings(to: options.language, beamCount: options.beamCount)
        let tokenizer = try model.translationTokenizer
        let isShown = format == .text && inputs.count == 1 && destination.isTerminal && model.devices.count == 1
        let stream = isShown ? TextStream() : nil
        let chunking = Chunking(
            seconds: options.chunking.seconds, strideSeconds: 0, wholeSeconds: options.chunking.wholeSeconds,
            normalization: options.chunking.normalization, split: options.chunking.split)
        if stream != nil { ProgressBar.disable() }
        try run(
            { model, chunks in
                // A stream has batches of one chunk.
                let translations = try model.translations(of: chunks, settings) { try stream?.show($1, of: $0.number) }
                for chunk in chunks { stream?.end(chunk.number) }
                return translations
            }, purpose: stream == nil ? .translation(settings) : nil, chunking: chunking,
            batchSeconds: stream == nil ? options.batchSeconds : 0
        ) { [inputs, model] outcome, segments in
            let result = TranslationResult(
                audio: inputs[outcome.index], try model.translation(of: segments, settings), tokenizer, model: model,
                device: outcome.deviceNames, audioSeconds: outcome.audioSeconds, elapsedSeconds: outcome.elapsedSeconds)
            return .translation(result, format, shown: stream?.shown ?? "")
        }
    }
}

/// Text that appears on standard output while it is written, on the device's thread.
private final class TextStream: Sendable {
    private struct State {
        var shown = ""
        /// The piece of the audio whose turn it is; nil once a later one was done before it.
        var number: Int? = 0
        /// Where it begins in the text.
        var start = ""
    }

    private let state = Mutex(State())

    /// What was written so far.
    var shown: String { state.withLock(\.shown) }

    /// A piece is translated.
    func end(_ number: Int) {
        state.withLock { state in
            state.number = state.number == number ? number + 1 : nil
            state.start = state.shown.isEmpty ? "" : state.shown + " "
        }
    }

    /// - Parameter text: the piece's text as far as it is certain.
    func show(_ text: String, of number: Int) throws {
        try state.withLock { state in
            guard number == state.number else { return }
            let (all, shown) = (state.start + text, state.shown)
            // A character may still be incomplete, and a decoder may take a space back: wait for more.
            guard !text.isEmpty, !all.hasSuffix("\u{FFFD}"), all.utf8.starts(with: shown.utf8) else { return }
            try Terminal.printResult(String(decoding: all.utf8.dropFirst(shown.utf8.count), as: UTF8.self))
            state.shown = all
        }
    }
}
