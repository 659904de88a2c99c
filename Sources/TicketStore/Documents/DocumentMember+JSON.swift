package import BoxOffice
package import StrictJSON

extension DocumentMember {
    /// The member of `root` as its document has it.
    package func json(of root: Root) -> JSONValue {
        switch value {
        case .code(let path): .string(root[keyPath: path].text)
        case .name(let path), .currency(let path): .string(root[keyPath: path])
        case .note(let path), .text(let path, _), .lines(let path, _), .webAddress(let path), .image(let path),
            .timeZone(let path):
            root[keyPath: path].map { JSONValue.string($0) } ?? .null
        case .seconds(let path, _): .integer(root[keyPath: path].components.seconds)
        case .count(let path, _): .integer(Int64(root[keyPath: path]))
        case .amount(let path, _): .integer(root[keyPath: path])
        case .bound(let path): root[keyPath: path].map { JSONValue.integer(Int64($0)) } ?? .null
        case .moment(let path): root[keyPath: path].map { JSONValue.string($0.rfc3339) } ?? .null
        case .words(_, let get, _): .string(get(root))
        case .checkout(let path): root[keyPath: path].map(EventDocument.json) ?? .null
        case .queue(let path): root[keyPath: path].map(EventDocument.json) ?? .null
        case .pools(let path, _): .array(root[keyPath: path].map { .string($0.text) })
        }
    }

    /// Takes the member from `object` into `root`. Where it is missing or wrong, `root` keeps a value that makes no
    /// mistake of its own.
    func read(from object: inout ObjectReader, into root: inout Root) {
        switch value {
        case .code: break  // Read before there is a `root`.
        case .name(let path), .currency(let path):
            if let text = object.optional(name, as: .string) { root[keyPath: path] = text }
        case .note(let path), .text(let path, _), .lines(let path, _), .webAddress(let path), .image(let path),
            .timeZone(let path):
            root[keyPath: path] = object.nullable(name, as: .string)
        case .seconds(let path, _):
            if let seconds = object.optional(name, as: JSONShape<Int64>.integer) {
                root[keyPath: path] = .seconds(seconds)
            }
        case .count(let path, _):
            if let count = object.optional(name, as: JSONShape<Int>.integer) { root[keyPath: path] = count }
        case .amount(let path, _):
            if let amount = object.optional(name, as: JSONShape<Int64>.integer) { root[keyPath: path] = amount }
        case .bound(let path): root[keyPath: path] = object.nullable(name, as: JSONShape<Int>.integer)
        case .moment(let path): root[keyPath: path] = object.nullable(name, as: .moment)
        case .words(let words, _, let set):
            if let word = object.optional(name, as: .word(words)) { set(&root, word) }
        case .checkout(let path): root[keyPath: path] = object.nullable(name, as: EventDocument.checkoutShape)
        case .queue(let path): root[keyPath: path] = object.nullable(name, as: EventDocument.queueShape)
        case .pools(let path, _):
            let location = object.pointer.appending(name)
            let codes = object.required(name, as: .list(of: JSONShape<Code>.code.attempted)) ?? []
            root[keyPath: path] = codes.enumerated().map { $1 ?? .standIn(at: location.appending($0)) }
        }
    }
}

extension ObjectReader {
    /// Takes `members`, those with a group from the object of that name, into `root`.
    mutating func read<Root>(_ members: [DocumentMember<Root>], into root: inout Root) {
        var rest = members[...]
        while let first = rest.first {
            let alike = rest.prefix { $0.group == first.group }
            rest = rest.dropFirst(alike.count)
            if let group = first.group {
                self.members(of: group) { object in
                    for member in alike { member.read(from: &object, into: &root) }
                }
            } else {
                for member in alike { member.read(from: &self, into: &root) }
            }
        }
    }
}

extension JSONValue {
    /// The document of `root`, with all of `members`.
    init<Root>(_ members: [DocumentMember<Root>], of root: Root) {
        var object: [Member] = []
        for member in members {
            let value = Member(member.name, member.json(of: root))
            if let group = member.group, case .object(let before)? = object.last?.value, object.last?.name == group {
                object[object.count - 1].value = .object(before + [value])
            } else {
                object.append(member.group.map { Member($0, .object([value])) } ?? value)
            }
        }
        self = .object(object)
    }
}

extension Code {
    /// A code that stands in where none could be read. Each location has a code of its own, so that none seems to occur
    /// twice; a document that has the same code is refused all the same, for the mistake at that location.
    static func standIn(at pointer: JSONPointer) -> Code {
        guard let code = Code(String(pointer.text.map { $0 == "/" ? "_" : $0 })) else {
            preconditionFailure("\(pointer) has other characters than names and numbers of our own")
        }
        return code
    }
}
