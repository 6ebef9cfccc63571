import TensorEngine
import XLSR

extension ModelReport {
    var text: String {
        let milliseconds = { (samples: Int) in decimal(1000 * Double(samples) / Double(sampleRate), 1) }
        var rows = [
            ("model", model),
            ("architecture", architectures.isEmpty ? "not named" : architectures.joined(separator: ", ")),
            ("tasks", tasks.joined(separator: ", ")),
            ("parameters", "\(countText(parameters)) (\(parameters))" + unread),
            (
                "encoder",
                "\(counted(layers, "layer")) of width \(hiddenSize), \(layerNorm) layer norm,"
                    + " feed-forward \(intermediateSize)"
            ),
            ("attention", "\(counted(heads, "head")) of \(headSize)"),
            ("front-end", frontEnd),
            ("positions", "\(counted(positionalKernel, "tap")) in \(counted(positionalGroups, "group"))"),
            (
                "frames",
                "every \(hopSamples) samples (\(milliseconds(hopSamples)) ms), each of \(receptiveFieldSamples)"
                    + " (\(milliseconds(receptiveFieldSamples)) ms), at \(sampleRate) Hz"
            ),
        ]
        if let adapter { rows.append(("adapter", adapter)) }
        if let head { rows.append(("head", head)) }
        if let tokenizer { rows.append(("tokenizer", tokenizer.text)) }
        if let tokenizerProblem { rows.append(("tokenizer", "none: \(tokenizerProblem)")) }
        if let adapterLanguages { rows.append(("adapters", adapterText(adapterLanguages))) }
        rows += decoder?.rows ?? []
        let types = weights.types.sorted { $0.key < $1.key }.map {
            "\($0.value) \($0.key)" + ($0.key == DType.int8.rawValue ? " with a scale a row" : "")
        }.joined(separator: ", ")
        rows.append(("weights", "\(counted(weights.tensorCount, "tensor")): \(types)"))
        rows += weights.files.map { ("", $0) }
        let memory = ["f32", "bf16", "f16", "int8"].map { "\($0) \(byteText(weights.memory[$0] ?? 0))" }
        rows.append(("memory", memory.joined(separator: ", ") + " (int8 estimated)"))
        return rows.map { padded($0.0, 14) + $0.1 + "\n" }.joined()
    }

    /// Lines of codes, as there may be more than a thousand.
    private func adapterText(_ languages: [String]) -> String {
        var lines = ["\(counted(languages.count, "language"))\(languages.isEmpty ? "" : ":")"]
        for language in languages {
            let last = lines[lines.count - 1]
            if lines.count > 1, last.count + language.count < 100 {
                lines[lines.count - 1] = last + " " + language
            } else {
                lines.append(language)
            }
        }
        return lines.joined(separator: "\n" + padded("", 14))
    }

    private var unread: String {
        let count = weights.unreadParameterCount
        return count == 0 ? "" : ", and \(countText(count)) that inference doesn't read"
    }

    private var frontEnd: String {
        func list(_ numbers: [Int]) -> String {
            (Set(numbers).count == 1 ? Array(numbers.prefix(1)) : numbers).map(String.init).joined(separator: " ")
        }
        return "\(counted(frontEndChannels.count, "convolution")), channels \(list(frontEndChannels)), kernels"
            + " \(list(frontEndKernels)), strides \(list(frontEndStrides)), \(frontEndNorm) norm"
    }
}

extension ModelReport.TokenizerReport {
    fileprivate var text: String {
        var parts = ["\(counted(tokens, "token"))", "blank \(singleQuoted(blank ?? "")) (\(blankID))"]
        if let wordDelimiter { parts.append("word delimiter \(singleQuoted(wordDelimiter))") }
        if let unknown { parts.append("unknown \(singleQuoted(unknown))") }
        if let language { parts.append("language \(language)") }
        return parts.joined(separator: ", ")
    }
}
