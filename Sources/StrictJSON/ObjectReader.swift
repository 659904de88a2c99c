/// Takes the members of a JSON object by name and notes their mistakes; see ``JSONShape/object(_:)``.
public struct ObjectReader: Sendable {
    /// The location of the object.
    public let pointer: JSONPointer
    /// The mistakes so far, of the whole document.
    public var mistakes: Mistakes { found }
    @usableFromInline var found: Mistakes
    @usableFromInline let members: [JSONValue.Member]
    @usableFromInline var asked = [String]()

    @usableFromInline
    init(_ members: [JSONValue.Member], at pointer: JSONPointer, mistakes: Mistakes) {
        self.members = members
        self.pointer = pointer
        found = mistakes
        asked.reserveCapacity(members.count)
    }

    /// The member `name`, which must exist and not be `null`. `nil` after a mistake.
    @inlinable
    public mutating func required<Value>(_ name: String, as shape: JSONShape<Value>) -> Value? {
        guard let value = member(name) else {
            note(name, "is required")
            return nil
        }
        return shape.take(value, at: pointer.appending(name), noting: &found)
    }

    /// The member `name`, which may be missing, but not be `null`. `nil` if it is missing, and after a mistake.
    @inlinable
    public mutating func optional<Value>(_ name: String, as shape: JSONShape<Value>) -> Value? {
        guard let value = member(name) else { return nil }
        return shape.take(value, at: pointer.appending(name), noting: &found)
    }

    /// The member `name`, which may be missing or `null`. `nil` in both cases, and after a mistake; ``has(_:)`` tells the
    /// cases apart.
    @inlinable
    public mutating func nullable<Value>(_ name: String, as shape: JSONShape<Value>) -> Value? {
        guard let value = member(name), value != .null else { return nil }
        return shape.take(value, at: pointer.appending(name), noting: &found)
    }

    /// The members of the object `name`, which may be left out, but not be `null`.
    public mutating func members(of name: String, _ read: (inout ObjectReader) -> Void) {
        guard let value = member(name) else { return }
        guard case .object(let members) = value else { return note(name, "must be an object") }
        var object = ObjectReader(members, at: pointer.appending(name), mistakes: found)
        read(&object)
        object.noteUnknownMembers()
        found = object.found
    }

    /// Whether the member `name` exists, `null` or not. The member then counts as taken.
    public mutating func has(_ name: String) -> Bool {
        member(name) != nil
    }

    /// Notes that the member `name` is wrong; `what` is a sentence without its subject: "must be 1 or more".
    public mutating func note(_ name: String, _ what: String) {
        found.note(pointer.appending(name), what)
    }

    /// Notes that what lies at `place`, within the object, is wrong.
    public mutating func note(at place: JSONPointer, _ what: String) {
        found.note(place, what)
    }

    /// Notes that the object as a whole is wrong.
    public mutating func note(_ what: String) {
        found.note(pointer, what)
    }

    /// Notes every member that was not taken.
    @usableFromInline
    mutating func noteUnknownMembers() {
        let unknown = members.filter { !asked.contains($0.name) }
        guard !unknown.isEmpty else { return }
        let missing = asked.filter { name in !members.contains { $0.name == name } }
        for member in unknown {
            // `note` evaluates the sentence only for mistakes that it keeps, which bounds the search for a similar name.
            found.note(
                pointer.appending(member.name), "is not known here" + didYouMean(member.name, among: missing))
        }
    }

    @usableFromInline
    mutating func member(_ name: String) -> JSONValue? {
        if !asked.contains(name) {
            asked.append(name)
        }
        return members.first { $0.name == name }?.value
    }
}

/// "; did you mean …?" with the word of `words` that is most similar to `text`; empty if none is similar.
package func didYouMean(_ text: String, among words: [String]) -> String {
    /// Longer texts are not compared: they are no typing mistakes, and comparing them is expensive.
    let longest = 40
    guard text.utf8.count <= longest else { return "" }
    let typed = letters(of: text)
    var best: (word: String, slips: Int)?
    for word in words where word.utf8.count <= longest {
        let slips = slips(from: typed, to: letters(of: word))
        // A third of the letters may be wrong, so that "it" is not taken for "id".
        if slips * 3 <= typed.count, slips < best?.slips ?? .max {
            best = (word, slips)
        }
    }
    return best.map { "; did you mean \($0.word)?" } ?? ""
}

/// The letters of a name that are compared: `holdSeconds`, `hold-seconds` and `hold_seconds` are equal.
private func letters(of name: String) -> [UInt8] {
    name.utf8.compactMap { byte in
        switch byte {
        case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: " "): nil
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
