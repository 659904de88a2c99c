/// The target of a request, read once: its normal form, and what its path leads to.
package struct RequestTarget: Sendable {
    /// The path in its normal form, and the query as it came.
    ///
    /// - Percent-encoded letters, digits, `-`, `.`, `_` and `~` are decoded: RFC 3986, 6.2.2.2, calls both the same path.
    /// - A slash at the end of a path is left out.
    /// - The scheme and the host that a client of a proxy sends (RFC 9112, 3.2.2) are left out.
    package let text: String
    package let path: RequestPath
    /// Bytes of the path; what follows is the query with its question mark.
    private let pathLength: Int

    package init(_ target: String) {
        var text = target
        let read = text.withUTF8 { bytes -> (RequestPath, Int)? in
            Self.isNormal(bytes) ? (RequestPath(bytes), bytes.count) : nil
        }
        if let read {
            (path, pathLength) = read
        } else {
            text = text.withUTF8(Self.normal)
            (path, pathLength) = text.withUTF8 { bytes in
                let length = bytes.position(of: UInt8(ascii: "?")) ?? bytes.count
                return (RequestPath(RequestPath.Bytes(rebasing: bytes[..<length])), length)
            }
        }
        self.text = text
    }

    var hasQuery: Bool { pathLength < text.utf8.count }

    /// Whether the path is one of v1's, known or not.
    var isOfV1: Bool { text.utf8.starts(with: "/v1/".utf8) }

    /// The path without the query.
    var pathText: String { segment(0..<pathLength) }

    /// A part of the path.
    func segment(_ range: Range<Int>) -> String {
        withBytes(range) { String(decoding: $0, as: UTF8.self) }
    }

    func withBytes<Value>(_ range: Range<Int>, _ read: (RequestPath.Bytes) -> Value) -> Value {
        var text = text
        return text.withUTF8 { read(RequestPath.Bytes(rebasing: $0[range])) }
    }

    /// True for nearly every target; false for some that are normal, too.
    private static func isNormal(_ target: RequestPath.Bytes) -> Bool {
        target.first == UInt8(ascii: "/") && (target.count == 1 || target.last != UInt8(ascii: "/"))
            && !target.has(UInt8(ascii: "%")) && !target.has(UInt8(ascii: "?"))
    }

    private static func normal(_ target: RequestPath.Bytes) -> String {
        var path = unescaped(path(of: target))
        if path.count > 1, path.last == UInt8(ascii: "/") { path.removeLast() }
        if let query = target.position(of: UInt8(ascii: "?")) { path += target[query...] }
        return String(decoding: path, as: UTF8.self)
    }

    /// The path of a target as it came: without a query, and without a scheme and an authority. Behind an authority, no
    /// path is the path `/`.
    private static func path(of target: RequestPath.Bytes) -> RequestPath.Bytes {
        var path = target
        if let scheme = lengthOfScheme(target) {
            let rest = path[scheme...]
            guard let end = rest.firstIndex(where: endsAuthority), rest[end] == UInt8(ascii: "/") else {
                return RequestPath.Bytes(start: root.utf8Start, count: root.utf8CodeUnitCount)
            }
            path = RequestPath.Bytes(rebasing: path[end...])
        }
        guard let query = path.position(of: UInt8(ascii: "?")) else { return path }
        return RequestPath.Bytes(rebasing: path[..<query])
    }

    /// How long `http://` or another scheme in front is. Schemes have letters of any case (RFC 9110, 4.2.3), and the decoder
    /// accepts all of them.
    private static func lengthOfScheme(_ target: RequestPath.Bytes) -> Int? {
        guard let colon = target.position(of: UInt8(ascii: ":")), colon > 0,
            target[..<colon].allSatisfy({ (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20) }),
            target[colon...].starts(with: "://".utf8)
        else { return nil }
        return colon + 3
    }

    private static let root: StaticString = "/"

    /// RFC 3986, 3.2.
    private static func endsAuthority(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#")
    }

    /// The text with percent-encoded unreserved characters decoded (RFC 3986, 2.3); everything else stays encoded.
    static func unescaped(_ text: some Collection<UInt8>) -> [UInt8] {
        var plain: [UInt8] = []
        plain.reserveCapacity(text.count)
        var rest = text[...]
        while let byte = rest.first {
            if byte == UInt8(ascii: "%"), let value = value(of: rest.dropFirst().prefix(2)), isUnreserved(value) {
                plain.append(value)
                rest = rest.dropFirst(3)
            } else {
                plain.append(byte)
                rest = rest.dropFirst()
            }
        }
        return plain
    }

    /// The text with everything decoded that is percent-encoded, and spaces for `+`, as forms and most clients write them; `nil`
    /// if a percent sign has no two digits, or if it is no UTF-8.
    static func decoded(_ text: some Collection<UInt8>) -> String? {
        var plain: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                plain.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
                continue
            }
            guard let value = value(of: rest.prefix(2)) else { return nil }
            plain.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: plain, as: UTF8.self)
    }

    private static func value(of digits: some Collection<UInt8>) -> UInt8? {
        guard digits.count == 2 else { return nil }
        var value: UInt8 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | (digit - UInt8(ascii: "0"))
            case UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "a")...UInt8(ascii: "f"):
                value = value << 4 | ((digit | 0x20) - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }

    fileprivate static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }
}

extension String {
    /// The text as a segment of a path, or as a value in a query: all but the unreserved characters (RFC 3986, 2.3) are
    /// percent-encoded.
    package var percentEncoded: String {
        var encoded = ""
        for byte in utf8 {
            if RequestTarget.isUnreserved(byte) {
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                encoded += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return encoded
    }
}

/// The members of a query.
package enum RequestQuery {
    /// The longest part of a name that a refusal repeats.
    private static let shownBytes = 64

    /// What is wrong with the query of a target, in a sentence; `nil` if nothing is.
    ///
    /// Without this, an unknown member would be ignored silently, and the answer would be to another question.
    ///
    /// - Parameter known: the members that are read.
    package static func mistake(in target: String, known: Set<String> = []) -> String? {
        guard let start = target.utf8.firstIndex(of: UInt8(ascii: "?")) else { return nil }
        var seen: Set<String> = []
        for member in target.utf8[start...].dropFirst().split(separator: UInt8(ascii: "&")) {
            let bytes = RequestTarget.unescaped(member.prefix { $0 != UInt8(ascii: "=") })
            let name = String(decoding: bytes, as: UTF8.self)
            var shown = name.isEmpty ? "without a name" : name
            if bytes.count > shownBytes { shown = String(decoding: bytes.prefix(shownBytes), as: UTF8.self) + "…" }
            guard known.contains(name) else {
                let list =
                    known.isEmpty ? "this path takes none" : "known here: " + known.sorted().joined(separator: ", ")
                return "The query member \(shown) is not known; \(list)."
            }
            guard seen.insert(name).inserted else { return "The query member \(shown) occurs twice." }
        }
        return nil
    }

    /// The members of a query with their values; `nil` for a value that is no UTF-8, or has a percent sign without two digits.
    static func members(in target: String) -> [String: String?] {
        guard let start = target.utf8.firstIndex(of: UInt8(ascii: "?")) else { return [:] }
        var found: [String: String?] = [:]
        for member in target.utf8[start...].dropFirst().split(separator: UInt8(ascii: "&")) {
            let name = member.prefix { $0 != UInt8(ascii: "=") }
            let value = RequestTarget.decoded(member.dropFirst(name.count).dropFirst())
            found.updateValue(value, forKey: String(decoding: RequestTarget.unescaped(name), as: UTF8.self))
        }
        return found
    }
}
