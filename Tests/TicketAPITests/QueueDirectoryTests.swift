import BoxOffice
import Testing
import TicketAPI
import TicketStore

/// A queue at this node, in virtual time: a sale of `main` opens ten minutes after the queue.
@Suite("A node's copies of queues: what is due is done, and who waits asks no store")
struct QueueDirectoryTests {
    private let store: CoreStore
    private let connection: TestConnection
    private let main = Code("main")!
    private var queues: QueueDirectory { connection.service.queues }

    init() async throws {
        store = try CoreStore(places: 10)
        connection = try TestConnection(store)
        var definition = try #require(store.event(main)).definition
        let now = store.now.wall.milliseconds
        definition.opensAt = WallTime(milliseconds: now + 660_000)
        definition.queue = QueueTerms(
            opensAt: WallTime(milliseconds: now + 60_000), beacon: .init(name: "dice", wait: .seconds(30)))
        _ = await store.perform(.define(definition))
    }

    private func pass(_ seconds: Int) async {
        for _ in 0..<seconds {
            store.pass(.seconds(1))
            await queues.round()
        }
    }

    private func join(_ count: Int) async throws {
        for _ in 0..<count {
            guard
                case .decided(.queue(.joined(let entry, _, _)), let moment) = await store.perform(
                    .queue(main, .join()))
            else { throw NotJoined() }
            copy.noteJoin(entry, at: moment)
        }
    }

    private struct NotJoined: Error {}

    private var copy: EventQueueCopy { queues.copy(of: main)! }
    private var facts: QueueFacts { queues.document(of: main)!.facts }

    @Test("It opens when its time has come, gathers, draws without its beacon, and lets people in")
    func life() async throws {
        await pass(1)
        #expect(queues.copy(of: main) == nil)
        #expect(facts.phase == .closed && facts.opensAt != nil && facts.commitment == nil)
        #expect(facts.announced == "dice", "people read it before they join")
        await pass(59)
        #expect(facts.phase == .gathering && facts.opensAt == nil && facts.commitment?.utf8.count == 64)
        #expect(facts.announced == "dice")
        try await join(30)
        await pass(1)
        #expect(facts.joined == 30 && facts.present == 30 && facts.head == 0)
        #expect((0..<30).allSatisfy { copy.position(of: EntryNumber($0)) == nil })
        await pass(600)
        #expect(facts.phase == .drawing && facts.count == 30 && facts.draw == nil)
        await pass(31)
        let draw = try #require(facts.draw)
        #expect(draw.isWitnessed == false && draw.beacon == nil)
        #expect(
            QueueDraw.commitment(to: try #require([UInt8](hexDigits: draw.secret[...]))).hexDigits == facts.commitment)
        #expect(Set((0..<30).map { copy.position(of: EntryNumber($0)) }) == Set((0..<30).map { Optional($0) }))
        #expect(facts.phase == .moving && facts.head > 0)
        // Who comes after the draw stands behind all who were drawn.
        try await join(1)
        #expect(copy.position(of: EntryNumber(30)) == 30)
        let check = try DrawCheck(queues.document(of: main)!.body)
        #expect(check.count == 30 && !check.isWitnessed && check.announced == "dice")
        #expect((0..<31).allSatisfy { check.position(of: $0) == copy.position(of: EntryNumber($0)) })
    }

    @Test("The look of an entry that waits asks no store, once this node knows the entry; its turn does")
    func looks() async throws {
        await pass(60)
        try await join(30)
        await pass(640)
        let waiting = try #require((0..<30).first { copy.position(of: EntryNumber($0))! >= facts.head })
        let called = try #require((0..<30).first { copy.position(of: EntryNumber($0)) == 0 })
        let before = store.submitted
        let entry = try #require(copy.waiting(EntryNumber(waiting)))
        #expect(entry.state == .waiting && entry.ahead == copy.position(of: EntryNumber(waiting))! - facts.head)
        #expect(store.submitted == before)
        #expect(copy.waiting(EntryNumber(called)) == nil)
        // A number that this process has not seen yet may have left before it began.
        #expect(copy.waiting(EntryNumber(900)) == nil)
        copy.leave(EntryNumber(waiting))
        #expect(copy.waiting(EntryNumber(waiting)) == nil)
    }

    @Test("A hold needs the pass of its queue, also by a classic call, and each refusal says why")
    func holds() async throws {
        await pass(60)
        try await join(30)
        await pass(640)
        let first = try #require((0..<30).map { EntryNumber($0) }.first { copy.position(of: $0) == 0 })
        let last = try #require((0..<30).map { EntryNumber($0) }.first { copy.position(of: $0) == 29 })
        _ = await store.perform(.queue(main, .look(first, position: 0)))
        let mint = queues.mint
        func signed(_ number: EntryNumber, at position: UInt32) -> SignedPass {
            let entry = SignedEntry(number: number.value, joinedAt: store.now.wall)
            return SignedPass(entry, position: position, end: Timestamp(milliseconds: 1))
        }
        let pass = mint.pass(signed(first, at: 0), in: copy.name)
        let early = mint.pass(signed(last, at: 29), in: copy.name)
        let other = QueueName(event: main, commitment: Array(repeating: 0, count: 32))
        let foreign = mint.pass(signed(first, at: 0), in: other)
        let token = mint.token(of: SignedEntry(number: first.value, joinedAt: store.now.wall), in: copy.name)
        let forged = String(pass.dropLast(2)) + (pass.hasSuffix("AA") ? "BA" : "AA")
        let refused = [
            (String?.none, "queue-pass-required", "this hold needs its pass"),
            ("", "queue-pass-required", "cut off, damaged"), (token, "queue-pass-required", "such as a token"),
            (String(pass.dropLast()), "queue-pass-required", "cut off, damaged"),
            (foreign, "queue-pass-required", "not made by this box office for this queue"),
            (forged, "queue-pass-required", "not made by this box office for this queue"),
            (early, "not-your-turn", "not-your-turn"),
        ]
        for (text, code, detail) in refused {
            let answer = hold(text, "key-\(code)-\(text ?? "none")")
            #expect(answer.status == (code == "not-your-turn" ? 409 : 403) && answer.body.contains(code), "\(answer)")
            #expect(answer.body.contains(detail), "\(answer)")
            let classic = buy(text)
            #expect(classic.status == answer.status && classic.body.contains(code), "\(classic)")
            #expect(classic.body.contains(detail), "\(classic)")
        }
        #expect(hold(pass, "a-first-key-of-a-hold").status == 201)
        let used = hold(pass, "another-key-of-a-hold")
        #expect(used.status == 409 && used.body.contains("pass-used"), "\(used)")
        // The same request gets its hold again, whatever became of the pass (R3 One decision per hold).
        #expect(hold(pass, "a-first-key-of-a-hold").status == 201)
        await self.pass(63)
        #expect(buy(pass).status == 200)
        await self.pass(180)
        let over = hold(pass, "a-key-behind-the-turn")
        #expect(over.status == 410 && over.body.contains("turn-over"), "\(over)")
    }

    private func hold(_ pass: String?, _ key: String) -> TestConnection.Answer {
        let body = #"{"lines":[{"type":"GA","quantity":1}]}"#
        connection.send(
            "POST /v1/events/main/holds HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                + "Idempotency-Key: \(key)\r\n" + (pass.map { "Queue-Pass: \($0)\r\n" } ?? "")
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        return connection.answers()[0]
    }

    private func buy(_ pass: String?) -> TestConnection.Answer {
        connection.send(
            "POST /buy_ticket/GA HTTP/1.1\r\nHost: h\r\n" + (pass.map { "Queue-Pass: \($0)\r\n" } ?? "") + "\r\n")
        return connection.answers()[0]
    }

    @Test("Who is let in with the join has that turn at the next look, too, though this node has not heard of it")
    func atOnce() async throws {
        var definition = try #require(store.event(main)).definition
        definition.opensAt = nil
        definition.queue = QueueTerms()
        _ = await store.perform(.define(definition))
        await pass(1)
        try await join(1)
        #expect(copy.view.head == 1 && copy.waiting(EntryNumber(0)) == nil)
        try await join(1)
        #expect(copy.waiting(EntryNumber(1))?.ahead == 0)
    }

    @Test("The public document comes from the fast path, and is not sent twice")
    func document() async throws {
        await pass(60)
        connection.send("GET /v1/events/main/queue HTTP/1.1\r\nHost: h\r\n\r\n")
        let answer = connection.answers()[0]
        #expect(answer.status == 200 && answer.body.contains("gathering"), "\(answer)")
        #expect(answer.fields["cache-control"] == "public, max-age=1")
        let tag = try #require(answer.fields["etag"])
        #expect(tag.hasPrefix("w/\""))
        let weak = "W" + tag.dropFirst()
        connection.send("GET /v1/events/main/queue HTTP/1.1\r\nHost: h\r\nIf-None-Match: \(weak)\r\n\r\n")
        #expect(connection.answers()[0].status == 304)
        try await join(1)
        await pass(1)
        connection.send("GET /v1/events/main/queue HTTP/1.1\r\nHost: h\r\nIf-None-Match: \(weak)\r\n\r\n")
        #expect(connection.answers()[0].status == 200)
        connection.send("GET /v1/events/none/queue HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(connection.answers()[0].body.contains("unknown-event"))
    }

    @Test("A removed event takes its queue along, and its successor has another")
    func removed() async throws {
        await pass(60)
        let before = copy.name
        var definition = try #require(store.event(main)).definition
        _ = await store.perform(.remove(event: main))
        await pass(1)
        #expect(queues.document(of: main) == nil && queues.copy(of: main) == nil)
        definition.queue = QueueTerms()
        _ = await store.perform(.define(definition))
        await pass(1)
        #expect(copy.name.event == main && copy.name.commitment != before.commitment)
    }
}

@Suite("Q7 Admission: who is there, by where they stand")
struct QueuePresenceTests {
    private func at(_ second: Int) -> Timestamp { Timestamp(milliseconds: 5_000 + Int64(second) * 1_000) }

    @Test("Who looked within two minutes is there, in the slice of their position; who left is not")
    func slices() {
        var presence = QueuePresence(at: at(0), WallTime(milliseconds: 0))
        for number in 0..<1_000 { presence.note(EntryNumber(UInt32(number)), at: at(0)) }
        for number in 0..<600 { presence.note(EntryNumber(UInt32(number)), at: at(100)) }
        // The last who joined come first.
        let order = (0..<1_000).map { UInt32(999 - $0) }
        #expect(presence.report(head: 0, joined: 1_000, order: nil, at: at(100)).counts.isEmpty)
        #expect(presence.report(head: 0, joined: 1_000, order: order, at: at(120)).present == 1_000)
        let report = presence.report(head: 100, joined: 1_000, order: order, at: at(121))
        #expect(report.present == 600 && report.isComplete && report.first == 100 && report.width == 4)
        #expect(report.counts.prefix(75).allSatisfy { $0 == 0 } && report.counts[75..<225].allSatisfy { $0 == 4 })
        // People who are there look within 90 seconds.
        #expect(!presence.report(head: 100, joined: 1_000, order: order, at: at(89)).isComplete)
        #expect(presence.report(head: 100, joined: 1_000, order: order, at: at(90)).isComplete)
        presence.leave(EntryNumber(599))
        presence.note(EntryNumber(599), at: at(121))
        #expect(presence.report(head: 100, joined: 1_000, order: order, at: at(121)).counts[75] == 3)
        #expect(!presence.knows(EntryNumber(599)) && presence.knows(EntryNumber(999)))
    }

    @Test("When an entry joined is remembered once, and not at all where it could not be right")
    func joins() {
        let began: Int64 = 1_795_000_000_000
        func wall(_ milliseconds: Int64) -> WallTime { WallTime(milliseconds: began + milliseconds) }
        var presence = QueuePresence(at: at(0), wall(0))
        presence.noteJoin(EntryNumber(3), at: wall(7_001))
        presence.noteJoin(EntryNumber(3), at: wall(8_000))
        #expect(presence.joined(EntryNumber(3)) == wall(7_001) && presence.joined(EntryNumber(2)) == nil)
        #expect(presence.joined(EntryNumber(4)) == nil)
        // The clock was set back, and 50 days later.
        presence.noteJoin(EntryNumber(5), at: wall(-1))
        presence.noteJoin(EntryNumber(6), at: wall(50 * 86_400_000))
        #expect(presence.joined(EntryNumber(5)) == nil && presence.joined(EntryNumber(6)) == nil)
        presence.noteJoin(EntryNumber(7), at: wall(49 * 86_400_000))
        #expect(presence.joined(EntryNumber(7)) == wall(49 * 86_400_000))
    }

    @Test("Who is called soon looks soon, and nobody at the same moment as all others")
    func polling() {
        var entry = QueueEntry(number: EntryNumber(0), state: .waiting)
        #expect(EntryDocument.pollAfter(entry, waiting: 10_000, chance: 0) == .seconds(45))
        #expect(EntryDocument.pollAfter(entry, waiting: 10_000, chance: 1) == .seconds(75))
        for (ahead, soon) in [(0, true), (200, true), (201, false)] as [(UInt32, Bool)] {
            entry.ahead = ahead
            #expect((EntryDocument.pollAfter(entry, waiting: 10_000, chance: 0.5) == .seconds(5)) == soon)
        }
        entry.state = .called
        #expect(EntryDocument.pollAfter(entry, waiting: 10_000, chance: 0.5) == .seconds(5))
    }
}
