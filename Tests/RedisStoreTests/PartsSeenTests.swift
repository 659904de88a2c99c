import BoxOffice
import RedisServers
import RedisStore
import StoreContract
import Testing
import TicketStore

/// What a node tells of an event in parts without asking them.
@Suite("The parts of an event are told as one", .serialized)
struct PartsSeenTests {
    private func free(_ node: TestNode) throws -> Int {
        guard case .current(let availability, _) = node.store.availability(of: try code("hall"), unless: nil) else {
            return -1
        }
        return availability.free
    }

    @Test("A place on its way is told once: neither missing before it has arrived nor twice afterwards")
    func onTheWay() async throws {
        let node = try await TestNode(RedisServer()) { $0.endsBefore = { $0 == "close" } }
        _ = try await node.outcome(.define(hall(30) { $0.parts = 3 }))
        let move = try #require(try await node.store.takePlaces([4], from: 0, to: 1, of: 1))
        #expect(try free(node) == 30)
        try await node.store.givePlaces(move.places, of: move.number, from: 0, to: 1, of: 1)
        #expect(try free(node) == 30)
    }

    @Test("All parts stay in sight while another node makes events")
    func otherEvents() async throws {
        let server = try RedisServer()
        let (one, two) = (try await TestNode(server), try await TestNode(server))
        _ = try await one.outcome(.define(hall(30) { $0.parts = 3 }))
        for round in 1...3 {
            _ = try await two.outcome(.define(hall(5, id: "other-\(round)")))
            // Longer than it takes until a node looks at the list.
            for _ in 0..<40 {
                #expect(try free(one) == 30)
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(one.store.event(try code("other-\(round)")) != nil)
        }
        withExtendedLifetime(two) {}
    }

    @Test("When places may come back is told by the clock of the part that answers, though others go ahead of it")
    func clocks() async throws {
        var limits = Limits()
        limits.recoveryGrace = .zero
        let subject = try await RedisSubject(limits: limits, longestGap: "1000")
        var ticks: Int64 = 1_000_000
        func pass(milliseconds: Int64) async throws {
            ticks += milliseconds
            try await subject.advance(
                to: Moment(office: Timestamp(milliseconds: ticks), wall: WallTime(milliseconds: ticks)))
        }
        func left(_ hold: HoldID) async throws -> Int64 {
            guard case .decided(.looked(let view), let now) = await subject.store.perform(.look(hold)) else {
                throw StoreFailure.outcomeUnknown
            }
            return view.expiresAt.milliseconds - now.office.milliseconds
        }
        try await pass(milliseconds: 0)
        _ = try await subject.node.outcome(.define(hall(2, grace: .zero) { $0.parts = 2 }))
        var holds: [HoldID] = []
        for _ in 0..<2 {
            guard case .held(let view, _) = try await subject.node.outcome(holdGA()) else {
                throw StoreFailure.outcomeUnknown
            }
            holds.append(view.id)
        }
        // Only the second part is called all the time; what the first one missed is a second to it.
        let second = try #require(holds.first { RedisStore.part(of: $0) == 2 })
        for _ in 0..<10 {
            try await pass(milliseconds: 1_000)
            _ = try await left(second)
        }
        let reply = await subject.store.perform(try holdGA())
        guard case .decided(.refused(.temporarilyHeld(let earliest)), let now) = reply else {
            Issue.record("\(reply)")
            return
        }
        #expect(try await left(second) == 50_000)
        #expect(earliest.milliseconds - now.office.milliseconds == 50_000)
    }
}
