import BoxOffice
import Testing

/// R52 Pulse, as far as the core counts.
@Suite("The numbers of an event")
struct NumbersTests {
    @Test("They are those of its pools, with the end of the next hold and the number of those that expired")
    func numbers() throws {
        var office = BoxOffice()
        func moment(_ seconds: Int64) -> Moment {
            Moment(office: Timestamp(milliseconds: seconds * 1_000), wall: WallTime(milliseconds: seconds * 1_000))
        }
        func decide(_ command: Command, _ seconds: Int64) throws {
            _ = try office.decide(command, at: moment(seconds))
        }
        let main = Halls.code("main")
        func hold(_ type: String, _ quantity: Int) throws -> Command {
            let line = Line(type: Halls.code(type), quantity: quantity)
            return .hold(HoldRequest(event: main, lines: OneOrMore(line)))
        }
        let none = office.numbers(of: main, at: moment(0))
        #expect(none == nil)
        try decide(.define(Halls.hall("floor=9 day=5", "GA:floor VIP:floor+day")), 0)
        try decide(hold("GA", 2), 10)
        try decide(hold("VIP", 3), 20)
        try decide(hold("GA", 1), 30)
        try decide(.purchase(HoldID(3)), 40)
        func told(_ seconds: Int64) throws -> [Int?] {
            let found = office.numbers(of: main, at: moment(seconds))
            let numbers = try #require(found)
            let counts = office.counts(at: moment(seconds))
            #expect(numbers.pools == counts)
            let next = numbers.nextExpiry.map { Int($0.milliseconds / 1_000) }
            return numbers.pools.flatMap { [$0.free, $0.held, $0.sold] } + [numbers.holds, numbers.expired, next]
        }
        #expect(try told(40) == [3, 5, 1, 2, 3, 0, 2, 0, 310])
        #expect(try told(309) == [3, 5, 1, 2, 3, 0, 2, 0, 310])
        #expect(try told(310) == [5, 3, 1, 2, 3, 0, 1, 1, 320])
        // A hold of two pools is one hold.
        #expect(try told(320) == [8, 0, 1, 5, 0, 0, 0, 2, nil])
    }
}
