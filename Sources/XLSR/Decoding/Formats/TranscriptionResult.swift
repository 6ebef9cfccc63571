/// A transcript with what it was made from, with and how fast.
public struct TranscriptionResult: Hashable, Sendable {
    /// The audio's name, as the user gave it.
    public var audio: String
    public var transcript: Transcript
    public var model: String
    public var device: String
    public var precision: String
    public var audioSeconds: Double
    public var elapsedSeconds: Double
    /// Of an utterance of a stream, seconds of the stream that came before; the transcript's times count them.
    public var start: Double?
    /// Without it, speech is where the words are.
    public var voiceActivity: VoiceActivity?
    /// Of models that have several.
    public var language: String?
    /// Where a classifier found the language out.
    public var languageProbability: Double?

    public init(
        audio: String, transcript: Transcript, model: String, device: String, precision: String, audioSeconds: Double,
        elapsedSeconds: Double, start: Double? = nil, voiceActivity: VoiceActivity? = nil, language: String? = nil,
        languageProbability: Double? = nil
    ) {
        self.audio = audio
        self.transcript = transcript
        self.model = model
        self.device = device
        self.precision = precision
        self.audioSeconds = audioSeconds
        self.elapsedSeconds = elapsedSeconds
        self.start = start
        self.voiceActivity = voiceActivity
        self.language = language
        self.languageProbability = languageProbability
    }

    /// Elapsed seconds per second of audio: below 1 is faster than real time; nil without audio.
    public var realTimeFactor: Double? { audioSeconds > 0 ? elapsedSeconds / audioSeconds : nil }
}
