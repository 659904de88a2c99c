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

    /// The member `name`, which may be missing or `null`. `nil` in both cases, and after a mistake; ``has(_:)`` tells
    /// the cases apart.
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

    /// Notes that the value at `place`, a location within the object, is wrong.
    public mutating func note(at location: JSONPointer, _ what: String) {
        found.note(location, what)
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
            // `note` evaluates the sentence only for mistakes that it keeps, which bounds the search for a similar
            // name.
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
