package import NIOCore
internal import Synchronization

/// How often each caller may ask (R26 Quota): each has a bucket of tokens, which fills evenly, and each request takes one
/// token from it.
///
/// A bucket is one number, the moment at which it is full again (the "generic cell rate algorithm"), so that waiting
/// costs nothing and a full bucket is the same as none. The number of buckets is fixed. A caller's address leads to eight
/// of them; a new caller gets the one that is nearest to full, since forgetting that one loses least. The process seeds
/// the choice of the eight, so a caller cannot choose whose bucket to take.
package struct CallerQuota: Sendable {
    /// Who asks, as far as we know without trusting anybody: an IPv4 address, or the 64-bit network of an IPv6 address,
    /// since a caller with one address has all of its network.
    package struct Caller: Hashable, Sendable {
        private let prefix: UInt64
        private let isNetwork: Bool

        /// - Parameter address: all callers without an internet address count as one.
        package init(_ address: SocketAddress?) {
            switch address {
            case .v4(let address):
                // Behind family and port, on every system that there is.
                prefix = withUnsafeBytes(of: address.address) { bytes in
                    UInt64(bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
                }
                isNetwork = false
            case .v6(let address):
                // Behind family, port and flow.
                let (high, low) = withUnsafeBytes(of: address.address) { bytes in
                    (
                        bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                        bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
                    )
                }
                // An IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2): all of these share one network.
                let isMapped = high == 0 && UInt64(bigEndian: low) >> 32 == 0xffff
                prefix = isMapped ? UInt64(UInt32(truncatingIfNeeded: UInt64(bigEndian: low)).bigEndian) : high
                isNetwork = !isMapped
            case .unixDomainSocket, nil:
                prefix = 0
                isNetwork = false
            }
        }

        /// - Parameter address: all callers without an internet address count as one.
        package init(of address: InternetAddress?) {
            // As above, whose numbers are in the order of the network.
            isNetwork = address.map { $0.v4 == nil } ?? false
            prefix = address.map { $0.v4.map { UInt64($0.bigEndian) } ?? $0.high.bigEndian } ?? 0
        }
    }

    /// What a caller has left after asking.
    package struct Standing: Sendable {
        package let isAllowed: Bool
        /// Requests that would be allowed at once.
        package let remaining: Int
        /// Until the bucket is full.
        package let fullIn: Duration
        /// Until one more request is allowed; zero if one is now.
        package let retryAfter: Duration
    }

    private struct Bucket {
        var caller = Caller(nil)
        /// In nanoseconds of the clock of ``take(_:at:)``.
        var fullAt = Int64.min
    }

    private static let ways = 8

    /// Nanoseconds between two tokens.
    private let interval: Int64
    private let burst: Int64
    private var buckets: [Bucket]

    package init(_ quota: ServiceConfiguration.Quota) {
        precondition(quota.perSecond >= 1 && quota.burst >= 1 && quota.callers >= 1, "a quota allows a request")
        interval = max(1, 1_000_000_000 / Int64(quota.perSecond))
        burst = Int64(quota.burst)
        let sets = (quota.callers + Self.ways - 1) / Self.ways
        buckets = Array(repeating: Bucket(), count: sets * Self.ways)
    }

    /// Takes a token from the caller's bucket, if there is one.
    package mutating func take(_ caller: Caller, at now: NIODeadline) -> Standing {
        let now = Int64(clamping: now.uptimeNanoseconds)
        let index = index(of: caller, at: now)
        let fullAt = max(now, buckets[index].fullAt)
        let lacking = fullAt - now + interval - burst * interval
        let isAllowed = lacking <= 0
        let next = isAllowed ? fullAt + interval : fullAt
        buckets[index].fullAt = next
        return Standing(
            isAllowed: isAllowed, remaining: Int((burst * interval - (next - now)) / interval),
            fullIn: .nanoseconds(next - now), retryAfter: .nanoseconds(max(0, lacking)))
    }

    /// Where the caller's bucket is; it is made if there is none.
    private mutating func index(of caller: Caller, at now: Int64) -> Int {
        let first = Int(UInt(bitPattern: caller.hashValue) % UInt(buckets.count / Self.ways)) * Self.ways
        var fullest = first
        for index in first..<(first + Self.ways) {
            if buckets[index].caller == caller { return index }
            if buckets[index].fullAt < buckets[fullest].fullAt { fullest = index }
        }
        buckets[fullest] = Bucket(caller: caller, fullAt: now)
        return fullest
    }
}

/// The one quota that all event loops share.
///
/// With a bucket on each loop a caller could ask as many times as often as there are loops; with the tokens divided among
/// the loops, a caller with one connection would get only a part of them. The lock is held for some tens of nanoseconds a
/// request.
final class SharedQuota: Sendable {
    private let quota: Mutex<CallerQuota>
    /// `q` tokens, given in `w` seconds.
    private let policy: String

    init(_ quota: ServiceConfiguration.Quota) {
        self.quota = Mutex(CallerQuota(quota))
        let window = max(1, (quota.burst + quota.perSecond - 1) / quota.perSecond)
        policy = "\"default\";q=\(quota.burst);w=\(window)"
    }

    /// Takes a token, and says what the caller has left.
    func take(_ caller: CallerQuota.Caller, at now: NIODeadline) -> CallerQuota.Standing {
        quota.withLock { $0.take(caller, at: now) }
    }

    /// The fields of an answer (draft-ietf-httpapi-ratelimit-headers-10).
    func fields(_ standing: CallerQuota.Standing) -> [(name: String, value: String)] {
        let (seconds, rest) = standing.fullIn.components
        let full = rest > 0 ? seconds + 1 : seconds
        return [
            ("ratelimit-policy", policy), ("ratelimit", "\"default\";r=\(standing.remaining);t=\(full)"),
        ]
    }
}
