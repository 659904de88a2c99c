/// Writes JSON, value by value, into bytes.
///
/// ```swift
/// var writer = JSONWriter()
/// writer.object { writer in
///     writer.member("id", "main")
///     writer.member("pools") { $0.array { $0.value(44_000) } }
/// }
/// ```
/// The writer adds commas and brackets. It does not check the calls: two values at the top, or a name in an array, are
/// written as asked.
public struct JSONWriter: Sendable {
    /// The layout of the text.
    public enum Layout: Sendable {
        /// Without white space, for programs.
        case compact
        /// One line for each member and two spaces for each level, with a line feed at the end, for people.
        case indented
    }

    /// The bytes written so far.
    public private(set) var bytes: [UInt8]
    private let layout: Layout
    private var depth = 0
    /// Whether the next value is the first one in its brackets, or follows its name.
    private var needsNoComma = true
    private var isNamed = false

    /// A writer with an empty text.
    public init(layout: Layout = .compact, reserving capacity: Int = 0) {
        self.layout = layout
        self.bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// An object whose members `body` writes.
    public mutating func object(_ body: (inout JSONWriter) -> Void) {
        brackets(UInt8(ascii: "{"), UInt8(ascii: "}"), body)
    }

    /// An array whose elements `body` writes.
    public mutating func array(_ body: (inout JSONWriter) -> Void) {
        brackets(UInt8(ascii: "["), UInt8(ascii: "]"), body)
    }

    /// A member whose value `body` writes.
    public mutating func member(_ name: String, _ body: (inout JSONWriter) -> Void) {
        begin()
        JSONWriter.append(name, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        if layout == .indented {
            bytes.append(UInt8(ascii: " "))
        }
        isNamed = true
        body(&self)
    }

    /// A member that is a string, or `null`.
    public mutating func member(_ name: String, _ text: String?) {
        member(name) { $0.value(text) }
    }

    /// A member that is a whole number, or `null`.
    @inlinable
    public mutating func member<Number: FixedWidthInteger>(_ name: String, _ integer: Number?) {
        member(name) { $0.value(integer) }
    }

    /// A member that is `true` or `false`.
    public mutating func member(_ name: String, _ boolean: Bool) {
        member(name) { $0.value(boolean) }
    }

    /// A string, or `null`.
    public mutating func value(_ text: String?) {
        begin()
        guard let text else { return bytes.append(contentsOf: "null".utf8) }
        JSONWriter.append(text, to: &bytes)
    }

    /// A whole number, or `null`.
    @inlinable
    public mutating func value<Number: FixedWidthInteger>(_ integer: Number?) {
        if let integer { digits(String(integer)) } else { value(String?.none) }
    }

    @usableFromInline
    mutating func digits(_ text: String) {
        begin()
        bytes.append(contentsOf: text.utf8)
    }

    /// `true` or `false`.
    public mutating func value(_ boolean: Bool) {
        begin()
        bytes.append(contentsOf: (boolean ? "true" : "false").utf8)
    }

    /// A moment in RFC 3339, or `null`.
    ///
    /// - Parameter milliseconds: since 1970-01-01T00:00:00Z.
    public mutating func value(rfc3339 milliseconds: Int64?) {
        begin()
        guard let milliseconds else { return bytes.append(contentsOf: "null".utf8) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: RFC3339.bytes(of: milliseconds))
        bytes.append(UInt8(ascii: "\""))
    }

    /// Any value. A ``JSONValue/number(_:)`` is written as its text.
    public mutating func value(_ value: JSONValue) {
        switch value {
        case .null: self.value(String?.none)
        case .boolean(let boolean): self.value(boolean)
        case .integer(let integer): self.value(integer)
        case .number(let text):
            begin()
            bytes.append(contentsOf: text.utf8)
        case .string(let text): self.value(text)
        case .array(let elements):
            array { writer in
                for element in elements { writer.value(element) }
            }
        case .object(let members):
            object { writer in
                for member in members { writer.member(member.name) { $0.value(member.value) } }
            }
        }
    }

    // MARK: - Layout

    private mutating func brackets(_ opening: UInt8, _ closing: UInt8, _ body: (inout JSONWriter) -> Void) {
        begin()
        bytes.append(opening)
        depth += 1
        needsNoComma = true
        body(&self)
        depth -= 1
        if !needsNoComma {
            breakLine()
        }
        bytes.append(closing)
        needsNoComma = false
        if depth == 0, layout == .indented {
            bytes.append(UInt8(ascii: "\n"))
        }
    }

    /// Writes what comes before a value or a name: nothing after a name, else the comma and the new line.
    private mutating func begin() {
        if isNamed {
            isNamed = false
            return
        }
        if !needsNoComma {
            bytes.append(UInt8(ascii: ","))
        }
        if depth > 0 {
            breakLine()
        }
        needsNoComma = false
    }

    private mutating func breakLine() {
        guard layout == .indented else { return }
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: depth * 2))
    }
}

extension JSONWriter {
    /// Appends `text` as a JSON string, quotation marks included.
    ///
    /// Only what RFC 8259 demands is escaped: the quotation mark, the backslash, and control characters below U+0020.
    /// Everything else is written in UTF-8.
    @inlinable
    public static func append<Target: RangeReplaceableCollection<UInt8>>(_ text: String, to target: inout Target) {
        target.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { bytes in
            var plain = 0
            for (index, byte) in bytes.enumerated() {
                guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
                target.append(contentsOf: bytes[plain..<index])
                escape(byte, to: &target)
                plain = index + 1
            }
            target.append(contentsOf: bytes[plain...])
        }
        target.append(UInt8(ascii: "\""))
    }

    /// Appends `integer` in decimal digits.
    @inlinable
    public static func append<Target: RangeReplaceableCollection<UInt8>>(
        _ integer: some FixedWidthInteger, to target: inout Target
    ) {
        target.append(contentsOf: String(integer).utf8)
    }

    @inlinable
    static func escape<Target: RangeReplaceableCollection<UInt8>>(_ byte: UInt8, to target: inout Target) {
        target.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): target.append(byte)
        case 0x08: target.append(UInt8(ascii: "b"))
        case 0x09: target.append(UInt8(ascii: "t"))
        case 0x0a: target.append(UInt8(ascii: "n"))
        case 0x0c: target.append(UInt8(ascii: "f"))
        case 0x0d: target.append(UInt8(ascii: "r"))
        default:
            target.append(contentsOf: "u00".utf8)
            target.append(UInt8(ascii: "0") + byte >> 4)
            let low = byte & 0xf
            target.append(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
        }
    }
}
