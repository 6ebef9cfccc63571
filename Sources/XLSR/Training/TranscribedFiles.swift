import FoundationEssentials

/// Audio files and what is said in each: what a recogniser is trained on.
public struct TranscribedFiles: Sendable {
    public struct Item: Hashable, Sendable {
        public let path: String
        public let text: String

        public init(path: String, text: String) {
            (self.path, self.text) = (path, text)
        }
    }

    public let items: [Item]

    public init(_ items: [Item]) {
        self.items = items
    }

    /// Reads a folder with a text beside each audio (a.wav and a.txt), also in folders inside, or a table.
    ///
    /// A table is a text in UTF-8 with a line a file: path, tab, text. Or its first line names columns, and `path` and
    /// `text`, `sentence` or `transcription` are among them. A relative path begins at the table's folder, or, as
    /// Common Voice has it, in the folder `clips` beside the table.
    /// - Parameter path: of the folder or the table; `-` for a table from standard input.
    /// - Throws: `TextError` for what can't be read, an audio without a text, and where there is nothing.
    public init(path: String) throws {
        self.init(try CheckpointFiles.isFolder(path) ? Self.items(inFolder: path) : Self.items(inTable: path))
        guard !items.isEmpty else {
            throw TextError(
                .empty, source: path, "no audio with a text in it",
                remedy: "name a folder with a.wav and a.txt, b.wav and b.txt, …, or a table: path, tab, text on a line")
        }
    }

    private static func items(inFolder folder: String) throws -> [Item] {
        try AudioFolder.files(in: AudioFolder.withoutSlash(folder)).map { path in
            let name = path[..<(path.lastIndex(of: ".") ?? path.endIndex)]
            return Item(path: path, text: try TextFile.read(name + ".txt"))
        }
    }

    private static func items(inTable path: String) throws -> [Item] {
        let rows = try AudioTable.rows(in: path, columns: ["text", "sentence", "transcription"])
        guard let first = rows.first, !FileManager.default.fileExists(atPath: first.path) else {
            return rows.map { Item(path: $0.path, text: $0.value) }
        }
        let clips = rows.map { row in
            let start = row.path.lastIndex(of: "/").map(row.path.index(after:)) ?? row.path.startIndex
            return Item(path: row.path[..<start] + "clips/" + row.path[start...], text: row.value)
        }
        let isCommonVoice = FileManager.default.fileExists(atPath: clips[0].path)
        return isCommonVoice ? clips : rows.map { Item(path: $0.path, text: $0.value) }
    }
}
