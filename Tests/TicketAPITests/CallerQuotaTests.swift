import NIOCore
import Testing
import TicketAPI

@Suite("Each caller has a bucket")
struct CallerQuotaTests {
    private func quota(perSecond: Int = 10, burst: Int = 3, callers: Int = 64) -> CallerQuota {
        var quota = ServiceConfiguration.Quota(perSecond: perSecond, burst: burst)
        quota.callers = callers
        return CallerQuota(quota)
    }

    private func caller(_ address: String) throws -> CallerQuota.Caller {
        CallerQuota.Caller(try SocketAddress(ipAddress: address, port: 4711))
    }

    private func moment(_ milliseconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(1_000_000_000) + .milliseconds(milliseconds)
    }

    @Test("A caller is an IPv4 address, whatever the port, or the 64-bit network of an IPv6 address")
    func callers() throws {
        func isSame(_ first: String, _ second: String) throws -> Bool { try caller(first) == caller(second) }
        #expect(try isSame("192.0.2.1", "192.0.2.1"))
        #expect(try !isSame("192.0.2.1", "192.0.2.2"))
        #expect(try !isSame("192.0.2.1", "193.0.2.1"))
        #expect(try isSame("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff"))
        #expect(try !isSame("2001:db8:0:1::1", "2001:db8:0:2::1"))
        #expect(try !isSame("2001:db8:0:1::1", "3001:db8:0:1::1"))
        // The same IPv4 address as an IPv4-mapped IPv6 address.
        #expect(try isSame("::ffff:192.0.2.1", "192.0.2.1"))
        #expect(try !isSame("::ffff:192.0.2.1", "::ffff:192.0.2.2"))
        // An IPv6 network and an IPv4 address with the same bytes are two callers.
        #expect(try !isSame("0:0:c000:201::", "192.0.2.1"))
        let first = try SocketAddress(ipAddress: "192.0.2.1", port: 1)
        #expect(try CallerQuota.Caller(first) == caller("192.0.2.1"))
        #expect(try CallerQuota.Caller(nil) == CallerQuota.Caller(SocketAddress(unixDomainSocketPath: "/tmp/x")))
    }

    @Test("A caller may send a burst, and then one request each interval, from its very moment on")
    func refill() throws {
        var quota = quota()
        let one = try caller("192.0.2.1")
        for remaining in [2, 1, 0] {
            let standing = quota.take(one, at: moment(0))
            #expect(standing.isAllowed && standing.remaining == remaining)
            #expect(standing.fullIn == .milliseconds(100 * (3 - remaining)))
            #expect(standing.retryAfter == .zero)
        }
        let refused = quota.take(one, at: moment(0))
        #expect(!refused.isAllowed && refused.remaining == 0 && refused.retryAfter == .milliseconds(100))
        // A refused request takes nothing.
        #expect(!quota.take(one, at: moment(99)).isAllowed)
        #expect(quota.take(one, at: moment(99)).retryAfter == .milliseconds(1))
        #expect(quota.take(one, at: moment(100)).isAllowed)
        #expect(!quota.take(one, at: moment(100)).isAllowed)
        // A full bucket gets no fuller: after a long wait there is one burst.
        let allowed = (0..<10).filter { _ in quota.take(one, at: moment(60_000)).isAllowed }
        #expect(allowed.count == 3)
    }

    @Test("Another caller has another bucket")
    func others() throws {
        var quota = quota(burst: 1)
        #expect(try quota.take(caller("192.0.2.1"), at: moment(0)).isAllowed)
        #expect(try !quota.take(caller("192.0.2.1"), at: moment(0)).isAllowed)
        #expect(try quota.take(caller("192.0.2.2"), at: moment(0)).isAllowed)
        #expect(try quota.take(caller("2001:db8::1"), at: moment(0)).isAllowed)
        #expect(try !quota.take(caller("2001:db8::2"), at: moment(0)).isAllowed)
    }

    @Test(
        "With more callers than there are buckets, the one that asks least is forgotten, and the one that asks most is not"
    )
    func forgetting() throws {
        // All eight buckets of the only set.
        var quota = quota(perSecond: 1, burst: 10, callers: 8)
        let greedy = try caller("192.0.2.1")
        for _ in 0..<10 { #expect(quota.take(greedy, at: moment(0)).isAllowed) }
        for number in 0..<200 {
            #expect(try quota.take(caller("198.51.100.\(number)"), at: moment(Int64(number))).isAllowed)
            #expect(!quota.take(greedy, at: moment(Int64(number))).isAllowed, "forgotten after \(number) others")
        }
        // A caller that was forgotten begins anew, with one burst.
        let returning = try caller("198.51.100.0")
        #expect((0..<20).filter { _ in quota.take(returning, at: moment(200)).isAllowed }.count == 10)
    }
}
