/// The proxies whose word about a caller counts (R60 Callers behind proxies).
public struct TrustedProxies: Sendable {
    /// The header in which the proxies name the caller.
    public enum Header: Sendable {
        /// `X-Forwarded-For` and `X-Forwarded-Proto`.
        case xForwardedFor
        /// `Forwarded` (RFC 7239).
        case forwarded
    }

    /// Addresses that begin with the same bits.
    private struct Network: Sendable {
        let high, low, highMask, lowMask: UInt64

        func contains(_ address: InternetAddress) -> Bool {
            address.high & highMask == high && address.low & lowMask == low
        }
    }

    /// Only one of the two headers counts: a proxy that writes one of them hands on the other as its client sent it.
    public var header = Header.xForwardedFor
    /// Whether each connection of a trusted proxy begins with a header of the PROXY protocol.
    public var sendsProxyHeader = false
    /// Whether a process that connects to a unix socket is a trusted proxy.
    public let trustsUnixSockets: Bool
    private let networks: [Network]

    /// - Parameters:
    ///   - networks: the 4 or 16 bytes of an address, and how many of its first bits count.
    ///   - unixSockets: whether connections to unix sockets come from a trusted proxy.
    /// - Precondition: each network has 4 or 16 bytes, and no more bits than these.
    public init(networks: [(bytes: [UInt8], bits: Int)], unixSockets: Bool = false) {
        trustsUnixSockets = unixSockets
        self.networks = networks.map { bytes, bits in
            guard let address = InternetAddress(bytes: bytes), (0...bytes.count * 8).contains(bits) else {
                preconditionFailure("a network is an address with some of its bits")
            }
            let all = bits + (16 - bytes.count) * 8
            let highMask = Self.mask(min(all, 64))
            let lowMask = Self.mask(max(0, all - 64))
            return Network(
                high: address.high & highMask, low: address.low & lowMask, highMask: highMask, lowMask: lowMask)
        }
    }

    private static func mask(_ bits: Int) -> UInt64 { bits == 0 ? 0 : ~0 << (64 - bits) }

    /// - Parameter address: `nil` for a unix socket. Of a connection whose address is unknown nobody may ask.
    func trusts(_ address: InternetAddress?) -> Bool {
        guard let address else { return trustsUnixSockets }
        return networks.contains { $0.contains(address) }
    }
}
