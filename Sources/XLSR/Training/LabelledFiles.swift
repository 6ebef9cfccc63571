import FoundationEssentials
import TensorEngine

/// Audio files with a label each: what a classifier is trained on.
public struct LabelledFiles: Sendable {
    public struct Item: Hashable, Sendable {
        public let path: String
        public let label: String

        public init(path: String, label: String) {
            (self.path, self.label) = (path, label)
        }
    }

    public let items: [Item]
    /// Each once, in alphabetical order.
    public let labels: [String]

    public init(_ items: [Item]) {
        self.items = items
        labels = Set(items.map(\.label)).sorted()
    }

    /// Reads a folder that has a folder of audio for each label, or a table.
    ///
    /// Of such a folder, which may have more of them inside, the files count whose names end as audio's do (wav, flac,
    /// mp3, …), in alphabetical order.
    ///
    /// A table is a text in UTF-8 with a line a file: path, tab, label. Or its first line names columns, and `path` and
    /// `label` are among them. A relative path begins at the table's folder.
    /// - Parameter path: of the folder or the table; `-` for a table from standard input.
    /// - Throws: `TextError` for what can't be read, a line without a label, and where there is nothing.
    public init(path: String) throws {
        self.init(try CheckpointFiles.isFolder(path) ? Self.items(inFolder: path) : Self.items(inTable: path))
        guard !items.isEmpty else {
            throw TextError(
                .empty, source: path, "no labelled audio in it",
                remedy: "name a folder with a folder of audio for each label, or a table: path, tab, label on a line")
        }
    }

    private static func items(inFolder path: String) throws -> [Item] {
        let folder = AudioFolder.withoutSlash(path)
        return try AudioFolder.names(in: folder).filter { CheckpointFiles.isFolder("\(folder)/\($0)") }.flatMap {
            label in
            try AudioFolder.files(in: "\(folder)/\(label)").map { Item(path: $0, label: label) }
        }
    }

    private static func items(inTable path: String) throws -> [Item] {
        try AudioTable.rows(in: path, columns: ["label"]).map { Item(path: $0.path, label: $0.value) }
    }
}
