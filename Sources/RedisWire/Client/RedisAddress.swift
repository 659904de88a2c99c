/// What is wrong with an address. None contains any of the address, since there may be a password in it.
public enum RedisAddressMistake: Error, Sendable, Hashable, CustomStringConvertible {
    case unknownScheme
    case noHost
    case badPort
    case badEscape
    case badDatabase
    case databaseInCluster
    case tooManyHosts
    case severalHosts
    case hasQuery

    public var description: String {
        switch self {
        case .unknownScheme:
            "an address begins with redis://, rediss://, redis+cluster:// or rediss+cluster://"
        case .noHost: "an address names a host behind its scheme"
        case .badPort: "a port is a number from 1 to 65535"
        case .badEscape: "a % in an address is followed by two hexadecimal digits, and both make UTF-8"
        case .badDatabase: "a database is a number from 0 to 65535"
        case .databaseInCluster: "a cluster has no databases: an address of one ends behind the ports"
        case .tooManyHosts: "an address names at most \(RedisConfiguration.mostHosts) hosts"
        case .severalHosts: "an address with several hosts begins with redis+cluster:// or rediss+cluster://"
        case .hasQuery: "an address has no query and no fragment: a ? or # in a password is written %3F or %23"
        }
    }
}

extension RedisConfiguration {
    /// Hosts in an address. Some nodes of a cluster are enough to find the others.
    public static let mostHosts = 64

    /// Reads `redis://user:password@host:port/database`, `rediss://` for TLS, and `redis+cluster://` or
    /// `rediss+cluster://` with hosts separated by commas. All but the host may be left out. A password without a user
    /// is written `:password@`, and characters that have a meaning in an address are written with `%`.
    public init(address: String) throws(RedisAddressMistake) {
        guard let (isSecure, isCluster, start) = Self.scheme(of: address) else { throw .unknownScheme }
        let whole = address[start...]
        guard !whole.contains(where: { $0 == "?" || $0 == "#" }) else { throw .hasQuery }
        // The last `@`: a password that was not escaped may have others, and must not end up in a host.
        let at = whole.lastIndex(of: "@")
        let location = at.map { whole[whole.index(after: $0)...] } ?? whole
        let parts = location.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let names = parts[0].split(separator: ",", omittingEmptySubsequences: false)
        guard names.count <= Self.mostHosts else { throw .tooManyHosts }
        guard isCluster || names.count == 1 else { throw .severalHosts }
        var nodes: [RedisNode] = []
        for name in names { nodes.append(try Self.node(name)) }
        let path = parts.count > 1 ? parts[1] : ""
        guard !isCluster || path.isEmpty || path == "0" else { throw .databaseInCluster }
        self.init(servers: isCluster ? .cluster(nodes) : .standalone(nodes[0]))
        if !path.isEmpty {
            guard path.count <= 5, path.utf8.allSatisfy(Self.isDigit), let number = UInt16(path) else {
                throw .badDatabase
            }
            database = Int(number)
        }
        if let at { try readLogin(whole[..<at]) }
        if isSecure { tls = TLS() }
    }

    private static func scheme(of address: String) -> (isSecure: Bool, isCluster: Bool, end: String.Index)? {
        guard let colon = address.firstIndex(of: ":") else { return nil }
        let rest = address[colon...]
        guard rest.hasPrefix("://") else { return nil }
        let end = address.index(colon, offsetBy: 3)
        switch address[..<colon].lowercased() {
        case "redis", "valkey": return (false, false, end)
        case "rediss", "valkeys": return (true, false, end)
        case "redis+cluster", "valkey+cluster": return (false, true, end)
        case "rediss+cluster", "valkeys+cluster": return (true, true, end)
        default: return nil
        }
    }

    private mutating func readLogin(_ login: Substring) throws(RedisAddressMistake) {
        let parts = login.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let name = try Self.unescaped(parts[0])
        if !name.isEmpty { user = name }
        if parts.count > 1 { password = .text(try Self.unescaped(parts[1])) }
    }

    private static func node(_ text: Substring) throws(RedisAddressMistake) -> RedisNode {
        if text.hasPrefix("[") {
            guard let close = text.firstIndex(of: "]") else { throw .noHost }
            let host = text[text.index(after: text.startIndex)..<close]
            let rest = text[text.index(after: close)...]
            guard !host.isEmpty else { throw .noHost }
            guard rest.isEmpty || rest.hasPrefix(":") else { throw .badPort }
            return RedisNode(host: String(host), port: try port(rest.dropFirst(), isThere: !rest.isEmpty))
        }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard !parts[0].isEmpty, parts[0].utf8.allSatisfy(isHostByte) else { throw .noHost }
        return RedisNode(
            host: String(parts[0]), port: try port(parts.count > 1 ? parts[1] : "", isThere: parts.count > 1))
    }

    private static func port(_ text: Substring, isThere: Bool) throws(RedisAddressMistake) -> Int {
        guard isThere else { return 6379 }
        guard text.count <= 5, text.utf8.allSatisfy(isDigit), let port = UInt16(text), port > 0 else { throw .badPort }
        return Int(port)
    }

    private static func unescaped(_ text: Substring) throws(RedisAddressMistake) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexadecimal), let low = rest.popFirst().flatMap(hexadecimal) else {
                throw .badEscape
            }
            bytes.append(high << 4 | low)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .badEscape }
        return text
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
