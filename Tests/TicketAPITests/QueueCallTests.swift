import BoxOffice
import Foundation
import Testing
import TicketAPI
import TicketStore

/// Joins and looks of people in the queue of `main`, which a sale of ten places an hour later opens. In virtual time.
@Suite("Q2 Numbers, Q5 Turn: joins and looks on the fast path")
struct QueueCallTests {
    private let store: CoreStore
    private let connection: TestConnection
    private let main = Code("main")!
    private var queues: QueueDirectory { connection.service.queues }

    init() async throws {
        store = try CoreStore(places: 10, events: ["main", "shop"])
        connection = try TestConnection(store)
        try await define(main) { definition in
            let now = store.now.wall.milliseconds
            definition.opensAt = WallTime(milliseconds: now + 3_600_000)
            definition.queue = QueueTerms(opensAt: WallTime(milliseconds: now))
        }
        try await define(Code("shop")!) { $0.queue = QueueTerms(identity: .buyer) }
        await queues.round()
    }

    private func define(_ event: Code, _ change: (inout EventDefinition) -> Void) async throws {
        var definition = try #require(store.event(event)).definition
        change(&definition)
        _ = await store.perform(.define(definition))
    }

    private func pass(_ seconds: Int) async {
        for _ in 0..<seconds {
            store.pass(.seconds(1))
            await queues.round()
        }
    }

    private func ask(_ request: String) throws -> (answer: TestConnection.Answer, said: [String: Any]) {
        connection.send(request)
        let answers = connection.answers()
        let answer = try #require(answers.first)
        #expect(answers.count == 1 && connection.router.requests.isEmpty, "\(answers)")
        let said = try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any]
        return (answer, try #require(said))
    }

    private func join(
        _ body: String? = nil, key: String? = nil, target: String = "/v1/events/main/queue"
    ) throws -> (answer: TestConnection.Answer, said: [String: Any]) {
        var headers = body == nil ? [] : ["Content-Type: application/json"]
        if let key { headers.append("Idempotency-Key: \(key)") }
        return try ask(request("POST", target, headers, body: body))
    }

    private func look(
        _ name: String, _ token: String?
    ) throws -> (answer: TestConnection.Answer, said: [String: Any]) {
        try ask(request("GET", "/v1/queue-entries/\(name)", token.map { ["Authorization: Bearer \($0)"] } ?? []))
    }

    @Test("A join gives the entry, its token and its receipt, and once more for the same key")
    func joins() async throws {
        let (answer, entry) = try join(key: "a-key-of-a-join-1")
        #expect(answer.status == 201 && answer.fields["location"] == "/v1/queue-entries/e0.main", "\(answer)")
        #expect(entry["id"] as? String == "E0.main" && entry["state"] as? String == "waiting")
        let token = try #require(entry["token"] as? String)
        let copy = try #require(queues.copy(of: main))
        #expect(queues.mint.entry(of: token, in: copy.name)?.number == 0)
        let receipt = try #require((entry["receipt"] as? String).flatMap { QueueReceipt($0) })
        #expect(receipt.isSigned(by: queues.mint.receiptKeys) && receipt.entry.number == 0)
        await pass(5)
        let (again, same) = try join(key: "a-key-of-a-join-1")
        #expect(again.status == 201 && again.fields["idempotency-replayed"] == "true")
        #expect(same["token"] as? String == token && same["receipt"] as? String == entry["receipt"] as? String)
        #expect(try join("{}", key: "a-key-of-a-join-2").said["number"] as? Int == 1)
    }

    @Test("What is wrong with a join is said at once, each with its pointer")
    func wrongJoins() async throws {
        let (answer, said) = try join(#"{"buyer":5,"name":"x"}"#)
        let pointers = (said["errors"] as? [[String: Any]])?.compactMap { $0["pointer"] as? String }
        #expect(answer.status == 422 && Set(pointers ?? []) == ["/buyer", "/name"], "\(answer)")
        #expect(try join(key: "short").said["code"] as? String == "validation-failed")
        #expect(try join("{", key: "a-key-of-a-join-1").said["code"] as? String == "malformed-request")
        #expect(try join(#"{"buyer":"ann"}"#).said["code"] as? String == "validation-failed")
        #expect(try join(target: "/v1/events/main/queue?x=1").said["code"] as? String == "malformed-request")
        #expect(try join(target: "/v1/events/none/queue").said["code"] as? String == "unknown-event")
        #expect(queues.copy(of: main)?.view.joined == 0)
        // A shop joins for its buyers, with a key, which the router looks up.
        let (byBuyer, _) = try join(#"{"buyer":"ann"}"#, target: "/v1/events/shop/queue")
        #expect(byBuyer.status == 401, "\(byBuyer)")
        connection.send(request("POST", "/v1/events/shop/queue", ["Authorization: Bearer hfk_x_y"]))
        #expect(connection.router.requests == ["/v1/events/shop/queue"])
    }

    @Test("The look of an entry that waits asks no store; the look of one that is called does, and gets its pass")
    func looks() async throws {
        let tokens = try (0..<30).map { _ in try #require(try join().said["token"] as? String) }
        await pass(1)
        let before = store.submitted
        for number in 0..<30 {
            let (answer, entry) = try look("E\(number).main", tokens[number])
            #expect(answer.status == 200 && entry["state"] as? String == "waiting" && entry["token"] == nil)
            let poll = try #require(entry["poll_after_ms"] as? Int)
            #expect((45_000...75_000).contains(poll), "before the draw nobody is near")
        }
        #expect(store.submitted == before)
        await pass(3_600)
        let copy = try #require(queues.copy(of: main))
        let first = try #require((0..<30).first { copy.position(of: EntryNumber(UInt32($0))) == 0 })
        store.holdUp()
        connection.send(request("GET", "/v1/queue-entries/E\(first).main", ["Authorization: Bearer \(tokens[first])"]))
        #expect(connection.answers().isEmpty)
        store.goOn()
        connection.loop.run()
        let answer = try #require(connection.answers().first)
        #expect(answer.status == 200 && answer.body.contains(#""state":"called""#), "\(answer)")
        let entry = try look("E\(first).main", tokens[first]).said
        let text = try #require(entry["pass"] as? String)
        #expect(queues.mint.pass(of: text, in: copy.name)?.number == UInt32(first))
    }

    @Test("A turn ends by the clock of its event, and people are there whatever the store's clock does")
    func clocks() async throws {
        let token = try #require(try join().said["token"] as? String)
        await pass(3_601)
        store.set(ahead: .seconds(-50))
        let entry = try look("E0.main", token).said
        #expect(entry["state"] as? String == "called" && entry["turn_ends_in_ms"] as? Int == 180_000, "\(entry)")
        store.set(ahead: .seconds(50))
        #expect(try look("E0.main", token).said["turn_ends_in_ms"] as? Int == 180_000)
        for ahead in [-1_000, 1_000] {
            let before = try #require(queues.document(of: main)).facts.present
            store.set(ahead: .seconds(ahead))
            for _ in 0..<5 { _ = try join() }
            await pass(2)
            let present = try #require(queues.document(of: main)).facts.present
            #expect(present >= before + 4, "\(ahead)")
        }
    }

    @Test("A token of another entry, a forged one and none open nothing")
    func foreignTokens() async throws {
        let mine = try #require(try join().said["token"] as? String)
        let other = try #require(try join().said["token"] as? String)
        for (name, token) in [
            ("E0.main", other), ("E2.main", mine), ("E0.none", mine), ("E00.main", mine), ("E.main", mine),
            ("E0", mine), ("E0.main", String(mine.dropLast()) + (mine.last == "A" ? "B" : "A")), ("E0.main", ""),
            ("E0.main", mine + "AAAA"),
        ] {
            let (answer, said) = try look(name, token)
            let expected = token.isEmpty ? (401, "unauthenticated") : (404, "unknown-queue-entry")
            #expect(answer.status == expected.0 && said["code"] as? String == expected.1, "\(name) \(answer)")
        }
        #expect(try look("E0.main", nil).answer.status == 401)
        #expect(try look("E0.main?x=1", mine).answer.status == 400)
        #expect(try look("E0.main", mine).answer.status == 200)
        connection.send(request("HEAD", "/v1/queue-entries/E0.main", ["Authorization: Bearer \(mine)"]))
        let head = connection.received()
        #expect(head.hasPrefix("HTTP/1.1 200") && head.hasSuffix("\r\n\r\n"))
        connection.send(request("DELETE", "/v1/queue-entries/E0.main", ["Authorization: Bearer \(mine)"]))
        #expect(connection.router.requests == ["/v1/queue-entries/E0.main"])
    }

    @Test("A listener gets the queue with the opening of the stream, and hears of each change")
    func listening() async throws {
        let listener = try TestConnection(store, beside: connection)
        listener.send(request("GET", "/v1/events/main/availability/stream", ["Accept: text/event-stream"]))
        let opening = listener.received()
        #expect(opening.contains("event: queue\ndata: {\"event\":\"main\",\"phase\":\"gathering\""), "\(opening)")
        _ = try join()
        await pass(1)
        listener.loop.advanceTime(by: .seconds(1))
        let news = listener.received()
        #expect(news.contains("event: queue\n") && news.contains(#""joined":1,"#), "\(news)")
        // Time alone is no news.
        await pass(5)
        listener.loop.advanceTime(by: .seconds(1))
        #expect(listener.received().isEmpty)
    }

    @Test("Looks are spread: no second has more than its share of them")
    func spread() {
        let moment = Timestamp(milliseconds: 123_456)
        var seconds = [Int](repeating: 0, count: 30)
        for number in 0..<30_000 {
            let chance = EntryDocument.chance(EntryNumber(UInt32(number)), at: moment)
            #expect(chance >= 0 && chance < 1)
            seconds[Int(chance * 30)] += 1
        }
        // A thousand each, give or take five standard deviations.
        #expect(seconds.allSatisfy { abs($0 - 1_000) < 160 }, "\(seconds)")
        let mine = Set(
            (0..<100).map { EntryDocument.chance(EntryNumber(7), at: Timestamp(milliseconds: Int64($0) * 60_000)) })
        #expect(mine.count == 100)
    }
}
