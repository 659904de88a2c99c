internal import CLibrary
package import NIOCore

/// An IPv4 or IPv6 address. An IPv4 address is kept as the IPv6 address that stands for it (IPv4-mapped, RFC 4291,
/// 2.5.5.2), so the two are equal.
package struct InternetAddress: Hashable, Sendable {
    /// The longest text of an address: an IPv6 address that ends in an IPv4 address.
    private static let mostBytes = 45
    private static let mapped: UInt64 = 0xffff << 32

    /// The first 64 bits, which are the network of an IPv6 address.
    let high: UInt64
    let low: UInt64

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    init(v4: UInt32) {
        high = 0
        low = Self.mapped | UInt64(v4)
    }

    /// - Parameter bytes: 4 or 16, as they are sent; `nil` for any other number.
    package init?(bytes: some Collection<UInt8>) {
        let low = bytes.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        switch bytes.count {
        case 4: self.init(v4: UInt32(truncatingIfNeeded: low))
        case 16: self.init(high: bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }, low: low)
        default: return nil
        }
    }

    /// An address in digits; `nil` for anything else, also for a name and for an address with a zone.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count <= Self.mostBytes, !text.utf8.contains(0) else { return nil }
        var bytes = (UInt64(0), UInt64(0))
        if text.withCString({ inet_pton(AF_INET, $0, &bytes) }) == 1 {
            self.init(v4: withUnsafeBytes(of: bytes) { UInt32(bigEndian: $0.load(as: UInt32.self)) })
        } else if text.withCString({ inet_pton(AF_INET6, $0, &bytes) }) == 1 {
            self.init(high: UInt64(bigEndian: bytes.0), low: UInt64(bigEndian: bytes.1))
        } else {
            return nil
        }
    }

    /// `nil` for a unix socket, and for an end that was gone when its address was asked for.
    package init?(_ address: SocketAddress?) {
        // The structures of every system that there is have the address at these places.
        switch address {
        case .v4(let address):
            self.init(
                v4: withUnsafeBytes(of: address.address) {
                    UInt32(bigEndian: $0.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
                })
        case .v6(let address):
            self = withUnsafeBytes(of: address.address) { bytes in
                InternetAddress(
                    high: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                    low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)))
            }
        case .unixDomainSocket, nil: return nil
        }
    }

    /// The IPv4 address; `nil` if it is none.
    var v4: UInt32? {
        high == 0 && low >> 32 == 0xffff ? UInt32(truncatingIfNeeded: low) : nil
    }
}

extension InternetAddress: CustomStringConvertible {
    /// As RFC 5952 writes it.
    package var description: String {
        var text = [CChar](repeating: 0, count: Self.mostBytes + 1)
        if let v4 {
            var address = v4.bigEndian
            inet_ntop(AF_INET, &address, &text, socklen_t(text.count))
        } else {
            var address = (high.bigEndian, low.bigEndian)
            inet_ntop(AF_INET6, &address, &text, socklen_t(text.count))
        }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
