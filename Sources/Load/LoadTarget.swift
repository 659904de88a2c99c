/// The server that the load goes to.
public struct LoadTarget: Sendable, Equatable {
    public var host: String
    public var port: Int
    /// The path of the URL; `/` if it has none.
    public var path: String
    /// The path of requests that only read.
    public var looksAt: String

    /// The value of the `Host` field.
    var authority: String {
        (host.contains(":") ? "[\(host)]" : host) + (port == 80 ? "" : ":\(port)")
    }

    /// The server of an `http` URL; nil if `url` is not one.
    public init?(url: String) {
        guard url.lowercased().hasPrefix("http://") else { return nil }
        let rest = url.dropFirst(7)
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        var name = rest[..<end]
        path = end == rest.endIndex ? "/" : String(rest[end...])
        if path.hasPrefix("?") { path = "/" + path }
        port = 80
        if let colon = name.lastIndex(of: ":"), !name[colon...].contains("]") {
            guard let number = Int(name[name.index(after: colon)...]), (1...65_535).contains(number) else { return nil }
            port = number
            name = name[..<colon]
        }
        if name.first == "[", name.last == "]" { name = name.dropFirst().dropLast() }
        guard !name.isEmpty, !path.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }) else { return nil }
        host = String(name)
        looksAt = path
    }
}
