import BoxOffice
import EmbeddedStore
import StoreContract
import Synchronization
import Testing
import TicketStore

/// What a store does besides deciding.
@Suite("The embedded store")
struct StoreTests {
    @Test("Ten thousand requests with one key at once hold once")
    func oneKey() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(50_000)))
        let embedded = store.embedded
        let command = try holdGA(key: "k")
        let ids = await withTaskGroup(of: HoldID?.self) { group in
            for _ in 0..<10_000 {
                group.addTask {
                    guard case .decided(.held(let view, _), _) = await embedded.perform(command) else { return nil }
                    return view.id
                }
            }
            return await group.reduce(into: Set<HoldID?>()) { $0.insert($1) }
        }
        #expect(ids == [HoldID(1)])
        #expect(store.counts().first?.held == 1)
    }

    @Test("Each of many callers at once gets a place of its own, and one answer each")
    func manyCallers() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(3_000)))
        let embedded = store.embedded
        let command = try holdGA()
        let ids = await withTaskGroup(of: HoldID?.self) { group in
            for _ in 0..<4_000 {
                group.addTask {
                    guard case .decided(.held(let view, _), _) = await embedded.perform(command) else { return nil }
                    return view.id
                }
            }
            return await group.reduce(into: [HoldID]()) { if let id = $1 { $0.append(id) } }
        }
        #expect(ids.count == 3_000)
        #expect(Set(ids).count == 3_000)
    }

    @Test("A full queue refuses holds first, then the rest, and completing last")
    func overload() async throws {
        let directory = try TemporaryDirectory()
        var configuration = EmbeddedStore.Configuration(directory: directory.path)
        configuration.queuedFacts = 8
        let store = try EmbeddedStore(configuration, logger: .init(label: "test"))
        defer { store.stop() }
        _ = await store.perform(.define(try hall(100_000)))
        let box = CountingBox()
        let command = try holdGA()
        // Far faster than the disk: some find the queue full.
        var overloaded = 0
        var given = 0
        for ticket in 0..<20_000 {
            switch store.submit(command, ticket: UInt64(ticket), replyTo: box) {
            case .failed(.overloaded): overloaded += 1
            case nil: given += 1
            case let reply: Issue.record("\(String(describing: reply))")
            }
        }
        store.stop()
        #expect(overloaded > 0)
        #expect(box.count == given, "each that was taken is answered once")
    }

    @Test("Whoever asks while it closes is told so, and what was asked before is answered")
    func closing() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(10)))
        let box = CountingBox()
        for ticket in 0..<5 { _ = store.store.submit(try holdGA(), ticket: UInt64(ticket), replyTo: box) }
        store.embedded.stop()
        #expect(box.count == 5)
        guard case .failed(.closing) = await store.embedded.perform(try holdGA()) else {
            Issue.record("a closed store answered")
            return
        }
    }

    @Test("Availability is unchanged until a number changes, also by time alone")
    func versions() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(2, hold: .seconds(10), grace: .zero)))
        _ = try await store.outcome(try holdGA())
        let event = try code("hall")
        guard case .current(let first, _) = store.store.availability(of: event, unless: nil) else {
            Issue.record("no availability")
            return
        }
        #expect(first.free == 1)
        #expect(store.store.availability(of: event, unless: first.version) == .unchanged)
        store.pass(.seconds(10))
        guard case .current(let second, _) = store.store.availability(of: event, unless: first.version) else {
            Issue.record("an expiry changed nothing")
            return
        }
        #expect(second.free == 2)
        #expect(store.store.availability(of: try code("none"), unless: nil) == .unknownEvent)
    }

    @Test("A pause of the process and a change of the time of day end no hold")
    func clockSteps() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(1, hold: .seconds(60), grace: .zero)))
        _ = try await store.outcome(try holdGA())
        store.clock.pass(.seconds(7_200))
        #expect(store.counts().first?.held == 1, "two hours in which the process did not run")
        store.clock.setWall(WallTime(milliseconds: 9_000_000_000))
        #expect(store.counts().first?.held == 1)
        store.clock.setWall(WallTime(milliseconds: 5))
        store.pass(.milliseconds(58_999))
        #expect(store.counts().first?.held == 1)
        store.pass(.milliseconds(1))
        #expect(store.counts().first?.held == 0)
    }
}

/// Counts what it is given.
private final class CountingBox: ReplyBox {
    private let replies = Mutex(0)

    var count: Int { replies.withLock { $0 } }

    func deliver(_ delivered: ContiguousArray<TicketedReply>) {
        replies.withLock { $0 += delivered.count }
    }
}
