import XLSR

func transcribeDigits(_ samples: [Float]) throws -> String {
    let model = try XLSRModel.load("path/or/owner/name", device: .simd)
    let transcript = try model.transcribe(samples, sampleRate: 16_000)
    for word in transcript.words {
        print(word.start, word.end, word.confidence, word.text)
    }
    let logits = try model.logits(of: samples)  // [frames, vocabulary]
    let hidden = try model.features(of: samples)  // [frames, hidden]
    print(logits.shape, hidden.shape)
    return transcript.text
}
