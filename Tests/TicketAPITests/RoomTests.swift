import NIOCore
import Testing
import TicketAPI

@Suite("There is a bound for all callers and one for each")
struct RoomTests {
    private func caller(_ number: Int) throws -> CallerQuota.Caller {
        CallerQuota.Caller(try SocketAddress(ipAddress: "192.0.2.\(number)", port: 1))
    }

    @Test("A caller that leaves makes room for itself and for others")
    func room() throws {
        let room = Room(most: 3, mostOfCaller: 2)
        let (one, two) = (try caller(1), try caller(2))
        #expect(room.take(one) == nil)
        #expect(room.take(one) == nil)
        #expect(room.take(one) == .ofCaller)
        #expect(room.take(two) == nil)
        #expect(room.take(two) == .ofAll)
        room.leave(one)
        #expect(room.take(one) == nil)
        #expect(room.take(two) == .ofAll)
        for who in [one, one, two] { room.leave(who) }
        #expect(room.take(one) == nil)
    }

    @Test("Many callers on several threads are never more than there is room for")
    func crowd() async throws {
        let room = Room(most: 20, mostOfCaller: nil)
        let callers = try (1...8).map(caller)
        let taken = await withTaskGroup(of: Int.self) { group in
            for caller in callers {
                group.addTask { (0..<1_000).count { _ in room.take(caller) == nil } }
            }
            return await group.reduce(0, +)
        }
        #expect(taken == 20)
    }
}
