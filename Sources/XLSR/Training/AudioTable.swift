/// A text in UTF-8 with a line a file: path, tab, what is known of it. Or its first line names columns, `path` among
/// them. A relative path begins at the table's folder.
enum AudioTable {
    typealias Row = (path: String, value: String)

    /// - Parameter columns: names that the second column may have, the first that is there counts.
    /// - Throws: `TextError` for what can't be read, and for a line that lacks one of the two.
    static func rows(in path: String, columns: [String]) throws -> [Row] {
        let lines = try TextFile.read(path).split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated().filter { !$0.element.allSatisfy(\.isWhitespace) }
            .map { (line: $0.offset + 1, cells: $0.element.split(separator: "\t", omittingEmptySubsequences: false)) }
        guard let first = lines.first else { return [] }
        let places = (
            path: first.cells.firstIndex(of: "path"),
            value: columns.lazy.compactMap { first.cells.firstIndex(of: $0[...]) }.first
        )
        let named: (path: Int, value: Int)? =
            if let path = places.path, let value = places.value { (path, value) } else { nil }
        let own = named ?? (0, 1)
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
        return try lines.dropFirst(named == nil ? 0 : 1).map { line, cells in
            guard cells.count > max(own.path, own.value), !cells[own.path].isEmpty, !cells[own.value].isEmpty else {
                throw TextError(
                    .malformed, source: path, "line \(line) isn't path, tab, \(columns[0])",
                    remedy: "or name the columns in the first line, path and \(columns[0]) among them")
            }
            let file = cells[own.path]
            return (file.hasPrefix("/") ? String(file) : "\(folder)\(file)", String(cells[own.value]))
        }
    }
}
