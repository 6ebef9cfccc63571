import XLSR

func transcribeDigits(_ samples: [Float]) throws -> String {
    let model = try XLSRModel.load("path/or/owner/name", device: .simd)
    let transcript = try model.transcribe(samples, sampleRate: 16_000)
    for word in transcript.words {
        print(word.start, word.end, word.confidence, word.text)
    }
    let logits = try model.logits(of: samples, sampleRate: 16_000)  // [frames, vocabulary]
    let hidden = try model.features(of: samples, sampleRate: 16_000)  // [frames, hidden]
    print(logits.shape, hidden.shape)
    return transcript.text
}

func describe(_ samples: [Float], languages: XLSRModel, speakers: XLSRModel, voices: XLSRModel) throws {
    let language = try languages.classify(samples, sampleRate: 16_000, count: 1)[0]
    print(language.label, language.score)
    for segment in try speakers.frameScores(samples, sampleRate: 16_000).segments(threshold: 0.5) {
        print(segment.start, segment.end, segment.label)
    }
    let (first, second) = (Array(samples.prefix(32_000)), Array(samples.suffix(32_000)))
    let voice = try voices.embedding(of: first, sampleRate: 16_000)
    print(voice.cosine(with: try voices.embedding(of: second, sampleRate: 16_000)))
}
