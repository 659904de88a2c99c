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
        // The same IPv4 address by another door.
        #expect(try isSame("::ffff:192.0.2.1", "192.0.2.1"))
        #expect(try !isSame("::ffff:192.0.2.1", "::ffff:192.0.2.2"))
        // A network whose number is that of an address is not that address.
        #expect(try !isSame("0:0:c000:201::", "192.0.2.1"))
        let first = try SocketAddress(ipAddress: "192.0.2.1", port: 1)
        #expect(try CallerQuota.Caller(first) == caller("192.0.2.1"))
        #expect(try CallerQuota.Caller(nil) == CallerQuota.Caller(SocketAddress(unixDomainSocketPath: "/tmp/x")))
    }

    @Test("What is allowed is a burst, and then one each interval, at the very moment")
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
        // Full is full: who waits for long has a burst and no more.
        let allowed = (0..<10).filter { _ in quota.take(one, at: moment(60_000)).isAllowed }
        #expect(allowed.count == 3)
    }

    @Test("Another caller has a bucket of their own")
    func others() throws {
        var quota = quota(burst: 1)
        #expect(try quota.take(caller("192.0.2.1"), at: moment(0)).isAllowed)
        #expect(try !quota.take(caller("192.0.2.1"), at: moment(0)).isAllowed)
        #expect(try quota.take(caller("192.0.2.2"), at: moment(0)).isAllowed)
        #expect(try quota.take(caller("2001:db8::1"), at: moment(0)).isAllowed)
        #expect(try !quota.take(caller("2001:db8::2"), at: moment(0)).isAllowed)
    }

    @Test("With more callers than are remembered, who asks least is forgotten and who asks most is not")
    func forgetting() throws {
        // All eight places of the one set there is.
        var quota = quota(perSecond: 1, burst: 10, callers: 8)
        let greedy = try caller("192.0.2.1")
        for _ in 0..<10 { #expect(quota.take(greedy, at: moment(0)).isAllowed) }
        for number in 0..<200 {
            #expect(try quota.take(caller("198.51.100.\(number)"), at: moment(Int64(number))).isAllowed)
            #expect(!quota.take(greedy, at: moment(Int64(number))).isAllowed, "forgotten after \(number) others")
        }
        // Who was forgotten begins anew, with a burst and no more.
        let returning = try caller("198.51.100.0")
        #expect((0..<20).filter { _ in quota.take(returning, at: moment(200)).isAllowed }.count == 10)
    }
}
