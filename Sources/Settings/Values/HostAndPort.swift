/// A host and a port to listen on.
public struct HostAndPort: Sendable, Equatable, CustomStringConvertible {
    /// A name or an address, without brackets.
    public let host: String
    /// 0 for any free one.
    public let port: Int

    /// Reads `127.0.0.1:9464`, `localhost:9464` or `[::1]:9464`; `nil` for anything else.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port), text[text.index(after: colon)...].utf8.allSatisfy({ (48...57).contains($0) })
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            // Without brackets it is unclear where the address ends and the port begins.
            return nil
        }
        guard Allowed.host.holds(.text(String(host))) else { return nil }
        self.host = String(host)
        self.port = port
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
