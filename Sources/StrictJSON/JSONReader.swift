/// Reads one JSON text from the first byte to the last.
///
/// The bytes are an array, so that a wrong index would stop the process and not read other memory. Copying the few
/// hundred bytes of a request costs less than the strings made from them.
struct JSONReader {
    /// Up to this many members, a new name is compared with each earlier one. Larger objects use a set, so that their
    /// time stays in proportion to their size.
    static let narrow = 16

    private let bytes: [UInt8]
    private let limits: JSONLimits
    private var position = 0

    /// - Parameter bytes: a byte order mark at their start, as Windows programs write it, is ignored (RFC 8259, 8.1).
    init(_ bytes: [UInt8], limits: JSONLimits) {
        self.bytes = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? Array(bytes.dropFirst(3)) : bytes
        self.limits = limits
    }

    /// The one value of the text.
    mutating func document() throws(JSONError) -> JSONValue {
        skipSpace()
        let value = try value(depth: 0)
        skipSpace()
        guard next == nil else { throw failure("nothing may follow the value") }
        return value
    }

    // MARK: - Values

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "-"), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return try number()
        case UInt8(ascii: "t"): return try word("true", .boolean(true))
        case UInt8(ascii: "f"): return try word("false", .boolean(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case nil: throw failure("the text ends where a value was expected")
        default: throw failure("a value was expected")
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        let matches = word.withUTF8Buffer { bytes[position...].starts(with: $0) }
        guard matches else { throw failure("a value was expected") }
        position += word.utf8CodeUnitCount
        return value
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
        try enter(depth)
        var members = [JSONValue.Member]()
        var names = Set<String>()
        if leave(UInt8(ascii: "}")) { return .object(members) }
        while true {
            guard next == UInt8(ascii: "\"") else { throw failure("a name in quotation marks was expected") }
            let start = position
            let name = try string()
            guard JSONReader.isNew(name, among: members, &names) else {
                throw JSONError(
                    "the member \(name.quoted()) is there twice", at: start, in: bytes,
                    pointer: .root.appending(name))
            }
            skipSpace()
            guard next == UInt8(ascii: ":") else { throw failure("a colon was expected") }
            position += 1
            skipSpace()
            do throws(JSONError) {
                members.append(JSONValue.Member(name, try value(depth: depth)))
            } catch {
                throw error.below(name)
            }
            if try ends(with: UInt8(ascii: "}")) { return .object(members) }
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
        try enter(depth)
        var elements = [JSONValue]()
        if leave(UInt8(ascii: "]")) { return .array(elements) }
        while true {
            do throws(JSONError) {
                elements.append(try value(depth: depth))
            } catch {
                throw error.below("\(elements.count)")
            }
            if try ends(with: UInt8(ascii: "]")) { return .array(elements) }
        }
    }

    private static func isNew(
        _ name: String, among members: [JSONValue.Member], _ names: inout Set<String>
    ) -> Bool {
        if members.count < narrow {
            return !members.contains { $0.name == name }
        }
        if names.isEmpty {
            names.formUnion(members.lazy.map(\.name))
        }
        return names.insert(name).inserted
    }

    /// Skips the opening bracket and the white space after it.
    private mutating func enter(_ depth: Int) throws(JSONError) {
        guard depth <= limits.depth else {
            throw failure("arrays and objects are more than \(limits.depth) deep here")
        }
        position += 1
        skipSpace()
    }

    /// Skips the closing bracket if it is next; returns whether it was.
    private mutating func leave(_ bracket: UInt8) -> Bool {
        guard next == bracket else { return false }
        position += 1
        return true
    }

    /// Skips what follows an element: a comma, or the closing bracket; returns whether it was the bracket.
    private mutating func ends(with bracket: UInt8) throws(JSONError) -> Bool {
        skipSpace()
        let shown = Unicode.Scalar(bracket)
        switch next {
        case bracket:
            position += 1
            return true
        case UInt8(ascii: ","):
            let comma = position
            position += 1
            skipSpace()
            guard next != bracket else { throw failure("no comma may stand before \(shown)", at: comma) }
            return false
        case nil: throw failure("the text ends where a comma or \(shown) was expected")
        default: throw failure("a comma or \(shown) was expected")
        }
    }

    // MARK: - Numbers

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = position
        if next == UInt8(ascii: "-") {
            position += 1
        }
        let first = next
        let digits = skipDigits()
        guard digits > 0 else { throw failure("a digit must follow the minus sign") }
        guard first != UInt8(ascii: "0") || digits == 1 else {
            throw failure("a number must not begin with a needless 0", at: start)
        }
        var isWhole = true
        if next == UInt8(ascii: ".") {
            isWhole = false
            position += 1
            guard skipDigits() > 0 else { throw failure("a digit must follow the decimal point") }
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            isWhole = false
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") {
                position += 1
            }
            guard skipDigits() > 0 else { throw failure("the exponent needs a digit") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard isWhole, let integer = Int64(text) else { return .number(text) }
        return .integer(integer)
    }

    private mutating func skipDigits() -> Int {
        let start = position
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            position += 1
        }
        return position - start
    }

    // MARK: - Position

    /// The next byte; `nil` at the end.
    private var next: UInt8? {
        position < bytes.count ? bytes[position] : nil
    }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
            position += 1
        }
    }

    private func failure(_ what: String, at offset: Int? = nil) -> JSONError {
        JSONError(what, at: offset ?? position, in: bytes)
    }
}

// MARK: - Strings

extension JSONReader {
    /// Reads the string whose opening quotation mark is next.
    private mutating func string() throws(JSONError) -> String {
        position += 1
        // Without escapes the bytes are copied only once, into the string.
        var unescaped = [UInt8]()
        var plain = position
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                let last = bytes[plain..<position]
                position += 1
                guard !unescaped.isEmpty else { return String(decoding: last, as: UTF8.self) }
                unescaped += last
                return String(decoding: unescaped, as: UTF8.self)
            case UInt8(ascii: "\\"):
                unescaped += bytes[plain..<position]
                try unescape(into: &unescaped)
                plain = position
            case ..<0x20: throw failure("a control character in a string must be escaped")
            case ..<0x80: position += 1
            default: try skipScalar()
            }
        }
        throw failure("the text ends inside a string")
    }

    private mutating func unescape(into target: inout [UInt8]) throws(JSONError) {
        let start = position
        position += 1
        guard let byte = next else { throw failure("the text ends inside a string") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): target.append(byte)
        case UInt8(ascii: "b"): target.append(0x08)
        case UInt8(ascii: "f"): target.append(0x0c)
        case UInt8(ascii: "n"): target.append(0x0a)
        case UInt8(ascii: "r"): target.append(0x0d)
        case UInt8(ascii: "t"): target.append(0x09)
        case UInt8(ascii: "u"): target += try scalar(escapedAt: start).utf8
        default: throw failure("there is no such escape", at: start)
        }
    }

    /// The scalar of a `\u` escape, or of two that are a surrogate pair; `position` is after the `u`.
    private mutating func scalar(escapedAt start: Int) throws(JSONError) -> Unicode.Scalar {
        let first = try hexadecimal(escapedAt: start)
        if let scalar = Unicode.Scalar(first) {
            return scalar
        }
        guard (0xd800...0xdbff).contains(first), bytes[position...].starts(with: [0x5c, 0x75]) else {
            throw failure("a surrogate stands without its other half", at: start)
        }
        let next = position
        position += 2
        let second = try hexadecimal(escapedAt: next)
        guard (0xdc00...0xdfff).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
        else { throw failure("a surrogate stands without its other half", at: start) }
        return scalar
    }

    private mutating func hexadecimal(escapedAt start: Int) throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw failure("four hexadecimal digits must follow \\u", at: start)
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    /// Skips a scalar of two to four bytes by the table of well-formed UTF-8 (Unicode, table 3-7), which excludes
    /// overlong forms, surrogates and everything above U+10FFFF.
    private mutating func skipScalar() throws(JSONError) {
        let (length, second): (Int, ClosedRange<UInt8>) =
            switch bytes[position] {
            case 0xc2...0xdf: (2, 0x80...0xbf)
            case 0xe0: (3, 0xa0...0xbf)
            case 0xe1...0xec, 0xee...0xef: (3, 0x80...0xbf)
            case 0xed: (3, 0x80...0x9f)
            case 0xf0: (4, 0x90...0xbf)
            case 0xf1...0xf3: (4, 0x80...0xbf)
            case 0xf4: (4, 0x80...0x8f)
            default: throw failure("the bytes are not valid UTF-8")
            }
        guard position + length <= bytes.count,
            second.contains(bytes[position + 1]),
            bytes[(position + 2)..<(position + length)].allSatisfy({ (0x80...0xbf).contains($0) })
        else { throw failure("the bytes are not valid UTF-8") }
        position += length
    }
}
