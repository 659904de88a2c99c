/// A JSON text (RFC 8259) as it was written: members in the document's order, numbers without loss.
///
/// ``read(_:limits:)`` makes one; a ``JSONShape`` turns it into a type that cannot be wrong.
public enum JSONValue: Sendable, Equatable {
    /// A name and its value in an object.
    public struct Member: Sendable, Equatable {
        /// The name, unescaped.
        public var name: String
        /// The value after the colon.
        public var value: JSONValue

        /// A member of an object.
        public init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// `null`.
    case null
    /// `true` or `false`.
    case boolean(Bool)
    /// A number without fraction and exponent that 64 bits can hold.
    case integer(Int64)
    /// Every other number, as its text. Money and counts are integers, so no caller needs its value.
    case number(String)
    /// A string, unescaped.
    case string(String)
    /// The elements of an array.
    case array([JSONValue])
    /// The members of an object in the document's order, no name twice.
    case object([Member])
}

/// How large and how deep a JSON text may be before it is refused.
public struct JSONLimits: Sendable, Equatable {
    /// The largest ``depth``: the reader recurses once for each level, on a stack of 512 KiB.
    public static let deepest = 128

    /// The bytes of the whole text, white space included. By default 64 KiB, a hundred times an ordinary request.
    public let bytes: Int
    /// The depth of arrays and objects inside each other. By default 16; an event's definition needs 4.
    public let depth: Int

    /// Limits with these bounds; `depth` is from 1 to ``deepest``.
    public init(bytes: Int = 65_536, depth: Int = 16) {
        precondition(bytes >= 1 && (1...JSONLimits.deepest).contains(depth))
        self.bytes = bytes
        self.depth = depth
    }
}

/// Why a text is not JSON, and at which position.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    /// One sentence without capital and full stop: "a comma or ] was expected".
    public let what: String
    /// How many bytes lie before the position.
    public let offset: Int
    /// The line of the position, from 1; lines end with a line feed.
    public let line: Int
    /// The column of the position, from 1, in Unicode scalars.
    public let column: Int
    /// The member, if the mistake is that its name occurs twice.
    public internal(set) var pointer: JSONPointer?

    init(_ what: String, at offset: Int, in bytes: some Collection<UInt8>, pointer: JSONPointer? = nil) {
        var line = 1
        var column = 1
        for byte in bytes.prefix(offset) {
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if byte & 0xc0 != 0x80 {
                column += 1
            }
        }
        self.what = what
        self.offset = offset
        self.line = line
        self.column = column
        self.pointer = pointer
    }

    /// The position and the sentence in one line, safe to print on a terminal.
    public var description: String {
        "line \(line), column \(column) (byte \(offset)): \(what)"
    }

    /// The same error, with its pointer seen from the enclosing object.
    func below(_ name: String) -> JSONError {
        guard let pointer else { return self }
        var outer = self
        outer.pointer = pointer.below(name)
        return outer
    }
}

extension JSONValue {
    /// Reads `bytes` in UTF-8; a byte order mark at their start is ignored.
    ///
    /// Stricter than RFC 8259 in one point: a name that occurs twice is refused, because one reader would take its
    /// first value and another one its last. Names are compared as Swift compares strings, so two ways to write the
    /// same accented letter are the same name.
    ///
    /// Throws at the first mistake. Time and memory are in proportion to the bytes, also for hostile ones.
    @inlinable
    public static func read(
        _ bytes: some Collection<UInt8>, limits: JSONLimits = JSONLimits()
    ) throws(JSONError) -> JSONValue {
        // Of an overlong text only one byte more than the limit is copied, which is enough to refuse it.
        try read(
            bytes.count <= limits.bytes ? [UInt8](bytes) : [UInt8](bytes.prefix(limits.bytes + 1)), within: limits)
    }

    @usableFromInline
    static func read(_ bytes: [UInt8], within limits: JSONLimits) throws(JSONError) -> JSONValue {
        guard bytes.count <= limits.bytes else {
            throw JSONError("the text is longer than \(limits.bytes) bytes", at: limits.bytes, in: bytes)
        }
        var reader = JSONReader(bytes, limits: limits)
        return try reader.document()
    }
}
