/// What the first bytes of a file look like.
enum AudioContainer {
    /// Enough of a file for `isWAV` and `name`.
    static let headByteCount = 16

    /// RIFF, or its 64-bit forms RF64 (EBU Tech 3306) and BW64 (ITU-R BS.2088), holding WAVE.
    static func isWAV(_ head: some Collection<UInt8>) -> Bool {
        let text = latin1(head)
        return ["RIFF", "RF64", "BW64"].contains { text.hasPrefix($0) } && text.dropFirst(8).hasPrefix("WAVE")
    }

    /// The kind of file in words, when it is obvious.
    static func name(_ head: some Collection<UInt8>) -> String? {
        let text = latin1(head)
        for (magic, name) in magics where text.hasPrefix(magic) { return name }
        if text.dropFirst(4).hasPrefix("ftyp") { return "MP4 or M4A audio" }
        let start = head.prefix(2).map { $0 }
        if start.count == 2, start[0] == 0xFF, start[1] & 0xE0 == 0xE0 {
            return start[1] & 0x06 == 0 ? "AAC audio" : "MP3 audio"
        }
        return nil
    }

    private static let magics = [
        ("ID3", "MP3 audio"), ("fLaC", "FLAC audio"), ("OggS", "Ogg audio"), ("FORM", "AIFF audio"),
        ("RIFX", "big-endian WAV (RIFX) audio"), ("caff", "CAF audio"), (".snd", "AU audio"), ("#!AMR", "AMR audio"),
        ("\u{1A}E\u{DF}\u{A3}", "Matroska or WebM"), ("RIFF", "RIFF data other than WAVE"), ("%PDF", "a PDF file"),
        ("PK\u{3}\u{4}", "a zip archive"), ("\u{1F}\u{8B}", "a gzip archive"), ("<", "HTML or XML text"),
        ("{", "JSON text"), ("version https://git-lfs", "a Git LFS pointer: the audio itself was not downloaded"),
    ]

    private static func latin1(_ head: some Collection<UInt8>) -> String {
        String(String.UnicodeScalarView(head.prefix(32).map { Unicode.Scalar($0) }))
    }
}
