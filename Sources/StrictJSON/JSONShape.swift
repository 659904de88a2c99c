/// What a JSON value must look like to become a `Value`: the one way in which documents and request bodies are read.
///
/// A shape notes every mistake it meets and goes on, so that all of them are told at once.
///
/// ```swift
/// let line = JSONShape.object { line in
///     let type = line.required("type", as: .string)
///     let quantity = line.required("quantity", as: .integer(in: 1...10))
///     guard let type, let quantity else { return nil }
///     return Line(type: type, quantity: quantity)
/// }
/// let lines = try JSONShape.list(of: line, count: 1...16).read(body)
/// ```
public struct JSONShape<Value>: Sendable {
    @usableFromInline let take: @Sendable (JSONValue, JSONPointer, inout Mistakes) -> Value?

    /// A shape of its own kind. `take` gets a value and its place, and returns `nil` only after noting a mistake.
    @inlinable
    public init(_ take: @escaping @Sendable (JSONValue, JSONPointer, inout Mistakes) -> Value?) {
        self.take = take
    }

    /// What `value`, standing at `pointer`, says; `nil` if it does not have this shape, which is then noted.
    @inlinable
    public func take(_ value: JSONValue, at pointer: JSONPointer, noting mistakes: inout Mistakes) -> Value? {
        take(value, pointer, &mistakes)
    }

    /// What the JSON text `bytes` says.
    @inlinable
    public func read(
        _ bytes: some Collection<UInt8>, limits: JSONLimits = JSONLimits()
    ) throws(DocumentError) -> Value {
        try read(JSONValue.document(bytes, limits: limits))
    }

    /// What `document`, read as JSON already, says.
    @inlinable
    public func read(_ document: JSONValue) throws(DocumentError) -> Value {
        var mistakes = Mistakes()
        let value = take(document, .root, &mistakes)
        if let error = mistakes.error(in: document) {
            throw error
        }
        guard let value else { throw .mistakes([.saysNothing]) }
        return value
    }

    /// The same shape, with a step that may refuse the value: `convert` returns `nil` for what must not be, and
    /// `otherwise` says what must: "must be three capital letters".
    @inlinable
    public func converted<Other>(
        otherwise: @autoclosure @escaping @Sendable () -> String, _ convert: @escaping @Sendable (Value) -> Other?
    ) -> JSONShape<Other> {
        JSONShape<Other> { value, pointer, mistakes in
            guard let taken = take(value, pointer, &mistakes) else { return nil }
            let other = convert(taken)
            if other == nil {
                mistakes.note(pointer, otherwise())
            }
            return other
        }
    }

    /// The same shape for one who goes on without the value: a mistake is noted, and `nil` is what was read.
    @inlinable
    public var attempted: JSONShape<Value?> {
        JSONShape<Value?> { value, pointer, mistakes in
            .some(take(value, pointer, &mistakes))
        }
    }
}

extension JSONShape where Value == String {
    /// Any string.
    @inlinable
    public static var string: JSONShape<String> {
        JSONShape { value, pointer, mistakes in
            if case .string(let text) = value { return text }
            mistakes.note(pointer, "must be a string")
            return nil
        }
    }
}

extension JSONShape where Value == Bool {
    /// `true` or `false`.
    @inlinable
    public static var boolean: JSONShape<Bool> {
        JSONShape { value, pointer, mistakes in
            if case .boolean(let boolean) = value { return boolean }
            mistakes.note(pointer, "must be true or false")
            return nil
        }
    }
}

extension JSONShape where Value == Int64 {
    /// A whole number, written without fraction and exponent.
    public static var integer: JSONShape<Int64> {
        JSONShape { value, pointer, mistakes in
            switch value {
            case .integer(let integer): return integer
            case .number(let text) where text.utf8.contains { $0 == UInt8(ascii: ".") || $0 | 0x20 == 0x65 }:
                mistakes.note(pointer, "must be a whole number, without fraction and exponent")
            case .number: mistakes.note(pointer, "must be a number of 64 bits")
            default: mistakes.note(pointer, "must be a whole number")
            }
            return nil
        }
    }
}

extension JSONShape where Value == Int {
    /// A whole number, written without fraction and exponent.
    @inlinable
    public static var integer: JSONShape<Int> {
        JSONShape<Int64>.integer.converted(otherwise: "must be a number of \(Int.bitWidth) bits") { Int(exactly: $0) }
    }

    /// A whole number of `range`.
    @inlinable
    public static func integer(in range: ClosedRange<Int>) -> JSONShape<Int> {
        integer.converted(otherwise: "must be from \(range.lowerBound) to \(range.upperBound)") {
            range.contains($0) ? $0 : nil
        }
    }
}

extension JSONShape {
    /// One of the words of `type`, told by its raw value.
    public static func word(_ type: Value.Type) -> JSONShape
    where Value: RawRepresentable & CaseIterable & Sendable, Value.RawValue == String {
        let words = Value.allCases.map(\.rawValue)
        let choice = words.map { "\"\($0)\"" }.joined(separator: " or ")
        return JSONShape { value, pointer, mistakes in
            guard case .string(let text) = value else {
                mistakes.note(pointer, "must be \(choice)")
                return nil
            }
            if let word = Value(rawValue: text) { return word }
            mistakes.note(pointer, "must be \(choice)" + didYouMean(text, among: words))
            return nil
        }
    }

    /// An array of `element`s, of which there must be `count`. It is read to its end also after a mistake.
    @inlinable
    public static func list<Element>(
        of element: JSONShape<Element>, count: ClosedRange<Int> = 0...Int.max
    ) -> JSONShape where Value == [Element] {
        JSONShape { value, pointer, mistakes in
            guard case .array(let values) = value else {
                mistakes.note(pointer, "must be an array")
                return nil
            }
            guard count.contains(values.count) else {
                mistakes.note(
                    pointer,
                    count.upperBound == .max
                        ? "must have \(count.lowerBound) or more elements"
                        : "must have from \(count.lowerBound) to \(count.upperBound) elements")
                return nil
            }
            var elements = [Element]()
            elements.reserveCapacity(values.count)
            for (index, value) in values.enumerated() {
                if let element = element.take(value, at: pointer.appending(index), noting: &mistakes) {
                    elements.append(element)
                }
            }
            return elements.count == values.count ? elements : nil
        }
    }

    /// An object whose members `read` asks for by name. Every member it did not ask for is noted, so it asks for all
    /// of them before it decides anything, and returns `nil` only after a mistake.
    @inlinable
    public static func object(_ read: @escaping @Sendable (inout ObjectReader) -> Value?) -> JSONShape {
        JSONShape { value, pointer, mistakes in
            guard case .object(let members) = value else {
                mistakes.note(pointer, "must be an object")
                return nil
            }
            var object = ObjectReader(members, at: pointer, mistakes: mistakes)
            let result = read(&object)
            object.noteUnknownMembers()
            mistakes = object.mistakes
            return result
        }
    }
}
