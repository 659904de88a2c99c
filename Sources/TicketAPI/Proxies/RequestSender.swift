package import NIOHTTP1

/// Who sends a request, and how it comes to us or to the proxy in front.
package struct RequestSender: Hashable, Sendable {
    /// `nil` on a unix socket.
    package var address: InternetAddress?
    /// Whether it came through TLS.
    package var isSecure: Bool

    package init(_ address: InternetAddress?, isSecure: Bool) {
        self.address = address
        self.isSecure = isSecure
    }
}

extension TrustedProxies {
    /// Proxies behind one another that are looked at. Longer chains come from a circle.
    static let mostHops = 32

    /// Who sends a request, as the headers of a trusted proxy say.
    ///
    /// Each proxy adds the address that it was asked from at the end. So the list is read from there: past addresses that
    /// are trusted, to the first one that is not. What stands before it may be made up. Where a proxy hides an address or
    /// writes something else, the sender is the last one that is known.
    ///
    /// - Parameter connection: what the connection itself shows, which is trusted.
    package func sender(of headers: HTTPHeaders, over connection: RequestSender) -> RequestSender {
        switch header {
        case .xForwardedFor:
            var sender = connection
            sender.address = lastUntrusted(headers, "x-forwarded-for", from: connection.address) { Node.address($0) }
            // Proxies add nothing here, most replace it: the last one is the nearest proxy's.
            if let proto = headers.last(where: { $0.name.isASCII("x-forwarded-proto") })?.value.utf8 {
                sender.isSecure = proto.split(separator: UInt8(ascii: ",")).last.map(Node.isHTTPS) ?? false
            }
            return sender
        case .forwarded:
            var sender = connection
            sender.address = lastUntrusted(headers, "forwarded", from: connection.address) { element in
                var address: InternetAddress?
                for (name, value) in Node.pairs(element) {
                    if name == "for" { address = Node.address(value) }
                    if name == "proto" { sender.isSecure = Node.isHTTPS(value) }
                }
                return address
            }
            return sender
        }
    }

    /// - Parameter read: the address in an element; `nil` if there is none.
    private func lastUntrusted(
        _ headers: HTTPHeaders, _ name: StaticString, from first: InternetAddress?,
        _ read: (Node.Bytes) -> InternetAddress?
    ) -> InternetAddress? {
        var last = first
        var hops = 0
        for value in headers.lazy.filter({ $0.name.isASCII(name) }).map(\.value).reversed() {
            var rest = Substring(value).utf8
            while let element = Node.removeLast(from: &rest) {
                hops += 1
                guard hops <= Self.mostHops, let address = read(element) else { return last }
                last = address
                guard trusts(address) else { return last }
            }
        }
        return last
    }
}

/// Reads elements of `Forwarded` (RFC 7239) and `X-Forwarded-For`.
private enum Node {
    typealias Bytes = Substring.UTF8View

    /// Takes the last element of a list with commas. From behind, because what stands in front comes from the client: a
    /// quotation mark there must not swallow what the proxy has written.
    static func removeLast(from list: inout Bytes) -> Bytes? {
        guard !list.isEmpty else { return nil }
        var isQuoted = false
        var start = list.endIndex
        while start > list.startIndex {
            let before = list.index(before: start)
            if list[before] == UInt8(ascii: "\"") { isQuoted.toggle() }
            if !isQuoted, list[before] == UInt8(ascii: ",") {
                defer { list = list[..<before] }
                return trimmed(list[start...])
            }
            start = before
        }
        defer { list = list[list.endIndex...] }
        return trimmed(list)
    }

    /// The pairs of an element, with names in small letters and values without quotation marks.
    static func pairs(_ element: Bytes) -> [(name: String, value: Bytes)] {
        element.split(separator: UInt8(ascii: ";")).map { pair in
            let name = pair.prefix { $0 != UInt8(ascii: "=") }
            var value = trimmed(pair.dropFirst(name.count + 1))
            if value.count >= 2, value.first == UInt8(ascii: "\""), value.last == UInt8(ascii: "\"") {
                value = value.dropFirst().dropLast()
            }
            return (String(Substring(trimmed(name))).lowercased(), value)
        }
    }

    /// The address of a node: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`.
    static func address(_ node: Bytes) -> InternetAddress? {
        if node.first == UInt8(ascii: "[") {
            let inside = node.dropFirst().prefix { $0 != UInt8(ascii: "]") }
            let rest = node[inside.endIndex...].dropFirst()
            guard inside.endIndex < node.endIndex, isPort(rest) else { return nil }
            return InternetAddress(Substring(inside))
        }
        guard let colon = node.firstIndex(of: UInt8(ascii: ":")), colon == node.lastIndex(of: UInt8(ascii: ":")) else {
            return InternetAddress(Substring(node))
        }
        return isPort(node[colon...]) ? InternetAddress(Substring(node[..<colon])) : nil
    }

    private static func isPort(_ text: Bytes) -> Bool {
        guard let colon = text.first else { return true }
        return colon == UInt8(ascii: ":") && (2...6).contains(text.count)
    }

    static func isHTTPS(_ proto: Bytes) -> Bool { String(Substring(trimmed(proto))).isASCII("https") }

    private static func trimmed(_ text: Bytes) -> Bytes {
        let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        guard let last = text.lastIndex(where: { !isBlank($0) }) else { return text[text.endIndex...] }
        return text[...last].drop(while: isBlank)
    }
}

/// What is known of the other end of a connection.
struct ConnectionOrigin: Sendable {
    let sender: RequestSender
    /// Whether it is a trusted proxy that names its callers: its requests are others'.
    private(set) var isTrusted: Bool
    /// Whom the connection, and requests of an end that is not trusted, count for.
    let caller: CallerQuota.Caller
    /// Whom the connection counts for against the bound of each caller; `nil` for a trusted proxy, which has none.
    let bounded: CallerQuota.Caller?

    init(_ sender: RequestSender, _ proxies: TrustedProxies?) {
        self.sender = sender
        isTrusted = proxies?.trusts(sender.address) ?? false
        caller = CallerQuota.Caller(of: sender.address)
        bounded = isTrusted ? nil : caller
    }

    /// The proxy as the sender of all requests: it does not look into them, and says that it does not know a caller. So
    /// headers that name one are not its own.
    var unnamed: ConnectionOrigin {
        var origin = self
        origin.isTrusted = false
        return origin
    }
}
