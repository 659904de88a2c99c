/// What a setting's value must be: its type, and its bounds.
enum Allowed: Sendable {
    /// A whole number within bounds.
    case number(ClosedRange<Int>)
    /// One of these words.
    case choice([String])
    /// A host name or an address. Whether it can be listened on shows when it is tried.
    case host
    /// A host and a port to listen on.
    case address
    /// Addresses to listen at.
    case addresses(upTo: Int)
    /// Addresses and networks of proxies.
    case networks(upTo: Int)
    /// Origins of other sites, or `*` alone.
    case origins(upTo: Int)
    /// Permissions of a file in octal digits.
    case mode
    /// A path of a file or a directory.
    case path
    /// Several paths.
    case paths(upTo: Int)
    /// An identifier as in the API: letters, digits, `_` and `-`.
    case code(upTo: Int)
    /// What a browser's address begins with: a scheme, a host, perhaps a port (RFC 6454).
    case origin
    /// Several of them, each by its name.
    case exactOrigins(upTo: Int)
    /// What a link can lead to: an address of the web, in ASCII.
    case link
    /// Text that people read, on one line.
    case line(upTo: Int)
    /// A colour as CSS writes it with six digits.
    case colour
    /// An address of a service: an origin, perhaps with a path.
    case url
    /// The word `embedded`, or an address of Redis, whose parts after the scheme the client of Redis reads.
    case store

    /// What an address of Redis begins with.
    static let schemes = [
        "redis://", "rediss://", "redis+cluster://", "rediss+cluster://", "valkey://", "valkeys://",
        "valkey+cluster://", "valkeys+cluster://",
    ]

    /// The longest path that Linux takes.
    static let pathBytes = 4096
    /// The longest address of the web.
    static let linkBytes = 2_000
    /// The longest host name of the DNS.
    static let hostBytes = 253

    /// What is allowed, for people, to follow "allowed: ".
    var description: String {
        switch self {
        case .number(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .choice(let words): words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
        case .host: "a host name or address of 1 to \(Allowed.hostBytes) characters, without spaces"
        case .address: "HOST:PORT, as in 127.0.0.1:9464 or [::1]:9464"
        case .addresses(let limit): "a list of at most \(limit) of \(ListenEntry.allowed)"
        case .networks(let limit): "a list of at most \(limit) of \(ProxyEntry.allowed)"
        case .origins(let limit):
            "* alone, or a list of at most \(limit) of http:// or https://, a host, perhaps a port, and nothing behind them"
        case .mode: "three or four octal digits, as in 0660"
        case .path: "a path of 1 to \(Allowed.pathBytes) bytes"
        case .paths(let limit): "a list of at most \(limit) paths, each of 1 to \(Allowed.pathBytes) bytes"
        case .code(let limit): "1 to \(limit) of A-Z a-z 0-9 _ -"
        case .origin: "http:// or https://, a host, perhaps a port, and nothing behind them"
        case .exactOrigins(let limit): "a list of at most \(limit) of http:// or https://, a host, perhaps a port"
        case .link: "an address as in https://example.org/imprint, \(Allowed.linkBytes) bytes at most"
        case .line(let limit): "1 to \(limit) bytes, none of them a control character"
        case .colour: "a colour as in #0b5cad"
        case .url: "http:// or https://, a host, perhaps a port and a path, without user and query"
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
        case (.address, .text(let text)):
            HostAndPort(text) != nil
        case (.addresses(let limit), .list(let texts)):
            texts.count <= limit && texts.allSatisfy { ListenEntry($0) != nil }
        case (.networks(let limit), .list(let texts)):
            texts.count <= limit && texts.allSatisfy { ProxyEntry($0) != nil }
        case (.origins(let limit), .list(let texts)):
            texts.count <= limit && (texts == ["*"] || texts.allSatisfy(Allowed.isOrigin))
        case (.mode, .text(let text)):
            (3...4).contains(text.utf8.count) && UInt32(text, radix: 8) != nil && text.utf8.first != UInt8(ascii: "+")
        case (.path, .text(let text)):
            Allowed.isPath(text)
        case (.paths(let limit), .list(let texts)):
            texts.count <= limit && texts.allSatisfy(Allowed.isPath)
        case (.origin, .text(let text)):
            Allowed.isOrigin(text)
        case (.exactOrigins(let limit), .list(let texts)):
            texts.count <= limit && texts.allSatisfy(Allowed.isOrigin)
        case (.link, .text(let text)):
            Allowed.isLink(text)
        case (.line(let limit), .text(let text)):
            (1...limit).contains(text.utf8.count)
                && !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
        case (.colour, .text(let text)):
            text.utf8.count == 7 && text.utf8.first == UInt8(ascii: "#") && text.dropFirst().allSatisfy(\.isHexDigit)
        case (.url, .text(let text)):
            Allowed.isURL(text)
        case (.store, .text(let text)):
            text == "embedded"
                || Allowed.isPath(text) && Allowed.schemes.contains { text.lowercased().hasPrefix($0) }
        case (.code(let limit), .text(let text)):
            (1...limit).contains(text.utf8.count) && text.utf8.allSatisfy(Allowed.isOfCode)
        default:
            false
        }
    }

    /// Reads the one or more texts given as a flag or a variable. What does not read as the right type stays a text,
    /// and is refused by `holds` with everything else that is wrong.
    func value(ofTexts texts: [String]) -> SettingValue {
        switch self {
        case .paths, .addresses, .networks, .origins, .exactOrigins:
            return .list(texts)
        case .number:
            // A flag that stands twice means its last: somebody adds to an alias or to a script's arguments.
            let text = texts.last ?? ""
            return Int(text).map(SettingValue.number) ?? .text(text)
        case .choice, .host, .address, .mode, .path, .code, .origin, .link, .line, .colour, .url, .store:
            return .text(texts.last ?? "")
        }
    }

    private static func isURL(_ text: String) -> Bool {
        guard let scheme = text.firstRange(of: "://") else { return false }
        let path = text[scheme.upperBound...].firstIndex(of: "/") ?? text.endIndex
        return isOrigin(String(text[..<path])) && text[path...].utf8.count <= pathBytes
            && text[path...].utf8.allSatisfy {
                $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#")
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

    /// Nothing that has a meaning in an attribute or a header.
    private static func isLink(_ text: String) -> Bool {
        guard let scheme = ["http://", "https://"].first(where: text.hasPrefix) else { return false }
        return text.utf8.count <= linkBytes && text.utf8.count > scheme.utf8.count
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !"\"<>[]\\^`{|}".utf8.contains($0) }
    }

    static func isPath(_ text: String) -> Bool {
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
