import BoxOffice
import EmbeddedStore
import GRDB
import Logging
import StoreContract
import Synchronization
import Testing
import TicketStore

/// What the store does besides decisions.
@Suite("The embedded store")
struct StoreTests {
    @Test("Ten thousand simultaneous requests with one key make one hold")
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

    @Test("Many simultaneous callers each get one place and one answer")
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

    @Test("A full queue refuses, and every command that it accepted is answered once")
    func overload() async throws {
        let directory = try TemporaryDirectory()
        var configuration = EmbeddedStore.Configuration(directory: directory.path)
        configuration.queuedFacts = 8
        let store = try EmbeddedStore(configuration, logger: .init(label: "test"))
        defer { store.stop() }
        _ = await store.perform(.define(try hall(100_000)))
        let sink = CountingSink()
        let command = try holdGA()
        // Far faster than the disk, so some find the queue full.
        var overloaded = 0
        var given = 0
        for ticket in 0..<20_000 {
            switch store.submit(command, ticket: UInt64(ticket), replyTo: sink) {
            case .failed(.overloaded): overloaded += 1
            case nil: given += 1
            case let reply: Issue.record("\(String(describing: reply))")
            }
        }
        store.stop()
        #expect(overloaded > 0)
        #expect(sink.count == given, "each that was taken is answered once")
    }

    @Test("A closing store refuses new commands, and answers earlier ones (R33 Stopping)")
    func closing() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(10)))
        let sink = CountingSink()
        for ticket in 0..<5 { _ = store.store.submit(try holdGA(), ticket: UInt64(ticket), replyTo: sink) }
        store.embedded.stop()
        #expect(sink.count == 5)
        guard case .failed(.closing) = await store.embedded.perform(try holdGA()) else {
            Issue.record("a closed store answered")
            return
        }
    }

    @Test("Availability is unchanged until a number changes, which time alone can do")
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

    @Test(
        "Old holds are read from the ledger, each command is answered once, and a bound refuses looking before completing"
    )
    func oldHolds() async throws {
        var limits = Limits()
        limits.settledHolds = 0
        let store = try TestStore(limits: limits)
        _ = try await store.outcome(.define(try hall(6_000, hold: .seconds(1), grace: .zero)))
        let command = try holdGA()
        let first = store.embedded
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<5_000 { group.addTask { _ = await first.perform(command) } }
        }
        store.pass(.seconds(2))
        _ = try await store.outcome(command)
        store.pass(.seconds(2))
        // After a start settled holds are not in memory.
        try store.restart()
        let embedded = store.embedded
        let states = await withTaskGroup(of: String.self, returning: [String].self) { group in
            for number in UInt64(1)...2_000 {
                group.addTask { await self.state(embedded, .look(HoldID(number))) }
                group.addTask {
                    await self.state(embedded, .purchase(HoldID(number), PaymentReference("p\(number)")))
                }
            }
            var states: [String] = []
            for await state in group { states.append(state) }
            return states
        }
        #expect(states.count == 4_000)
        #expect(Set(states) == ["expired", "purchased"] || Set(states) == ["purchased"])
        #expect(states.count { $0 == "purchased" } >= 2_000)
        #expect(try await embedded.recount().broken == nil)
        store.embedded.stop()

        var configuration = EmbeddedStore.Configuration(directory: store.directory.path, limits: limits)
        configuration.queuedLookups = 0
        let full = try EmbeddedStore(configuration, logger: .init(label: "test"))
        defer { full.stop() }
        guard case .failed(.overloaded) = await full.perform(.look(HoldID(3_000))) else {
            Issue.record("there is no room for one that waits")
            return
        }
        guard case .decided(.held, _) = await full.perform(command) else {
            Issue.record("what needs no old hold waits for none")
            return
        }
    }

    /// The state of the command's hold. It retries while the queue is full.
    private func state(_ store: EmbeddedStore, _ command: Command) async -> String {
        while true {
            switch await store.perform(command) {
            case .decided(.looked(let view, _), _), .decided(.purchased(let view, _, _), _): return "\(view.state)"
            case .failed(.overloaded): await Task.yield()
            case let reply: return "\(reply)"
            }
        }
    }

    @Test("A write-ahead log that grows behind a reader is reported", .timeLimit(.minutes(5)))
    func growingLog() async throws {
        let directory = try TemporaryDirectory()
        var configuration = EmbeddedStore.Configuration(directory: directory.path)
        configuration.looksAtFilesEvery = .milliseconds(10)
        configuration.noticedLogBytes = 200_000
        let log = LoggedLines()
        let store = try EmbeddedStore(configuration, logger: Logger(label: "test") { _ in log })
        defer { store.stop() }
        _ = await store.perform(.define(try hall(100_000)))
        let command = try holdGA()
        while !log.lines.contains(where: { $0.hasPrefix("Another program reads the ledger, and its log grows") }) {
            guard case .decided = await store.perform(command) else {
                Issue.record("a hold failed")
                return
            }
        }
        #expect(!log.lines.contains { $0.contains("removed or replaced") })
    }
}

/// Keeps the logged sentences.
private final class LoggedLines: LogHandler, Sendable {
    private let kept = Mutex<[String]>([])

    var lines: [String] { kept.withLock { $0 } }
    var logLevel: Logger.Level {
        get { .info }
        set { _ = newValue }
    }
    var metadata: Logger.Metadata {
        get { [:] }
        set { _ = newValue }
    }

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { nil }
        set { _ = newValue }
    }

    func log(event: LogEvent) {
        kept.withLock { $0.append(event.message.description) }
    }
}

/// Counts the replies that it gets.
private final class CountingSink: ReplySink {
    private let replies = Mutex(0)

    var count: Int { replies.withLock { $0 } }

    func deliver(_ delivered: ContiguousArray<TicketedReply>) {
        replies.withLock { $0 += delivered.count }
    }
}
