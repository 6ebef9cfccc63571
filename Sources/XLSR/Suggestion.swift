/// `; did you mean X?` for the nearest spelling, or nothing when none is near.
package func suggestion(for word: String, among known: [String]) -> String {
    let ranked = known.map { (name: $0, distance: distance(word, $0)) }.min { $0.distance < $1.distance }
    let completions = known.filter { $0.hasPrefix(word) }
    if completions.count == 1, let name = completions.first { return "; did you mean \(name)?" }
    guard let ranked, ranked.distance <= max(1, min(word.count, ranked.name.count) / 3) else { return "" }
    return "; did you mean \(ranked.name)?"
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other
/// (optimal string alignment).
private func distance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.unicodeScalars.prefix(64)), Array(b.unicodeScalars.prefix(64)))
    var before: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
        var row = [i + 1]
        for j in b.indices {
            var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, before[j - 1] + 1) }
            row.append(best)
        }
        (before, last) = (last, row)
    }
    return last[b.count]
}

/// Names for a message: all of a few, the first of many.
func listing(_ names: [String], limit: Int = 12) -> String {
    guard names.count > limit + 1 else { return names.joined(separator: ", ") }
    return names.prefix(limit).joined(separator: ", ") + " and \(names.count - limit) more"
}
