/// Where the service listens, as the setting `listen` says it.
public enum ListenEntry: Sendable, Equatable {
    /// With a scheme it is clear whether TLS is spoken there; without one it is if there is a certificate.
    case tcp(host: String, port: Int, isSecure: Bool?)
    case unix(path: String)
    /// All sockets that systemd hands over.
    case systemd

    static let allowed = "HOST:PORT, http://HOST:PORT, https://HOST:PORT, unix:PATH or systemd"
    /// The longest path of a socket on Linux.
    static let pathBytes = 107

    /// `nil` if the text is not an address to listen at.
    init?(_ text: String) {
        if text == "systemd" {
            self = .systemd
            return
        }
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard Allowed.isPath(path), path.utf8.count <= Self.pathBytes else { return nil }
            self = .unix(path: path)
            return
        }
        var rest = text[...]
        var isSecure: Bool?
        for (scheme, secure) in [("http://", false), ("https://", true)] where text.hasPrefix(scheme) {
            rest = rest.dropFirst(scheme.count)
            isSecure = secure
        }
        guard let colon = rest.lastIndex(of: ":") else { return nil }
        var host = rest[..<colon]
        let digits = rest[rest.index(after: colon)...]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        guard let port = Int(digits), (0...65_535).contains(port), digits.utf8.first != UInt8(ascii: "+"),
            (1...Allowed.hostBytes).contains(host.utf8.count),
            host.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "/") })
        else { return nil }
        self = .tcp(host: String(host), port: port, isSecure: isSecure)
    }
}
