import CLibrary

/// A trusted proxy, as the setting `proxies.trusted` says it.
public enum ProxyEntry: Sendable, Equatable {
    /// The 4 or 16 bytes of an address, and how many of its first bits count.
    case network(bytes: [UInt8], bits: Int)
    /// All processes that connect to a unix socket.
    case unix

    static let allowed = "addresses (10.0.0.9, fd00::9), networks (10.0.0.0/8, fd00::/8) and the word unix"

    /// `nil` if the text is none of these.
    init?(_ text: String) {
        if text == "unix" {
            self = .unix
            return
        }
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard !text.utf8.contains(0), let bytes = Self.bytes(String(parts[0])) else { return nil }
        let most = bytes.count * 8
        guard parts.count == 2 else {
            self = .network(bytes: bytes, bits: most)
            return
        }
        guard let bits = Int(parts[1]), (0...most).contains(bits), parts[1].utf8.allSatisfy({ (48...57).contains($0) })
        else { return nil }
        self = .network(bytes: bytes, bits: bits)
    }

    private static func bytes(_ text: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes.prefix(4)) }
        return inet_pton(AF_INET6, text, &bytes) == 1 ? bytes : nil
    }
}
