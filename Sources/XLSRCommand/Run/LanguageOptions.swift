import XLSR

extension Option {
    static let language = Option(
        "--language", value: "CODE|auto",
        "for a model with several, auto to find out with --lid; the target of a translation [the checkpoint's own]")
    static let identifier = Option(
        "--lid", value: "DIR|OWNER/NAME", "with --language auto: a classifier of spoken languages")
    static let normalize = Option(
        "--normalize", choices: NormalizationChoice.self,
        "over each chunk, once over the file, or over each chunk with fairseq's ε of 1e-5 [as the checkpoint asks]")
}

/// How samples become input values, where the checkpoint asks for zero mean and unit variance.
enum NormalizationChoice: String, CaseIterable {
    case utterance, file, fairseq

    var chunking: Chunking.Normalization { self == .file ? .file : .utterance }
}

/// Which language is spoken.
struct LanguageOptions: Sendable {
    /// nil for the checkpoint's own, and where it is to be found out.
    let language: String?
    /// What finds it out.
    let identifier: ModelSource?

    init(_ arguments: Arguments, isAlignment: Bool) throws {
        let isAutomatic = arguments[.language] == "auto"
        guard !(isAutomatic && isAlignment) else {
            throw UsageError("--language: align needs the language of the text")
        }
        language = isAutomatic ? nil : arguments[.language]
        guard isAutomatic == arguments.has(.identifier) else {
            throw UsageError(
                isAutomatic
                    ? "--language auto needs --lid, a classifier of spoken languages such as facebook/mms-lid-126"
                    : "--lid is for --language auto")
        }
        identifier = try arguments[.identifier].map { try ModelSource($0) }
    }
}

extension RunOptions {
    /// nil for the checkpoint's own, and where it is to be found out.
    var language: String? { languages.language }
}
