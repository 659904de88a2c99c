import BoxOffice
import RedisServers
import RedisStore
import StoreContract
import Testing
import TicketStore

/// Queues on Redis beyond what the contract compares (Q1 Phases to Q10 One decision).
@Suite("Queues on Redis", .serialized)
struct QueueTests {
    private let now = Moment(
        office: Timestamp(milliseconds: 5_000_000), wall: WallTime(milliseconds: 1_700_000_000_000))

    private func later(_ span: Duration) -> Moment {
        Moment(
            office: now.office.advanced(by: span),
            wall: WallTime(milliseconds: now.wall.milliseconds + span.inMilliseconds))
    }

    @Test("A new life of the server gives no number again, and says which entries it may lack (Q2 Numbers)")
    func lives() async throws {
        let subject = try await RedisSubject()
        try await subject.advance(to: now)
        _ = await subject.store.perform(try queued())
        #expect(try await subject.store.open().lives == [])
        #expect(try await [subject.store.join(), subject.store.join(), subject.store.join()] == [0, 1, 2])
        try await subject.restart()
        // The rest of the block and the next one.
        #expect(try await subject.store.join() == 2_000)
        #expect(try await subject.store.join() == 2_001)
        let view = try await subject.store.view(.attend())
        #expect(view.lives == [QueueLife(first: 2_000, since: now.wall)])
        let before = WallTime(milliseconds: now.wall.milliseconds - 1)
        #expect(view.hasLost(EntryNumber(2_000), joinedAt: before))
        #expect(!view.hasLost(EntryNumber(2_000), joinedAt: now.wall))
        #expect(!view.hasLost(EntryNumber(2), joinedAt: before))
    }

    @Test("The pass of an entry that a failover lost holds nothing, also when somebody else has its number (Q6 Pass)")
    func lostPasses() async throws {
        let subject = try await RedisSubject()
        try await subject.advance(to: now)
        _ = await subject.store.perform(try queued())
        try await subject.store.open()
        try await subject.restart()
        // As given by a server that is gone, a moment before this one began.
        let before = WallTime(milliseconds: now.wall.milliseconds - 1)
        let (old, new) = (try holdGA(pass: 2_000, joinedAt: before), try holdGA(pass: 2_000, joinedAt: now.wall))
        func refusal(of command: Command) async -> Refusal? {
            guard case .decided(.refused(let refusal), _) = await subject.store.perform(command) else { return nil }
            return refusal
        }
        // The store learns of its new life with the first command.
        #expect(await refusal(of: old) == .queue(.unknownEntry))
        // The rest of the block before last, which nobody may have, is let in by hand.
        _ = try await subject.store.view(.adjust(QueueAdjustment(lettingIn: 1_000)))
        _ = try await subject.store.view(.adjust(QueueAdjustment(lettingIn: 1_000)))
        #expect(try await subject.store.join() == 2_000)
        _ = try await subject.store.view(.adjust(QueueAdjustment(lettingIn: 1)))
        #expect(try await subject.store.look(2_000)?.state == .called)
        #expect(await refusal(of: old) == .queue(.unknownEntry))
        guard case .decided(.held, _) = await subject.store.perform(new) else {
            Issue.record("who has the number now holds nothing")
            return
        }
    }

    @Test("A turn that runs when the server comes back has the recovery grace (Q5 Turn)")
    func turns() async throws {
        var limits = Limits()
        limits.recoveryGrace = .seconds(30)
        let subject = try await RedisSubject(limits: limits)
        try await subject.advance(to: now)
        _ = await subject.store.perform(try queued(terms: QueueTerms(turn: .seconds(40))))
        try await subject.store.open()
        #expect(try await subject.store.join() == 0)
        try await subject.advance(to: later(.seconds(39)))
        try await subject.restart()
        let entry = try #require(try await subject.store.look(0))
        #expect(entry.state == .called && entry.turnEndsAt == later(.seconds(69)).office)
        guard case .decided(.held, _) = await subject.store.perform(try holdGA(pass: 0)) else {
            Issue.record("the pass is not good any more")
            return
        }
    }

    @Test("A turn that runs in a pause has the same time left after it, or the grace after a restart (Q5 Turn)")
    func turnsInPause() async throws {
        let hall = try code("hall")
        var limits = Limits()
        limits.recoveryGrace = .seconds(30)
        let subject = try await RedisSubject(limits: limits)
        try await subject.advance(to: now)
        _ = await subject.store.perform(try queued(terms: QueueTerms(turn: .seconds(40))))
        try await subject.store.open()
        #expect(try await subject.store.join() == 0)
        func end(after span: Int) async throws -> Timestamp? {
            try await subject.advance(to: later(.seconds(span)))
            return try await subject.store.look(0)?.turnEndsAt
        }
        try await subject.advance(to: later(.seconds(5)))
        _ = await subject.store.perform(.pause(event: hall))
        #expect(try await end(after: 500) == later(.seconds(535)).office)
        // 35 seconds are more than the grace.
        try await subject.restart()
        #expect(try await end(after: 500) == later(.seconds(535)).office)
        _ = await subject.store.perform(.resume(event: hall))
        try await subject.advance(to: later(.seconds(520)))
        _ = await subject.store.perform(.pause(event: hall))
        // 15 seconds are less. A second restart gives the same time again, and no more.
        for span in [600, 700] {
            try await subject.advance(to: later(.seconds(span)))
            try await subject.restart()
            #expect(try await end(after: span) == later(.seconds(span + 30)).office)
        }
        _ = await subject.store.perform(.resume(event: hall))
        #expect(try await end(after: 729) == later(.seconds(730)).office)
        guard case .decided(.held, _) = await subject.store.perform(try holdGA(pass: 0)) else {
            Issue.record("the pass is not good any more")
            return
        }
        try await subject.advance(to: later(.seconds(730)))
        guard case .decided(.refused(.queue(.turnOver)), _) = await subject.store.perform(try holdGA(pass: 0)) else {
            Issue.record("the turn is still good")
            return
        }
    }

    @Test("What admission learned survives a restart of the server, and so do head and presence (Q9 Fails closed)")
    func learned() async throws {
        let subject = try await RedisSubject()
        try await subject.advance(to: now)
        _ = await subject.store.perform(try queued(9))
        try await subject.store.open()
        #expect(try await subject.store.join() == 0)
        guard case .decided(.held(let held, _), _) = await subject.store.perform(try holdGA(pass: 0)) else {
            Issue.record("not held")
            return
        }
        _ = await subject.store.perform(.purchase(held.id))
        // Else numbers that are skipped would be let in.
        _ = try await subject.store.view(.adjust(QueueAdjustment(isPaused: true)))
        try await subject.advance(to: later(.seconds(300)))
        let before = try await subject.store.attend()
        let one = QueueLearning(
            assumedPlaces: 4, called: 1, asked: 1, takers: 1, taken: 1, takenSquared: 1, ended: 1, sold: 1)
        #expect(before.admission.learned == one)
        try await subject.restart()
        var after = try await subject.store.attend()
        #expect(after.joined == 2_000)
        (after.joined, after.lives) = (before.joined, before.lives)
        #expect(after == before)
    }

    @Test("Two nodes give one row of numbers, have one secret, and add up who is there (Q7 Admission)")
    func nodes() async throws {
        let server = try RedisServer()
        let clock = try TestClock(on: server)
        func node() async throws -> TestNode { try await TestNode(server) { $0.rewriteFunctions = clock.put } }
        func show(_ moment: Moment) throws {
            try server.ask(clock.shows(ticks: moment.office.milliseconds, wall: moment.wall.milliseconds))
        }
        let (north, south) = (try await node(), try await node())
        try show(now)
        _ = try await north.outcome(try queued(1))
        try await north.store.open()
        let other = try await south.store.open(secret: 8)
        #expect(other.secret == [UInt8](repeating: 7, count: 32))
        var numbers: [UInt32?] = []
        for _ in 1...3 { numbers += [try await north.store.join(), try await south.store.join()] }
        #expect(numbers == [0, 1, 2, 3, 4, 5])
        let head = other.head
        func report(_ counts: [UInt32]) -> QueueCommand {
            .attend(
                PresenceReport(first: head, width: 1, counts: counts, present: counts.reduce(0, +), isComplete: true))
        }
        #expect(try await north.store.view(report([0, 1, 1])).present == 2)
        #expect(try await south.store.view(report([0, 0, 0, 0, 1, 0])).present == 3)
        // What a node says replaces what it said before.
        #expect(try await north.store.view(report([0, 1])).present == 2)
        // Who looked at two nodes is in both reports: of those who wait, each counts once.
        #expect(try await south.store.view(report([0, 1, 1, 1, 1, 1])).present == 5)
        let both = try await north.store.view(report([0, 1, 1, 1, 1, 1]))
        #expect(both.present == 5 && both.joined - both.head == 5)
        // People of a node that went away look at another one within 75 seconds. Then its report is forgotten.
        try show(later(.milliseconds(119_999)))
        #expect(try await south.store.view(report([0, 1])).present > 1)
        try show(later(.milliseconds(121_000)))
        #expect(try await south.store.view(report([0, 1])).present == 1)
    }

    @Test("Two nodes that attend at once let in no more people than one (Q7 Admission)")
    func admittingAtOnce() async throws {
        let server = try RedisServer()
        let (north, south) = (try await TestNode(server), try await TestNode(server))
        _ = try await north.outcome(try queued(40))
        try await north.store.open()
        _ = try await north.store.view(.adjust(QueueAdjustment(isPaused: true)))
        for _ in 0..<60 { _ = try await north.store.join() }
        let report = PresenceReport(
            first: 0, width: 1, counts: [UInt32](repeating: 1, count: 60), present: 60, isComplete: true)
        _ = try await north.store.attend("hall", report)
        _ = try await north.store.view(.adjust(QueueAdjustment(isPaused: false)))
        let views = try await withThrowingTaskGroup(of: QueueView.self) { group in
            for store in [north.store, south.store] {
                for _ in 0..<8 { group.addTask { try await store.view(.attend(report)) } }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        // Nobody has looked yet, so all who were let in still stand for what they may take.
        let head = try #require(views.map(\.head).max())
        #expect(head > 0 && head < 20)
        #expect(Set(views.map(\.head)).subtracting([0, head]).isEmpty, "\(views.map(\.head))")
    }

    @Test("Two nodes that ask at once get one draw, and of two values of the beacon one counts (Q3 Draw)")
    func drawingAtOnce() async throws {
        let server = try RedisServer()
        let (north, south) = (try await TestNode(server), try await TestNode(server))
        let opensAt = inTenMinutes()
        let terms = QueueTerms(beacon: .init(name: "dice"))
        _ = try await north.outcome(try queued(opensAt: opensAt, terms: terms))
        try await north.store.open()
        for _ in 0..<5 { _ = try await south.store.join() }
        // Without an opening, gathering ends at once.
        _ = try await north.outcome(try queued(terms: terms))
        func together(_ asked: [QueueCommand]) async throws -> [Outcome] {
            try await withThrowingTaskGroup(of: Outcome.self) { group in
                for (index, command) in asked.enumerated() {
                    let store = index % 2 == 0 ? north.store : south.store
                    group.addTask { try await store.ask(command) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }
        let ends = try await together([QueueCommand](repeating: .attend(), count: 8))
        let ended = ends.filter { if case .queue(.attended(_, isMoreDue: true)) = $0 { true } else { false } }
        #expect(ended.count == 1, "gathering ended \(ended.count) times")
        _ = try await north.store.join()
        let name = try #require(BeaconText("dice"))
        let values = (1...6).compactMap { BeaconText("\($0)") }
        let drawn = try await together(values.map { .beacon(name: name, value: $0) })
        let made = drawn.compactMap { outcome in
            if case .queue(.changed(let view, repeated: false)) = outcome { view } else { nil }
        }
        #expect(made.count == 1 && drawn.filter { $0 == .refused(.queue(.beaconLate)) }.count == 5)
        for node in [north, south] {
            let view = try await node.store.attend()
            #expect(view.count == 5 && view.beacon == made.first?.beacon && view.joined == 6)
        }
    }

    @Test("A recount sets right what an entry bought, and figures that its entries contradict (Q9 Fails closed)")
    func recount() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(try queued())
        try await node.store.open()
        #expect(try await node.store.join() == 0)
        guard case .held(let held, _) = try await node.outcome(try holdGA(pass: 0)) else { return }
        #expect(try await node.outcome(try holdGA(pass: 0)) == .refused(.queue(.passUsed)))
        _ = try await node.outcome(.purchase(held.id))
        #expect(try await node.store.repair(applies: false).map(\.differences) == [""])
        try node.server.ask("HDEL", "holdfast:{1}:queue:entries", "0")
        #expect(try await node.store.repair(applies: false).map(\.wrongEntries) == [1])
        #expect(try await node.store.repair(applies: true).map(\.isSetRight) == [true])
        #expect(try await node.store.repair(applies: false).map(\.isRight) == [true])
        // Without its turn the entry fails closed.
        #expect(try await node.outcome(try holdGA(pass: 0)) == .refused(.queue(.notYourTurn(position: 0, ahead: 0))))
    }

    /// What the state of the queue says, changed as by a hand that should not; and what a recount makes of it.
    @Test(
        "A recount sets right a head and numbers that are behind the entries (Q9 Fails closed)",
        arguments: ["state.head = 0", "state.issued = 1", "state.undecided = 9"])
    func figures(change: String) async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(try queued())
        try await node.store.open()
        for _ in 0..<3 { _ = try await node.store.join() }
        _ = try await node.store.view(.adjust(QueueAdjustment(lettingIn: 2)))
        for number in UInt32(0)..<3 { _ = try await node.store.look(number) }
        let before = try await node.store.view(.adjust(QueueAdjustment()))
        #expect(before.head == 3 && before.joined == 3 && before.admission.inside == 3)
        try node.server.ask(
            "EVAL",
            """
            local state = cmsgpack.unpack(redis.call('HGET', KEYS[1], 'state'))
            \(change)
            redis.call('HSET', KEYS[1], 'state', cmsgpack.pack(state))
            """, "1", "holdfast:{1}:queue")
        #expect(try await node.store.repair(applies: false).map(\.isRight) == [false])
        #expect(try await node.store.repair(applies: true).map(\.isSetRight) == [true])
        #expect(try await node.store.repair(applies: false).map(\.isRight) == [true])
        let after = try await node.store.view(.adjust(QueueAdjustment()))
        #expect(after.head == before.head && after.joined == before.joined)
        #expect(after.admission.inside == before.admission.inside)
    }

    @Test("A recount names places that no draw gave, and leaves them (Q3 Draw)")
    func places() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(try queued())
        try await node.store.open()
        for _ in 0..<2 { _ = try await node.store.join() }
        _ = try await node.store.view(.adjust(QueueAdjustment(lettingIn: 1)))
        for number in UInt32(0)..<2 { _ = try await node.store.look(number) }
        try node.server.ask(
            "EVAL", "redis.call('HSET', KEYS[1], '1', redis.call('HGET', KEYS[1], '0'))", "1",
            "holdfast:{1}:queue:entries")
        let reports = try await node.store.repair(applies: true)
        #expect(reports.map(\.strayedEntries) == [1] && reports[0].differences.contains("wrong place"))
        #expect(try await node.store.repair(applies: true).map(\.strayedEntries) == [1])
    }

    @Test("With its event a queue goes, and nothing of it is left; one of the same name begins anew (Q9 Fails closed)")
    func removed() async throws {
        let node = try await TestNode(RedisServer())
        for identity in QueueTerms.Identity.allCases {
            _ = try await node.outcome(try queued(terms: QueueTerms(identity: identity)))
            try await node.store.open()
            let buyer = identity == .buyer ? Buyer("ann") : nil
            _ = try await node.store.ask(.join(buyer: buyer, key: IdempotencyKey(named: "a key")))
            _ = try await node.store.view(.adjust(QueueAdjustment(lettingIn: 1)))
            _ = try await node.store.look(0)
            guard case .held(let held, _) = try await node.outcome(try holdGA(pass: 0, buyer: "ann")) else {
                Issue.record("the pass holds nothing")
                return
            }
            #expect(try node.server.ask("KEYS", "*:queue*").split(separator: "\n").count >= 6)
            _ = try await node.outcome(.release(held.id))
            _ = try await node.outcome(.remove(event: code("hall")))
            #expect(try node.server.ask("KEYS", "*:queue*") == "")
            #expect(try await node.store.ask(.look(EntryNumber(0))) == .refused(.unknownEvent))
        }
        _ = try await node.outcome(try queued())
        #expect(try await node.store.open(secret: 9).secret == [UInt8](repeating: 9, count: 32))
        #expect(try await node.store.join() == 0)
    }

    @Test("The queue forgets a buyer with an erased hold, each time that they come again (R41 Erasure)")
    func erased() async throws {
        let node = try await TestNode(RedisServer())
        let ann = Buyer("ann")
        _ = try await node.outcome(try queued(8, terms: QueueTerms(identity: .buyer)))
        try await node.store.open()
        func join() async throws -> UInt32? {
            guard case .queue(.joined(let entry, _, _)) = try await node.store.ask(.join(buyer: ann)) else {
                return nil
            }
            return entry.number.value
        }
        for number in UInt32(0)...1 {
            #expect(try await join() == number)
            #expect(try await join() == number)
            #expect(try await eventually { try await node.store.view(.attend()).head > number })
            _ = try await node.store.look(number)
            let command = try holdGA(pass: number, buyer: "ann")
            guard case .held(let held, _) = try await node.outcome(command) else {
                Issue.record("the pass did not hold")
                return
            }
            _ = try await node.outcome(.release(held.id))
            #expect(try node.server.ask("HLEN", "holdfast:{1}:queue:buyers") == "1")
            // The digest is behind the entry as well.
            #expect(try node.server.ask("HSTRLEN", "holdfast:{1}:queue:entries", "\(number)") == "49")
            let erasure = Command.erase(ErasureRequest(hold: held.id))
            #expect(try await node.outcome(erasure) == .erased(held.id, repeated: false))
            #expect(try node.server.ask("HLEN", "holdfast:{1}:queue:buyers") == "0")
            #expect(try node.server.ask("HSTRLEN", "holdfast:{1}:queue:entries", "\(number)") == "33")
            #expect(try await node.outcome(command) == .refused(.queue(.otherBuyer)))
        }
        #expect(try await node.store.repair(applies: false).allSatisfy(\.isRight))
    }

    @Test("An erasure finds the buyer of an entry that was lost and set right (R41 Erasure)")
    func erasedAfterRepair() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(try queued(8, terms: QueueTerms(identity: .buyer)))
        try await node.store.open()
        _ = try await node.store.ask(.join(buyer: Buyer("ann")))
        _ = try await node.store.view(.adjust(QueueAdjustment(lettingIn: 1)))
        _ = try await node.store.look(0)
        guard case .held(let held, _) = try await node.outcome(try holdGA(pass: 0, buyer: "ann")) else {
            Issue.record("the pass did not hold")
            return
        }
        _ = try await node.outcome(.release(held.id))
        try node.server.ask("HDEL", "holdfast:{1}:queue:entries", "0")
        #expect(try await node.store.repair(applies: true).map(\.isSetRight) == [true])
        #expect(try await node.store.repair(applies: false).map(\.isRight) == [true])
        #expect(
            try await node.outcome(.erase(ErasureRequest(hold: held.id))) == .erased(held.id, repeated: false))
        #expect(try node.server.ask("HLEN", "holdfast:{1}:queue:buyers") == "0")
        #expect(try await node.store.repair(applies: false).map(\.isRight) == [true])
    }

    @Test("A sale whose queue was opened stays where it is (Q9 Fails closed)")
    func moved() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(try queued())
        try await node.store.open()
        await #expect(throws: MoveError.queued(event: "hall")) { _ = try await DepartingSale(closing: node.store) }
    }
}
