/// What the first bytes of a file look like.
struct AudioContainer {
    /// In words, such as "FLAC audio".
    let name: String
    /// Whether ffmpeg may find audio in it.
    let isDecodable: Bool

    /// Enough of a file for `isWAV` and `init(head:)`.
    static let headByteCount = 32

    /// RIFF, or its 64-bit forms RF64 (EBU Tech 3306) and BW64 (ITU-R BS.2088), holding WAVE.
    static func isWAV(_ head: some Collection<UInt8>) -> Bool {
        let text = latin1(head)
        return ["RIFF", "RF64", "BW64"].contains { text.hasPrefix($0) } && text.dropFirst(8).hasPrefix("WAVE")
    }

    /// Nil when it isn't obvious.
    init?(head: some Collection<UInt8>) {
        let text = Self.latin1(head)
        isDecodable = !Self.otherMagics.contains { text.hasPrefix($0.magic) }
        if let known = (Self.audioMagics + Self.otherMagics).first(where: { text.hasPrefix($0.magic) }) {
            name = known.name
        } else if text.dropFirst(4).hasPrefix("ftyp") {
            name = "MP4 or M4A audio"
        } else if let second = head.dropFirst().first, head.first == 0xFF, second & 0xE0 == 0xE0 {
            name = second & 0x06 == 0 ? "AAC audio" : "MP3 audio"
        } else {
            return nil
        }
    }

    private static let audioMagics: [(magic: String, name: String)] = [
        ("ID3", "MP3 audio"), ("fLaC", "FLAC audio"), ("OggS", "Ogg audio"), ("FORM", "AIFF audio"),
        ("caff", "CAF audio"), (".snd", "AU audio"), ("#!AMR", "AMR audio"),
        ("\u{1A}E\u{DF}\u{A3}", "Matroska or WebM audio"), ("RIFF", "other RIFF data"),
    ]

    /// ffmpeg does not read RIFX either.
    private static let otherMagics: [(magic: String, name: String)] = [
        ("RIFX", "big-endian WAV (RIFX)"), ("%PDF", "a PDF file"), ("PK\u{3}\u{4}", "a zip archive"),
        ("\u{1F}\u{8B}", "a gzip archive"), ("<", "HTML or XML text"), ("{", "JSON text"),
        ("version https://git-lfs", "a Git LFS pointer, in place of a file that was not downloaded"),
    ]

    private static func latin1(_ head: some Collection<UInt8>) -> String {
        String(String.UnicodeScalarView(head.prefix(headByteCount).map { Unicode.Scalar($0) }))
    }
}
