/// Why a document was not taken.
public enum DocumentError: Error, Sendable, Equatable, CustomStringConvertible {
    /// It is not JSON; told is the first place that is not.
    case syntax(JSONError)
    /// It is JSON, but does not say what it must: everything that is wrong, in the document's order. Never empty.
    case mistakes([JSONMistake])

    /// One line a mistake, each with its place, without anything that could steer a terminal.
    public var description: String {
        switch self {
        case .syntax(let error): error.description
        case .mistakes(let mistakes):
            mistakes.map { mistake in
                let place = mistake.pointer.isEmpty ? "the document" : mistake.pointer.printable
                return "\(place) \(mistake.what.printable)"
            }.joined(separator: "\n")
        }
    }
}

/// What is wrong at one place of a document.
public struct JSONMistake: Sendable, Hashable {
    /// The place, as the text of a ``JSONPointer``.
    public var pointer: String
    /// A sentence without its subject: "must be 1 or more".
    public var what: String

    /// A mistake at `pointer`.
    public init(_ pointer: String, _ what: String) {
        self.pointer = pointer
        self.what = what
    }

    /// For a reader that took nothing and noted no mistake.
    public static let saysNothing = JSONMistake("", "does not say what it must")
}

/// The mistakes found in one document, up to a bound.
public struct Mistakes: Sendable {
    /// How many are told of one document. A person mends no more at once, and an answer must not grow without bound.
    public static let most = 100

    /// The mistakes in the order in which they were found.
    public private(set) var told = [JSONMistake]()
    /// Whether there were more than ``most``.
    public private(set) var areCut = false

    /// No mistakes yet.
    public init() {}

    /// Notes that what stands at `pointer` is wrong; `what` is a sentence without its subject.
    public mutating func note(_ pointer: JSONPointer, _ what: @autoclosure () -> String) {
        guard told.count < Mistakes.most else {
            areCut = true
            return
        }
        told.append(JSONMistake(pointer.text, what()))
    }

    /// The error that tells these mistakes and `others`, in the order in which a reader of `document` meets them, no
    /// two alike; `nil` if there are none.
    @usableFromInline
    package func error(with others: [JSONMistake] = [], in document: JSONValue) -> DocumentError? {
        var seen = Set<JSONMistake>()
        let all = (told + others).filter { seen.insert($0).inserted }
        guard !all.isEmpty else { return nil }
        // Cut first: to look for the places of a hostile document's every mistake would take the square of its size.
        let inOrder = all.prefix(Mistakes.most).map { (position: document.position(of: $0.pointer), mistake: $0) }
            .enumerated()
            .sorted { left, right in
                if left.element.position == right.element.position { return left.offset < right.offset }
                return left.element.position.lexicographicallyPrecedes(right.element.position)
            }
            .map(\.element.mistake)
        guard areCut || all.count > inOrder.count else { return .mistakes(inOrder) }
        return .mistakes(inOrder + [JSONMistake("", "has more mistakes than these")])
    }
}

extension JSONValue {
    /// The value that `bytes` write, with a mistake in them as an error of the document.
    @inlinable
    public static func document(_ bytes: some Collection<UInt8>, limits: JSONLimits) throws(DocumentError) -> JSONValue
    {
        do throws(JSONError) {
            return try read(bytes, limits: limits)
        } catch {
            throw .syntax(error)
        }
    }

    /// The indexes by which `pointer` is reached; what is missing counts as standing at the end of its object.
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
