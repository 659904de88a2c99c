import BoxOffice
import RedisServers
import RedisStore
import StoreContract
import Testing
import TicketStore

/// Times in which buyers could not buy, and what live holds get in return (R7 Restart).
@Suite("After an absence live holds have the recovery grace", .serialized)
struct AbsenceTests {
    /// A store whose servers and nodes are away at times.
    final class Stage {
        let subject: RedisSubject
        private var ticks: Int64 = 1_000_000

        init() async throws {
            subject = try await RedisSubject(longestGap: "1000")
            try await pass(.zero)
            // Ten minutes, of which buyers see two seconds less.
            _ = try await subject.node.outcome(.define(hall(2, hold: .seconds(600))))
        }

        /// Lets time pass at once.
        func pass(_ span: Duration) async throws {
            ticks += span.inMilliseconds
            try await subject.advance(
                to: Moment(office: Timestamp(milliseconds: ticks), wall: WallTime(milliseconds: ticks)))
        }

        /// Lets seconds pass one by one, with nodes that call.
        func pass(seconds: Int) async throws {
            for _ in 0..<seconds {
                try await pass(.seconds(1))
                _ = try await subject.counts()
            }
        }

        func hold() async throws -> HoldID {
            guard case .held(let view, _) = try await subject.node.outcome(holdGA()) else {
                throw StoreFailure.outcomeUnknown
            }
            return view.id
        }

        /// The state of a hold, and the seconds left that its buyer sees.
        func look(_ hold: HoldID) async throws -> String {
            guard case .decided(.looked(let view, _), let now) = await subject.store.perform(.look(hold)) else {
                throw StoreFailure.outcomeUnknown
            }
            return "\(view.state) \(max(0, (view.expiresAt.milliseconds - now.office.milliseconds) / 1_000))"
        }
    }

    @Test("After servers or nodes were away, a hold that would end within a minute has a minute, and not more")
    func grace() async throws {
        let stage = try await Stage()
        let old = try await stage.hold()
        try await stage.pass(seconds: 590)
        let young = try await stage.hold()
        #expect(try await stage.look(old) == "held 10")
        // An hour counts as a second. Then there is a minute, of which buyers see two seconds less.
        try await stage.pass(.seconds(3_600))
        #expect(try await stage.look(old) == "held 58")
        #expect(try await stage.look(young) == "held 599")
        // Away again within the grace.
        try await stage.pass(seconds: 30)
        #expect(try await stage.look(old) == "held 28")
        try await stage.subject.restart()
        #expect(try await stage.look(old) == "held 58")
        try await stage.pass(seconds: 59)
        #expect(try await stage.look(old) == "held 0")
        #expect(try await stage.subject.counts().first?.held == 2)
        #expect(try await stage.subject.node.store.recount().broken == nil)
        try await stage.pass(seconds: 1)
        #expect(try await stage.look(old) == "expired 0")
        #expect(try await stage.subject.counts().first?.held == 1)
        #expect(try await stage.subject.node.store.recount().broken == nil)
        #expect(try await stage.look(young) == "held 509")
    }

    @Test("A server that stalls for a moment moves deadlines, and gives no grace")
    func moment() async throws {
        let stage = try await Stage()
        let hold = try await stage.hold()
        try await stage.pass(seconds: 590)
        try await stage.pass(.seconds(2))
        #expect(try await stage.look(hold) == "held 9")
        try await stage.pass(.milliseconds(2_001))
        #expect(try await stage.look(hold) == "held 58")
    }
}
