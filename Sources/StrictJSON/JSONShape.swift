/// How a JSON value must look to become a `Value`. All documents and request bodies are read with shapes.
///
/// A shape notes each mistake and goes on, so that an answer can report all of them.
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

    /// A custom shape. `take` gets a value and its location, and returns `nil` only after noting a mistake.
    @inlinable
    public init(_ take: @escaping @Sendable (JSONValue, JSONPointer, inout Mistakes) -> Value?) {
        self.take = take
    }

    /// Reads the `value` at `pointer`; `nil` after noting a mistake if it does not have this shape.
    @inlinable
    public func take(_ value: JSONValue, at pointer: JSONPointer, noting mistakes: inout Mistakes) -> Value? {
        take(value, pointer, &mistakes)
    }

    /// Reads the JSON text `bytes`.
    @inlinable
    public func read(
        _ bytes: some Collection<UInt8>, limits: JSONLimits = JSONLimits()
    ) throws(DocumentError) -> Value {
        try read(JSONValue.document(bytes, limits: limits))
    }

    /// Reads a JSON value.
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

    /// The same shape with one more step: `convert` returns `nil` to refuse the value, and `otherwise` is then the
    /// mistake: "must be three capital letters".
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

    /// The same shape for a reader that goes on after a mistake: the mistake is noted, and the value is `nil`.
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

extension JSONShape where Value == String {
    /// One of `words`.
    public static func word(_ words: [String]) -> JSONShape<String> {
        let choice = words.map { "\"\($0)\"" }.joined(separator: " or ")
        return JSONShape { value, pointer, mistakes in
            guard case .string(let text) = value else {
                mistakes.note(pointer, "must be \(choice)")
                return nil
            }
            if words.contains(text) { return text }
            mistakes.note(pointer, "must be \(choice)" + didYouMean(text, among: words))
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
    /// JSON Schema takes 2.0 for a whole number.
    package static var wholeNumberForm: String { "must be a whole number, without fraction and exponent" }

    /// A whole number, written without fraction and exponent.
    public static var integer: JSONShape<Int64> {
        JSONShape { value, pointer, mistakes in
            switch value {
            case .integer(let integer): return integer
            case .number(let text) where text.utf8.contains { $0 == UInt8(ascii: ".") || $0 | 0x20 == 0x65 }:
                mistakes.note(pointer, wholeNumberForm)
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
    /// An array of `count` elements. It is read to its end even after a mistake.
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

    /// An object whose members `read` takes by name. Members that it does not take are noted as unknown, so it must
    /// take all of them before it decides anything; it returns `nil` only after a mistake.
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
