/// Why a document was refused.
public enum DocumentError: Error, Sendable, Equatable, CustomStringConvertible {
    /// It is not JSON; the error has the first position that is wrong.
    case syntax(JSONError)
    /// It is JSON, but not the right document: all mistakes in the document's order. Never empty.
    case mistakes([JSONMistake])

    /// One line for each mistake with its location, safe to print on a terminal.
    public var description: String {
        switch self {
        case .syntax(let error): error.description
        case .mistakes(let mistakes):
            mistakes.map { mistake in
                let location = mistake.pointer.isEmpty ? "the document" : mistake.pointer.printable
                return "\(location) \(mistake.what.printable)"
            }.joined(separator: "\n")
        }
    }
}

/// One thing that is wrong with a document, and where.
public struct JSONMistake: Sendable, Hashable {
    /// The location, as the text of a ``JSONPointer``.
    public var pointer: String
    /// A sentence without its subject: "must be 1 or more".
    public var what: String

    /// A mistake at `pointer`.
    public init(_ pointer: String, _ what: String) {
        self.pointer = pointer
        self.what = what
    }

    /// The mistake of a document whose shape returned nothing and noted no mistake.
    public static let saysNothing = JSONMistake("", "does not say what it must")
    /// What stands behind the last mistake that is shown.
    public static let tooMany = JSONMistake("", "has more mistakes than these")
}

/// The mistakes of one document, up to a bound.
public struct Mistakes: Sendable {
    /// How many mistakes of a document are kept: a person corrects no more at once, and an answer needs a bound.
    public static let most = 100

    /// The mistakes in the order in which they were found.
    public private(set) var noted = [JSONMistake]()
    /// Whether there were more than ``most``.
    public private(set) var areCut = false

    /// Without mistakes.
    public init() {}

    /// Notes that the value at `pointer` is wrong; `what` is a sentence without its subject.
    public mutating func note(_ pointer: JSONPointer, _ what: @autoclosure () -> String) {
        guard noted.count < Mistakes.most else {
            areCut = true
            return
        }
        noted.append(JSONMistake(pointer.text, what()))
    }

    /// The error with these mistakes and `others`, each once, in the order of `document`; `nil` if there are none.
    @usableFromInline
    package func error(with others: [JSONMistake] = [], in document: JSONValue) -> DocumentError? {
        var seen = Set<JSONMistake>()
        let all = (noted + others).filter { seen.insert($0).inserted }
        guard !all.isEmpty else { return nil }
        // Cut first: finding the positions of all mistakes in a hostile document would take the square of its size.
        let inOrder = all.prefix(Mistakes.most).map { (position: document.position(of: $0.pointer), mistake: $0) }
            .enumerated()
            .sorted { left, right in
                if left.element.position == right.element.position { return left.offset < right.offset }
                return left.element.position.lexicographicallyPrecedes(right.element.position)
            }
            .map(\.element.mistake)
        guard areCut || all.count > inOrder.count else { return .mistakes(inOrder) }
        return .mistakes(inOrder + [.tooMany])
    }
}

extension JSONValue {
    /// Reads `bytes` as JSON; a mistake in them is thrown as an error of the document.
    @inlinable
    public static func document(_ bytes: some Collection<UInt8>, limits: JSONLimits) throws(DocumentError) -> JSONValue
    {
        do throws(JSONError) {
            return try read(bytes, limits: limits)
        } catch {
            throw .syntax(error)
        }
    }

    /// The indexes that lead to `pointer`; a missing member counts as the last one of its object.
    fileprivate func position(of pointer: String) -> [Int] {
        var position = [Int]()
        var value: JSONValue? = self
        for token in JSONPointer.tokens(of: pointer) {
            switch value {
            case .object(let members):
                let index = members.firstIndex { $0.name == token }
                position.append(index ?? members.count)
                value = index.map { members[$0].value }
            case .array(let elements):
                let index = Int(token) ?? elements.count
                position.append(index)
                value = elements.indices.contains(index) ? elements[index] : nil
            default: return position
            }
        }
        return position
    }
}
