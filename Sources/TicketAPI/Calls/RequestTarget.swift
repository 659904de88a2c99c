/// The target of a request in the one form that everything behind the decoder compares.
package enum RequestTarget {
    /// The target with a path in that form; its query stays as it is.
    ///
    /// - Percent-encoded letters, digits, `-`, `.`, `_` and `~` are decoded: RFC 3986, 6.2.2.2, calls both the same path.
    /// - A slash at the end of a path is left out: with it, the path is the same.
    /// - The scheme and the host that a client of a proxy sends (RFC 9112, 3.2.2) are left out.
    package static func normal(_ target: String) -> String {
        var target = target
        return target.withUTF8 { bytes -> String? in
            isNormal(bytes) ? nil : normal(bytes)
        } ?? target
    }

    /// True of nearly every target. False is only a reason to look closer.
    private static func isNormal(_ target: RequestPath.Bytes) -> Bool {
        target.first == UInt8(ascii: "/") && (target.count == 1 || target.last != UInt8(ascii: "/"))
            && !target.has(UInt8(ascii: "%")) && !target.has(UInt8(ascii: "?"))
    }

    private static func normal(_ target: RequestPath.Bytes) -> String {
        var path = unescaped(RequestPath.path(target))
        if path.count > 1, path.last == UInt8(ascii: "/") { path.removeLast() }
        if let query = target.firstIndex(of: UInt8(ascii: "?")) { path += target[query...] }
        return String(decoding: path, as: UTF8.self)
    }

    /// The text with percent-encoded unreserved characters decoded (RFC 3986, 2.3); whatever else is encoded stays so.
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

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }
}

/// The members of a query.
package enum RequestQuery {
    /// The longest part of a name that a refusal repeats.
    private static let shownBytes = 64

    /// What is wrong with the query of a target, in a sentence; `nil` if nothing is.
    ///
    /// A member that nobody reads would be passed over in silence, and the answer would be to another question.
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
}
