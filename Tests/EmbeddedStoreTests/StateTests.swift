import BoxOffice
import EmbeddedStore
import StoreContract
import Synchronization
import Testing
import TicketStore

/// What callers and the committer share, in virtual time and without a disk.
@Suite("The state of the embedded store")
struct StateTests {
    /// Ignores what it gets.
    private final class NoSink: ReplySink {
        func deliver(_ replies: ContiguousArray<TicketedReply>) {}
    }

    private let clock = TestClock()
    private let sink = NoSink()

    private func state() throws -> StoreState {
        var state = StoreState(queuedFacts: 100, queuedLookups: 1, clock: clock.read)
        state.open()
        _ = state.take(.define(try hall(100)), note: nil, ticket: 0, sink: sink)
        _ = state.takeBatch(ofAtLeast: 0)
        return state
    }

    private func hold(_ state: inout StoreState) throws -> StoreState.Taken {
        state.take(try holdGA(), note: nil, ticket: 1, sink: sink)
    }

    /// The number of callers in the batch that the committer gets; `nil` for no batch.
    private func taken(_ state: inout StoreState, _ enough: Int) -> Int? {
        state.takeBatch(ofAtLeast: enough)?.count
    }

    @Test("A store is done when it is closing and the last caller is answered, not before (R33 Stopping)")
    func closing() throws {
        var state = try state()
        #expect(try hold(&state).reply == nil, "it waits for the disk")
        // The committer found no batch, then a caller came, then the store was closed: the committer must look again.
        state.close()
        let isDoneTooEarly = state.isDone
        #expect(!isDoneTooEarly, "a caller waits")
        guard case .failed(.closing)? = try hold(&state).reply else {
            Issue.record("a store that is closing decides nothing")
            return
        }
        let count = state.takeBatch(ofAtLeast: 0)?.count
        #expect(count == 1)
        let isDone = state.isDone
        #expect(isDone)
        state.open()
        let isDoneForGood = state.isDone
        #expect(isDoneForGood, "closing is final")
    }

    @Test("People who join and look leave room for payments and for what the queue needs itself (R21 Bounds)")
    func crowd() throws {
        var state = StoreState(queuedFacts: 8, queuedLookups: 1, clock: clock.read)
        state.open()
        let (event, entry) = (try code("hall"), EntryNumber(0))
        _ = state.take(
            .define(try hall(100) { $0.queue = QueueTerms(identity: .buyer) }), note: nil, ticket: 0, sink: sink)
        _ = state.take(
            .queue(event, .open(secret: [UInt8](repeating: 7, count: 32))), note: nil, ticket: 0, sink: sink)
        _ = state.takeBatch(ofAtLeast: 0)
        var taken = 0
        for number in 1...8 {
            let join = Command.queue(event, .join(buyer: Buyer("buyer-\(number)")))
            if state.take(join, note: nil, ticket: 1, sink: sink).reply == nil { taken += 1 }
        }
        #expect(taken == 4)
        func isRefused(_ command: Command) -> Bool {
            guard case .failed(.overloaded)? = state.take(command, note: nil, ticket: 2, sink: sink).reply else {
                return false
            }
            return true
        }
        for command in [QueueCommand.look(entry), .leave(entry)] { #expect(isRefused(.queue(event, command))) }
        for command in [QueueCommand.attend(), .adjust(QueueAdjustment(isPaused: true))] {
            #expect(!isRefused(.queue(event, command)))
        }
        #expect(!isRefused(.purchase(HoldID(1))))
    }

    @Test("A committer that rests is woken by the first caller, and by no other")
    func resting() throws {
        var state = try state()
        #expect(taken(&state, 0) == nil)
        let wakes = try (0..<4).map { _ in try hold(&state).wakesCommitter }
        #expect(wakes == [true, false, false, false])
        #expect(taken(&state, 0) == 4)
    }

    @Test(
        "A committer that waits for company is woken by the caller who makes it enough, and takes fewer when it gives up"
    )
    func gathering() throws {
        var state = try state()
        #expect(taken(&state, 3) == nil)
        let wakes = try (0..<4).map { _ in try hold(&state).wakesCommitter }
        #expect(wakes == [false, false, true, false])
        #expect(taken(&state, 3) == 4)
        #expect(taken(&state, 3) == nil)
        _ = try hold(&state)
        #expect(taken(&state, 3) == nil)
        #expect(taken(&state, 0) == 1)
    }

    @Test(
        "A full queue refuses looking first, then holding, then extending and releasing, and completing last (S6 Full queue)"
    )
    func full() throws {
        var state = try state()
        let kinds: [(name: String, command: Command)] = [
            ("look", .look(HoldID(1))), ("hold", try holdGA()), ("release", .release(HoldID(1))),
            ("extend", .extend(HoldID(1))), ("purchase", .purchase(HoldID(1))),
        ]
        for (waiting, refused) in [
            (24, []), (25, ["look"]), (49, ["look"]), (50, ["look", "hold"]), (74, ["look", "hold"]),
            (75, ["look", "hold", "release", "extend"]), (99, ["look", "hold", "release", "extend"]),
            (100, ["look", "hold", "release", "extend", "purchase"]),
        ] {
            var copy = state
            for _ in 0..<waiting { _ = copy.take(.pause(event: try code("hall")), note: nil, ticket: 0, sink: sink) }
            let overloaded = kinds.filter { kind in
                var copy = copy
                if case .failed(.overloaded)? = copy.take(kind.command, note: nil, ticket: 1, sink: sink).reply {
                    return true
                }
                return false
            }
            #expect(overloaded.map(\.name) == refused, "\(waiting) wait")
        }
        _ = state.takeBatch(ofAtLeast: 0)
    }

    @Test(
        "The committer waits for as many callers as it answered, never for a lone one, and for a bounded time",
        arguments: [
            (0, .milliseconds(1), 0, .milliseconds(2)), (1, .milliseconds(1), 0, .milliseconds(2)),
            (2, .microseconds(100), 2, .microseconds(400)), (64, .microseconds(500), 64, .milliseconds(2)),
            (64, .microseconds(501), 64, .milliseconds(2)), (64, .seconds(9), 64, .milliseconds(2)),
        ] as [(Int, Duration, Int, Duration)])
    func pace(callers: Int, time: Duration, enough: Int, patience: Duration) {
        var pace = CommitPace()
        #expect(!pace.isGathering, "the first commit waits for nobody")
        pace.committed(callers, in: time)
        #expect(pace.enough == enough)
        #expect(pace.isGathering == (enough > 0))
        if pace.isGathering { #expect(pace.patience == patience) }
        pace.gathered()
        #expect(!pace.isGathering, "it waits once for each commit")
    }
}
