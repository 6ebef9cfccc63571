/// What makes a subtitle readable. The defaults are usual for adults' programmes.
public struct SubtitleRules: Hashable, Sendable {
    /// The most characters of a line.
    public var lineLength: Int
    /// The most lines of a cue.
    public var lineCount: Int
    /// The longest that a cue stands.
    public var cueSeconds: Double
    /// A cue stands after its last word until so many characters a second can be read, if nothing else is said.
    public var charactersPerSecond: Double

    public init(lineLength: Int = 42, lineCount: Int = 2, cueSeconds: Double = 7, charactersPerSecond: Double = 17) {
        self.lineLength = max(1, lineLength)
        self.lineCount = max(1, lineCount)
        self.cueSeconds = max(0.1, cueSeconds)
        self.charactersPerSecond = max(1, charactersPerSecond)
    }
}
