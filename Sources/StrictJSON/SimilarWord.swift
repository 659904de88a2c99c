/// "; did you mean …?" with the word of `words` that is most similar to `text`; empty if none is similar.
package func didYouMean(_ text: String, among words: [String]) -> String {
    similarWord(to: text, among: words).map { "; did you mean \($0)?" } ?? ""
}

/// The word of `words` that is most similar to `text`, the first of several; `nil` if none is similar.
package func similarWord(to text: String, among words: [String]) -> String? {
    /// Longer texts are not compared: they are no typing mistakes, and comparing them is expensive.
    let longest = 40
    guard text.utf8.count <= longest else { return nil }
    let typed = letters(of: text)
    var best: (word: String, slips: Int)?
    for word in words where word.utf8.count <= longest {
        let slips = slips(from: typed, to: letters(of: word))
        // A third of the letters may be wrong, so that "it" is not taken for "id".
        if slips * 3 <= typed.count, slips < best?.slips ?? .max {
            best = (word, slips)
        }
    }
    return best?.word
}

/// The letters of a name that are compared: `holdSeconds`, `hold-seconds` and `hold_seconds` are equal.
private func letters(of name: String) -> [UInt8] {
    name.utf8.compactMap { byte in
        switch byte {
        case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: " "): nil
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
        default: byte
        }
    }
}

/// How many letters must be inserted, removed, replaced or swapped with their neighbour to turn one word into the
/// other (the "optimal string alignment" distance).
private func slips(from left: [UInt8], to right: [UInt8]) -> Int {
    var older = [Int]()
    var previous = Array(0...right.count)
    for row in left.indices {
        var current = [row + 1]
        for column in right.indices {
            var slips = min(
                previous[column] + (left[row] == right[column] ? 0 : 1), previous[column + 1] + 1, current[column] + 1)
            if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                slips = min(slips, older[column - 1] + 1)
            }
            current.append(slips)
        }
        older = previous
        previous = current
    }
    return previous[right.count]
}
