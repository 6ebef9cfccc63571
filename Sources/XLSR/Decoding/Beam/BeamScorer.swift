/// Everything that a beam search reads and never changes.
final class BeamScorer: Sendable {
    let alphabet: BeamAlphabet
    let options: BeamSearchOptions
    let fusion: ShallowFusion?
    let lexicon: WordList?
    let hotwords: HotwordScorer

    init(_ alphabet: BeamAlphabet, _ fusion: ShallowFusion?, _ lexicon: WordList?, _ options: BeamSearchOptions) {
        (self.alphabet, self.fusion, self.lexicon, self.options) = (alphabet, fusion, lexicon, options)
        hotwords = HotwordScorer(options.hotwords)
    }

    func selector() -> TokenSelector {
        TokenSelector(
            vocabularySize: alphabet.count, blank: alphabet.blank, minimum: options.minimumTokenLogProbability,
            alwaysTriesBlank: lexicon != nil)
    }
}
