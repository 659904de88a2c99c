import BoxOffice
import Testing
import TicketAPI
import TicketStore

/// R52 Pulse: what the process counts, by a clock that the tests move.
@Suite("What the service counts")
struct FiguresTests {
    private let store: CoreStore
    private let connection: TestConnection
    private var figures: ServiceFigures { connection.service.figures }

    init() throws {
        store = try CoreStore(places: 10, events: ["main", "side"])
        connection = try TestConnection(store) { $0.idle = .seconds(100_000) }
    }

    /// Holds on the fast path.
    private func hold(_ event: String = "main", _ quantity: Int = 1, key: Int) -> TestConnection.Answer? {
        connection.send(
            request(
                "POST", "/v1/events/\(event)/holds",
                ["content-type: application/json", "idempotency-key: a-key-of-many-bytes-\(key)"],
                body: "{\"lines\":[{\"type\":\"GA\",\"quantity\":\(quantity)}]}"))
        return connection.answers().last
    }

    /// Time passes a second at a time, and is looked at each second.
    private func pass(seconds: Int) {
        for _ in 0..<seconds {
            store.pass(.seconds(1))
            connection.pass(1)
        }
    }

    private func main() throws -> Code { try #require(Code("main")) }

    private func hour(_ event: String = "main") throws -> [MinuteFigures] {
        figures.minutes(of: try #require(Code(event)), at: store.now.wall)
    }

    @Test("Decisions are counted by event, command and result; unknown events are not, nor calls that decide nothing")
    func decisions() throws {
        _ = hold(key: 1)
        _ = hold(key: 1)
        _ = hold("side", 2, key: 2)
        _ = hold("main", 99, key: 3)
        _ = hold("nowhere", key: 4)
        connection.send(request("GET", "/v1/events/main/availability"))
        connection.send(request("POST", "/buy_ticket/GA"))
        let token = try #require(connection.answers().last).body.split(separator: "\"")[9]
        connection.send(request("POST", "/complete_purchase/\(token)"))
        connection.send(request("POST", "/complete_purchase/\(token)"))
        connection.send(request("POST", "/complete_purchase/wrong"))
        func told(_ event: String?) throws -> [String] {
            figures.decisions(of: try event.map { try #require(Code($0)) }).map {
                "\($0.kind.label) \($0.result.label(of: $0.kind)) \($0.count)"
            }
        }
        #expect(
            try told("main") == [
                "hold held 2", "hold repeated 1", "hold validation_failed 1", "purchase purchased 1",
                "purchase repeated 1",
            ])
        #expect(try told("side") == ["hold held 1"])
        #expect(try told("nowhere") == [])
        #expect(try told(nil) == [])
        #expect(figures.events.map(\.text) == ["main", "side"])
        let requests = figures.requests.map { "\($0.call) \($0.statusClass) \($0.took.count)" }
        #expect(
            requests == [
                "POST /buy_ticket/:type 2 1", "POST /complete_purchase/:token 2 2",
                "GET /v1/events/:event/availability 2 1", "POST /v1/events/:event/holds 2 3",
                "POST /v1/events/:event/holds 4 2", "other 4 1",
            ])
    }

    @Test("Each minute of the last hour has its own counts; older ones are gone")
    func minutes() throws {
        _ = hold(key: 1)
        _ = hold("main", 10, key: 2)
        pass(seconds: 60)
        _ = hold(key: 3)
        #expect(try hour().suffix(2).map(\.holds) == [1, 1])
        #expect(try hour().suffix(2).map(\.refusals) == [1, 0])
        #expect(try hour("side").allSatisfy { $0.holds == 0 })
        pass(seconds: 58 * 60)
        #expect(try hour().prefix(2).map(\.holds) == [1, 1])
        pass(seconds: 60)
        #expect(try hour().prefix(2).map(\.holds) == [1, 0])
        pass(seconds: 60)
        #expect(try hour().allSatisfy { $0.holds == 0 && $0.refusals == 0 })
    }

    @Test("Expired holds are counted in the minute in which the store saw them end, and places as they were at its end")
    func expiry() throws {
        _ = hold("main", 3, key: 1)
        _ = hold("main", 2, key: 2)
        pass(seconds: 30)
        _ = hold("main", 1, key: 3)
        #expect(try hour().last?.held == 5)
        pass(seconds: 33)
        #expect(try hour().reduce(0) { $0 + ($1.expired ?? 0) } == 2)
        #expect(try hour().last?.held == 1)
        pass(seconds: 30)
        let all = try hour()
        #expect(all.reduce(0) { $0 + ($1.expired ?? 0) } == 3)
        #expect(all.last?.held == 0)
        // Nobody looked before the first request.
        #expect(all.first?.expired == nil && all.first?.held == nil)
    }

    @Test("When everything is sold follows from what was sold in the last ten minutes")
    func soldOut() throws {
        let main = try main()
        func end() throws -> Int64? {
            let numbers = try #require(store.numbers(of: main))
            return figures.soldOut(numbers, of: main, at: store.now.wall).map {
                ($0.milliseconds - store.now.wall.milliseconds) / 1_000
            }
        }
        func buy(_ key: Int) {
            guard let hold = hold(key: key) else { return }
            let parts = hold.body.split(separator: "\"")
            guard let name = parts.firstIndex(of: "token"), let id = parts.firstIndex(of: "id") else { return }
            connection.send(
                request("POST", "/v1/holds/\(parts[id + 2])/purchase", ["authorization: Bearer \(parts[name + 2])"]))
            _ = connection.answers()
        }
        #expect(try end() == nil)
        _ = hold("main", 99, key: 1)
        pass(seconds: 1)
        buy(2)
        buy(3)
        pass(seconds: 3)
        #expect(try end() == nil, "three seconds are too short to tell")
        pass(seconds: 5)
        #expect(try end() == 8 * 8 / 2)
        for key in 4...11 { buy(key) }
        #expect(try end() == nil, "nothing is left")
    }

    @Test("The minutes of a hundred events are kept; one of which nothing was asked for an hour makes room")
    func bound() throws {
        let names = (1...101).map { "e\($0)" }
        let store = try CoreStore(events: ["main"] + names)
        let connection = try TestConnection(store) { $0.idle = .seconds(100_000) }
        func hold(_ event: String, _ key: Int) {
            connection.send(
                request(
                    "POST", "/v1/events/\(event)/holds",
                    ["content-type: application/json", "idempotency-key: a-key-of-many-bytes-\(key)"],
                    body: "{\"lines\":[{\"type\":\"GA\",\"quantity\":1}]}"))
        }
        func kept(_ event: String) throws -> UInt64 {
            connection.service.figures.minutes(of: try #require(Code(event)), at: store.now.wall)
                .reduce(0) { $0 + $1.holds }
        }
        for (key, name) in names.enumerated() { hold(name, key) }
        #expect(try kept("e1") == 1)
        #expect(try kept("e100") == 1)
        #expect(try kept("e101") == 0)
        let last = try #require(Code("e101"))
        #expect(connection.service.figures.decisions(of: last).map(\.count) == [1])
        for _ in 0..<30 {
            store.pass(.seconds(60))
            connection.pass(1)
        }
        for (key, name) in names.prefix(99).enumerated() { hold(name, 1_000 + key) }
        for _ in 0..<31 {
            store.pass(.seconds(60))
            connection.pass(1)
        }
        hold("e101", 2_000)
        #expect(try kept("e101") == 1)
        #expect(try kept("e100") == 0)
        #expect(try kept("e1") == 1)
    }

    @Test("The time that callers wait is counted when the store answers later, and forgotten after five minutes")
    func waits() throws {
        store.holdUp()
        _ = hold(key: 1)
        _ = hold(key: 2)
        #expect(figures.waits(for: .hold, at: store.now.wall).count == 0)
        store.goOn()
        connection.loop.run()
        let waits = figures.waits(for: .hold, at: store.now.wall)
        #expect(waits.count == 2)
        #expect(waits.nanoseconds > 0)
        #expect(figures.waits(for: .purchase, at: store.now.wall).count == 0)
        pass(seconds: 259)
        #expect(figures.waits(for: .hold, at: store.now.wall).count == 2)
        pass(seconds: 60)
        #expect(figures.waits(for: .hold, at: store.now.wall).count == 0)
        #expect(figures.requests.first?.took.count == 2)
    }
}
