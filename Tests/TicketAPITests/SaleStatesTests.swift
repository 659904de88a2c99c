import BoxOffice
import Testing
import TicketAPI
import TicketStore

/// What availability and event documents say of the sale (R30 Availability; R44 Terms of a type).
@Suite("States of the sale")
struct SaleStatesTests {
    private static func states(
        at seconds: Int64, paused: Bool = false, _ change: (inout EventDefinition) -> Void = { _ in }
    ) throws -> SaleStates {
        let floor = try #require(Code("floor"))
        var early = EventDefinition.TicketType(code: try #require(Code("EARLY")), pools: [floor])
        early.opensAt = WallTime(milliseconds: 10_000)
        early.closesAt = WallTime(milliseconds: 20_000)
        var definition = EventDefinition(
            id: try #require(Code("main")), pools: [.init(code: floor, capacity: 9)],
            types: [.init(code: try #require(Code("GA")), pools: [floor]), early])
        change(&definition)
        let wall = WallTime(milliseconds: seconds * 1_000)
        let event = EventReading(definition, isPaused: paused, revision: 1)
        return SaleStates(event, at: Moment(office: .zero, wall: wall))
    }

    @Test("A type has the state of its own window while the event sells, and else the event's; each state has its tag")
    func types() throws {
        let (general, early) = (try #require(Code("GA")), try #require(Code("EARLY")))
        var tags: [String] = []
        let table: [(Int64, SaleState)] = [(9, .notStarted), (10, .open), (19, .open), (20, .ended)]
        for (second, state) in table {
            let states = try Self.states(at: second)
            #expect(states.event == .open && states.state(of: general) == .open)
            #expect(states.state(of: early) == state)
            tags.append(states.tag)
        }
        #expect(tags[1] == tags[2] && Set(tags).count == 3)
        let paused = try Self.states(at: 15, paused: true)
        #expect(paused.state(of: early) == .paused && paused.state(of: general) == .paused)
        let over = try Self.states(at: 15) { $0.closesAt = WallTime(milliseconds: 15_000) }
        #expect(over.state(of: early) == .ended && over.state(of: general) == .ended)
        #expect(try Self.states(at: 15) { $0.types.removeLast() }.tag == "open")
    }
}
