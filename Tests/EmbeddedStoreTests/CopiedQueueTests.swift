import BoxOffice
import EmbeddedStore
import Foundation
import StoreContract
import Testing
import TicketStore

/// Queues of a store that goes on from a copy, while another one may have gone on from the same state (Q2 Numbers, Q3 Draw).
@Suite("Queues after lost facts")
struct CopiedQueueTests {
    private static let secret = [UInt8](0..<32)
    /// When the sale opens, from the beginning.
    private static let opensAfter = Duration.seconds(60)

    private let room: TemporaryDirectory
    private let clock = TestClock()
    private let lost: TestStore

    init() throws {
        room = try TemporaryDirectory()
        lost = try TestStore(clock: clock)
        try Data("1 00\n".utf8).write(to: URL(fileURLWithPath: room.path + "/token.keys"))
    }

    private func open(
        _ identity: QueueTerms.Identity = .device, opensAfter: Duration? = CopiedQueueTests.opensAfter
    ) async throws {
        let opensAt = opensAfter.map {
            WallTime(milliseconds: clock.read().wall.milliseconds + $0.inMilliseconds)
        }
        let terms = QueueTerms(identity: identity, beacon: opensAt.map { _ in .init(name: "dice") })
        _ = try await lost.outcome(
            .define(
                try hall(40) {
                    $0.opensAt = opensAt
                    $0.queue = terms
                }))
        _ = try await queue(lost, .open(secret: Self.secret))
    }

    private func copy() throws {
        var backup = DataBackup(of: lost.directory.path, tokenKeys: room.path + "/token.keys", to: room.path + "/copy")
        backup.now = { [clock] in clock.read().wall }
        _ = try backup.make(recounts: true) { _ in }
    }

    /// The store that goes on from the copy at this moment.
    private func restored() throws -> TestStore {
        lost.embedded.stop()
        return try TestStore(directory: try TemporaryDirectory(movedFrom: room.path + "/copy"), clock: clock)
    }

    private func queue(_ store: TestStore, _ command: QueueCommand) async throws -> QueueOutcome {
        guard case .queue(let outcome) = try await store.outcome(.queue(code("hall"), command)) else {
            throw StoreFailure.outcomeUnknown
        }
        return outcome
    }

    private func join(_ store: TestStore, _ buyer: String? = nil) async throws -> UInt32 {
        guard case .joined(let entry, _, _) = try await queue(store, .join(buyer: buyer.flatMap { Buyer($0) })) else {
            throw StoreFailure.outcomeUnknown
        }
        return entry.number.value
    }

    private func view(_ store: TestStore) async throws -> QueueView {
        guard case .attended(let view, _) = try await queue(store, .attend()) else { throw StoreFailure.outcomeUnknown }
        return view
    }

    @Test("Who joined in the lost time was lost, and nobody else: no number counts for two people (Q2 Numbers)")
    func numbers() async throws {
        try await open()
        #expect(try await join(lost) == 0)
        try copy()
        lost.pass(.seconds(1))
        let joined = clock.read().wall
        var given: [UInt32] = []
        for _ in 0..<2_500 { given.append(try await join(lost)) }
        lost.pass(.seconds(1))
        let store = try restored()
        let next = try await join(store)
        // The rest of the first block and the second one, which may have been given.
        #expect(next == 2_000)
        let found = try await view(store)
        #expect(found.lives.map(\.first) == [2_000])
        #expect(given.filter { $0 >= 2_000 }.allSatisfy { found.hasLost(EntryNumber($0), joinedAt: joined) })
        #expect(!found.hasLost(EntryNumber(next), joinedAt: clock.read().wall))
        #expect(!found.hasLost(EntryNumber(0), joinedAt: joined))
        try store.restart()
        #expect(try await join(store) == 3_000)
        #expect(try await view(store).lives == found.lives)
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
    }

    @Test("The pass of an entry of the lost time holds nothing, also when somebody else has its number (Q6 Pass)")
    func passes() async throws {
        try await open(opensAfter: nil)
        try copy()
        lost.pass(.seconds(1))
        let joined = clock.read().wall
        while try await join(lost) < 2_000 {}
        lost.pass(.seconds(1))
        let store = try restored()
        let (old, new) = (try hold(2_000, joinedAt: joined), try hold(2_000, joinedAt: clock.read().wall))
        #expect(try await store.outcome(old) == .refused(.queue(.unknownEntry)))
        #expect(try await join(store) == 2_000)
        _ = try await queue(store, .adjust(QueueAdjustment(lettingIn: 1_000)))
        _ = try await queue(store, .adjust(QueueAdjustment(lettingIn: 1_001)))
        _ = try await queue(store, .look(EntryNumber(2_000)))
        #expect(try await store.outcome(old) == .refused(.queue(.unknownEntry)))
        guard case .held = try await store.outcome(new) else {
            Issue.record("who has the number now holds nothing")
            return
        }
    }

    private func hold(_ number: UInt32, joinedAt: WallTime) throws -> Command {
        guard case .hold(var request) = try holdGA() else { throw StoreFailure.outcomeUnknown }
        request.pass = QueuePass(number: EntryNumber(number), position: number, joinedAt: joinedAt)
        return .hold(request)
    }

    @Test("A buyer of the lost time joins again, and gets no number that somebody has (Q2 Numbers)")
    func buyers() async throws {
        try await open(.buyer)
        #expect(try await join(lost, "ann") == 0)
        try copy()
        let joined = clock.read().wall
        #expect(try await join(lost, "ben") == 1)
        lost.pass(.seconds(1))
        let store = try restored()
        #expect(try await join(store, "ann") == 0)
        #expect(try await join(store, "eve") == 1)
        #expect(try await view(store).hasLost(EntryNumber(1), joinedAt: joined))
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
    }

    @Test(
        "A draw that may have been made and published is not witnessed again, and draws nobody who comes later (Q3 Draw)"
    )
    func draw() async throws {
        try await open()
        _ = try await join(lost)
        try copy()
        lost.pass(Self.opensAfter + .seconds(1))
        _ = try await view(lost)
        let (name, value) = (try #require(BeaconText("dice")), try #require(BeaconText("6")))
        _ = try await queue(lost, .beacon(name: name, value: value))
        let store = try restored()
        let later = try await join(store)
        let gathered = try await view(store)
        #expect(gathered.phase == .drawing && gathered.count == later)
        #expect(
            try await store.outcome(.queue(code("hall"), .beacon(name: name, value: value)))
                == .refused(.queue(.beaconLate)))
        #expect(try await view(store).beacon == .missed)
        try store.restart()
        let again = try await view(store)
        #expect(again.beacon == .missed && again.count == later)
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
    }

    @Test("A count that was published stays, and so does the draw that follows from it (Q3 Draw)")
    func counted() async throws {
        try await open()
        _ = try await join(lost)
        lost.pass(Self.opensAfter)
        let published = try await view(lost)
        try copy()
        lost.pass(.seconds(31))
        let drawn = try await view(lost)
        let store = try restored()
        let again = try await view(store)
        #expect(published.count == 1 && again.count == 1)
        #expect(again.beacon == drawn.beacon && again.secret == drawn.secret)
    }
}
