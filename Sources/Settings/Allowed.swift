/// What a setting's value must be: its type, and its bounds.
enum Allowed: Sendable {
    /// A whole number within bounds.
    case number(ClosedRange<Int>)
    /// One of these words.
    case choice([String])
    /// A host name or an address. Whether it can be listened on shows when it is tried.
    case host
    /// A path of a file or a directory.
    case path
    /// Several paths.
    case paths(upTo: Int)
    /// An identifier as in the API: letters, digits, `_` and `-`.
    case code(upTo: Int)
    /// What a browser's address begins with: a scheme, a host, perhaps a port (RFC 6454).
    case origin
    /// The word `embedded`, or an address of Redis, whose parts after the scheme the client of Redis reads.
    case store

    /// What an address of Redis begins with.
    static let schemes = [
        "redis://", "rediss://", "redis+cluster://", "rediss+cluster://", "valkey://", "valkeys://",
        "valkey+cluster://", "valkeys+cluster://",
    ]

    /// The longest path that Linux takes.
    static let pathBytes = 4096
    /// The longest host name of the DNS.
    static let hostBytes = 253

    /// What is allowed, for people, to follow "allowed: ".
    var description: String {
        switch self {
        case .number(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .choice(let words): words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
        case .host: "a host name or address of 1 to \(Allowed.hostBytes) characters, without spaces"
        case .path: "a path of 1 to \(Allowed.pathBytes) bytes"
        case .paths(let limit): "a list of at most \(limit) paths, each of 1 to \(Allowed.pathBytes) bytes"
        case .code(let limit): "1 to \(limit) of A-Z a-z 0-9 _ -"
        case .origin: "http:// or https://, a host, perhaps a port, and nothing behind them"
        case .store:
            "embedded, or redis://HOST:PORT, rediss://…, redis+cluster://HOST:PORT,HOST:PORT, rediss+cluster://…"
        }
    }

    /// Whether the value is of the right type and within bounds.
    func holds(_ value: SettingValue) -> Bool {
        switch (self, value) {
        case (.number(let range), .number(let number)):
            range.contains(number)
        case (.choice(let words), .text(let text)):
            words.contains(text)
        case (.host, .text(let text)):
            (1...Allowed.hostBytes).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f }
        case (.path, .text(let text)):
            Allowed.isPath(text)
        case (.paths(let limit), .list(let texts)):
            texts.count <= limit && texts.allSatisfy(Allowed.isPath)
        case (.origin, .text(let text)):
            Allowed.isOrigin(text)
        case (.store, .text(let text)):
            text == "embedded"
                || Allowed.isPath(text) && Allowed.schemes.contains { text.lowercased().hasPrefix($0) }
        case (.code(let limit), .text(let text)):
            (1...limit).contains(text.utf8.count) && text.utf8.allSatisfy(Allowed.isOfCode)
        default:
            false
        }
    }

    /// Reads the one or more texts given as a flag or a variable. What does not read as the right type stays a text, and
    /// is refused by `holds` with everything else that is wrong.
    func value(ofTexts texts: [String]) -> SettingValue {
        switch self {
        case .paths:
            return .list(texts)
        case .number:
            // A flag that stands twice means its last: somebody adds to an alias or to a script's arguments.
            let text = texts.last ?? ""
            return Int(text).map(SettingValue.number) ?? .text(text)
        case .choice, .host, .path, .code, .origin, .store:
            return .text(texts.last ?? "")
        }
    }

    private static func isOrigin(_ text: String) -> Bool {
        guard let scheme = ["http://", "https://"].first(where: text.hasPrefix) else { return false }
        let authority = text.dropFirst(scheme.count)
        guard (1...hostBytes).contains(authority.utf8.count) else { return false }
        var (host, port) = (authority, Substring())
        if let colon = authority.lastIndex(of: ":"), authority.last != "]" {
            (host, port) = (authority[..<colon], authority[authority.index(after: colon)...])
            guard let number = Int(port), (1...65_535).contains(number) else { return false }
        }
        let isAddress = host.hasPrefix("[") && host.hasSuffix("]")
        return !host.isEmpty
            && host.utf8.allSatisfy {
                isOfCode($0) && $0 != UInt8(ascii: "_") || $0 == UInt8(ascii: ".")
                    || isAddress && [UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ":")].contains($0)
            }
    }

    private static func isPath(_ text: String) -> Bool {
        (1...pathBytes).contains(text.utf8.count) && !text.utf8.contains(0)
    }

    private static func isOfCode(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default:
            false
        }
    }
}
