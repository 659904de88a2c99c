/// What somebody may have meant by a name that does not exist.
enum Suggestion {
    /// Longer names get no suggestion, because a comparison costs the product of the two lengths.
    static let longest = 64

    /// The candidate that is nearest to the name, if it is near enough.
    ///
    /// Separators and case do not count: `limits.headerBytes`, `LIMITS-HEADER-BYTES` and `limits.header_bytes` are the
    /// same name. Of the rest, a third may be wrong, but at most three characters.
    static func nearest(to name: String, among candidates: [String]) -> String? {
        guard name.utf8.count <= longest else { return nil }
        let wanted = letters(of: name)
        let furthest = min(3, max(1, wanted.count / 3))
        return candidates.map { (name: $0, distance: distance(wanted, letters(of: $0))) }
            .filter { $0.distance <= furthest }
            .min { $0.distance < $1.distance }?
            .name
    }

    private static func letters(of name: String) -> [UInt8] {
        name.lowercased().utf8.filter { ![UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")].contains($0) }
    }

    /// How many letters must be inserted, removed, replaced or swapped with their neighbour (optimal string alignment:
    /// Levenshtein's distance with swaps, which are common when typing).
    private static func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
        var rowBeforeLast: [Int] = []
        var lastRow = Array(0...other.count)
        for (i, letter) in one.enumerated() {
            var row = [i + 1]
            for (j, otherLetter) in other.enumerated() {
                var least = min(lastRow[j + 1] + 1, row[j] + 1, lastRow[j] + (letter == otherLetter ? 0 : 1))
                if i > 0, j > 0, letter == other[j - 1], one[i - 1] == otherLetter {
                    least = min(least, rowBeforeLast[j - 1] + 1)
                }
                row.append(least)
            }
            rowBeforeLast = lastRow
            lastRow = row
        }
        return lastRow[other.count]
    }
}
