public import NIOCore

/// A reply that does not have the expected shape.
public struct RedisShapeError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was expected, in words.
    public let expected: String
    /// What came, in words; never its content.
    public let found: String

    public init(expected: String, found: String) {
        self.expected = expected
        self.found = found
    }

    public var description: String { "expected \(expected) from the server, found \(found)" }
}

/// Reading replies: each function returns the value of a kind, or throws what it found instead.
extension RedisReply {
    /// The kind of the reply in words, without the content.
    public var kind: String {
        switch self {
        case .simpleString: "a simple string"
        case .error(let error): "the error \(error.code)"
        case .integer: "an integer"
        case .bulk: "a bulk string"
        case .null: "null"
        case .array(let items): "an array of \(items.count)"
        case .map(let pairs): "a map of \(pairs.count)"
        case .set(let items): "a set of \(items.count)"
        case .double: "a double"
        case .boolean: "a boolean"
        case .bigNumber: "a big number"
        case .verbatim: "a verbatim string"
        case .push: "a push message"
        }
    }

    public var isNull: Bool { self == .null }

    /// A whole number, also one in a string, as scripts return it.
    public func integer() throws(RedisShapeError) -> Int64 {
        switch self {
        case .integer(let number): return number
        case .bulk(let bytes):
            if let number = Decimal.read(bytes.readableBytesView) { return number }
        case .simpleString(let text):
            if let number = Decimal.read(text.utf8) { return number }
        default: break
        }
        throw unexpected("a whole number")
    }

    /// The bytes of a string of any kind.
    public func bytes() throws(RedisShapeError) -> ByteBuffer {
        switch self {
        case .bulk(let bytes), .verbatim(_, let bytes): return bytes
        case .simpleString(let text): return ByteBuffer(string: text)
        default: throw unexpected("a string")
        }
    }

    /// A string of any kind as text; bytes that are not UTF-8 are replaced.
    public func text() throws(RedisShapeError) -> String {
        switch self {
        case .simpleString(let text), .bigNumber(let text): return text
        case .bulk(let bytes), .verbatim(_, let bytes): return String(buffer: bytes)
        default: throw unexpected("a text")
        }
    }

    /// A fractional number; RESP2 has it as a string.
    public func double() throws(RedisShapeError) -> Double {
        switch self {
        case .double(let number): return number
        case .integer(let number): return Double(number)
        case .bulk(let bytes):
            if let number = Double(String(buffer: bytes)) { return number }
        default: break
        }
        throw unexpected("a number")
    }

    /// A boolean; RESP2 has it as 0 or 1.
    public func boolean() throws(RedisShapeError) -> Bool {
        switch self {
        case .boolean(let truth): return truth
        case .integer(0): return false
        case .integer(1): return true
        default: throw unexpected("a boolean")
        }
    }

    /// The items of an array or a set.
    public func array() throws(RedisShapeError) -> [RedisReply] {
        switch self {
        case .array(let items), .set(let items): return items
        default: throw unexpected("an array")
        }
    }

    /// The items of an array or a set that has `count` of them.
    public func array(of count: Int) throws(RedisShapeError) -> [RedisReply] {
        let items = try array()
        guard items.count == count else { throw unexpected("an array of \(count)") }
        return items
    }

    /// The entries of a map; RESP2 has them as an array of keys and values in turn.
    public func pairs() throws(RedisShapeError) -> [RedisPair] {
        switch self {
        case .map(let pairs): return pairs
        case .array(let items) where items.count.isMultiple(of: 2):
            return stride(from: 0, to: items.count, by: 2).map { RedisPair(key: items[$0], value: items[$0 + 1]) }
        default: throw unexpected("a map")
        }
    }

    /// The value of a text key in a map; `nil` if there is none. Looks at one entry after the other.
    public func value(under key: String) throws(RedisShapeError) -> RedisReply? {
        for pair in try pairs() where try pair.key.text() == key { return pair.value }
        return nil
    }

    /// `nil` for null, otherwise what `read` makes of it.
    public func optional<Value>(
        _ read: (RedisReply) throws(RedisShapeError) -> Value
    ) throws(RedisShapeError) -> Value? {
        isNull ? nil : try read(self)
    }

    private func unexpected(_ expected: String) -> RedisShapeError {
        RedisShapeError(expected: expected, found: kind)
    }
}
