/// What somebody may have meant by a name that does not exist.
enum Suggestion {
    /// Names longer than this get no suggestion: the comparison costs the product of the two lengths.
    static let longest = 64

    /// The candidate that is nearest to the name, if it is near enough to be worth saying.
    ///
    /// Separators and case do not count: `limits.headerBytes`, `LIMITS-HEADER-BYTES` and
    /// `limits.header_bytes` are one name written by people with different habits. Otherwise a third of the name
    /// may be wrong, but no more than three characters.
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

    /// How many letters must be inserted, removed, replaced or swapped with their neighbour (optimal string
    /// alignment: Levenshtein's distance, and swaps, which are what fingers do).
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
