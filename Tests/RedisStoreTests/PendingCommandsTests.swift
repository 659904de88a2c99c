import BoxOffice
import NIOCore
import RedisStore
import StoreContract
import Testing
import TicketStore
import Workload

/// By virtual time and without a server: what a node does with the commands that wait.
@Suite("Commands wait in order, share calls, and are handed on once")
struct PendingCommandsTests {
    private final class NoSink: ReplySink {
        func deliver(_ replies: ContiguousArray<TicketedReply>) {}
    }

    private static let begin = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private static let hold = HoldID(event: 1, hold: 7)

    private func pending(_ command: Command, _ ticket: UInt64 = 0) -> PendingCommand {
        PendingCommand(command: command, ticket: ticket, sink: NoSink())
    }

    private func holding(_ ticket: UInt64 = 0) throws -> PendingCommand { pending(try holdGA(), ticket) }

    private func queue(limit: Int = 100_000, needsClaims: Bool = false) -> PendingCommands {
        PendingCommands(limit: limit, needsClaims: needsClaims)
    }

    /// An action in a few words.
    private func text(_ action: PendingCommands.Action) -> String {
        switch action {
        case .nothing: "nothing"
        case .refuse(let failure): "refuse \(failure)"
        case .call(let event, let batch):
            batch.commands.isEmpty
                ? "\(batch.isTrial ? "try" : "look at") \(event)"
                : "call \(event): \(batch.commands.map { "\($0.ticket)" }.joined(separator: " "))"
        case .claim(_, let requests): "claim \(requests.map { "\($0.command.ticket)" }.joined(separator: " "))"
        case .rest(let event, let until):
            "rest \(event) until \((until - Self.begin).nanoseconds / 1_000_000)"
        case .readList: "read"
        }
    }

    @Test("One call for each event is under way; commands that come meanwhile share the next one, in order")
    func sharing() throws {
        var queue = queue()
        #expect(text(queue.admit(try holding(1), for: 1)) == "call 1: 1")
        for ticket in UInt64(2)...4 { #expect(text(queue.admit(try holding(ticket), for: 1)) == "nothing") }
        #expect(text(queue.admit(try holding(5), for: 2)) == "call 2: 5")
        #expect(queue.count == 3)
        #expect(text(queue.endCall(for: 1, at: Self.begin)) == "call 1: 2 3 4")
        #expect(queue.count == 0)
        #expect(text(queue.endCall(for: 1, at: Self.begin)) == "nothing")
        #expect(text(queue.admit(try holding(6), for: 1)) == "call 1: 6")
    }

    @Test("A call takes 512 commands at most")
    func bound() throws {
        var queue = queue()
        _ = queue.admit(try holding(), for: 1)
        for ticket in UInt64(1)...1_100 { _ = queue.admit(try holding(ticket), for: 1) }
        var taken: [[UInt64]] = []
        while case .call(_, let batch) = queue.endCall(for: 1, at: Self.begin) {
            taken.append(batch.commands.map(\.ticket))
        }
        #expect(taken.map(\.count) == [512, 512, 76])
        #expect(taken.flatMap { $0 } == Array(1...1_100))
    }

    @Test("Looking is refused first, then holding, then extending and releasing, and completing last (S6 Full queue)")
    func refusals() throws {
        var queue = queue(limit: 16)
        _ = queue.admit(try holding(), for: 1)
        func taken(_ command: Command) -> Int {
            for count in 0...100 {
                guard case .refuse(.overloaded) = queue.admit(pending(command), for: 1) else { continue }
                return count
            }
            return 0
        }
        #expect(taken(.look(Self.hold)) == 4)
        #expect(taken(try holdGA()) == 4)
        // People in an event's queue come before payments no more than those who hold; what the queue itself needs is done.
        #expect(taken(.queue(try code("hall"), .join())) == 0)
        #expect(taken(.extend(Self.hold)) == 4)
        #expect(taken(.release(Self.hold)) == 0)
        #expect(text(queue.admit(pending(.queue(try code("hall"), .attend())), for: 1)) == "nothing")
        #expect(taken(.purchase(Self.hold)) == 3)
        #expect(taken(.returnPurchase(Self.hold)) == 0)
        // Commands whose event is not known here, or that wait for a claim, count as well.
        #expect(text(queue.admit(pending(.purchase(Self.hold)), for: nil)) == "refuse overloaded")
    }

    @Test("After a call that refused every hold, holds wait 2 ms for others")
    func resting() throws {
        var queue = queue()
        _ = queue.admit(try holding(1), for: 1)
        _ = queue.admit(try holding(2), for: 1)
        #expect(text(queue.endCall(for: 1, foundNothing: true, at: Self.begin)) == "rest 1 until 2")
        #expect(text(queue.admit(try holding(3), for: 1)) == "nothing")
        // A call that only looks does not wait, and ends the rest.
        #expect(text(queue.beginLook(at: 1)) == "look at 1")
        #expect(text(queue.endRest(of: 1)) == "nothing")
        #expect(text(queue.endCall(for: 1, at: Self.begin)) == "call 1: 2 3")
        // Where nobody waits, the rest begins with the next hold.
        #expect(text(queue.endCall(for: 1, foundNothing: true, at: Self.begin)) == "nothing")
        #expect(text(queue.admit(try holding(4), for: 1)) == "rest 1 until 2")
        #expect(text(queue.endRest(of: 1)) == "call 1: 4")
        #expect(text(queue.endCall(for: 1, foundNothing: false, at: Self.begin)) == "nothing")
        #expect(text(queue.admit(try holding(5), for: 1)) == "call 1: 5")
    }

    @Test("A rest ends with a command that is not a hold, and with a full call")
    func restEnds() throws {
        for isFull in [true, false] {
            var queue = queue()
            _ = queue.admit(try holding(), for: 1)
            _ = queue.endCall(for: 1, foundNothing: true, at: Self.begin)
            #expect(text(queue.admit(try holding(), for: 1)) == "rest 1 until 2")
            if isFull {
                for _ in 2..<PendingCommands.batchSize {
                    #expect(text(queue.admit(try holding(), for: 1)) == "nothing")
                }
            }
            let action = queue.admit(isFull ? try holding() : pending(.look(Self.hold)), for: 1)
            guard case .call(1, let batch) = action else {
                Issue.record("\(text(action))")
                return
            }
            #expect(batch.commands.count == (isFull ? PendingCommands.batchSize : 2))
        }
    }

    @Test("Looks and trials are calls that wait for no other call and that none waits behind for long")
    func looks() throws {
        var queue = queue()
        #expect(text(queue.beginLook(at: 1, isTrial: true)) == "try 1")
        #expect(text(queue.beginLook(at: 1)) == "nothing")
        #expect(text(queue.admit(try holding(1), for: 1)) == "nothing")
        #expect(text(queue.endCall(for: 1, at: Self.begin)) == "call 1: 1")
        #expect(text(queue.beginLook(at: 1)) == "nothing")
    }

    @Test("In a cluster a payment is claimed before its command waits for the event, a call a slot at a time")
    func claims() throws {
        var queue = queue(needsClaims: true)
        let payment = PaymentReference("p")
        let purchase = Command.purchase(Self.hold, payment)
        #expect(text(queue.admit(pending(.purchase(Self.hold), 1), for: 1)) == "call 1: 1")
        let action = queue.admit(pending(purchase, 2), for: 1)
        #expect(text(action) == "claim 2")
        guard case .claim(let slot, let requests) = action else { return }
        #expect(slot == ClaimSlot(of: "pp"))
        #expect(text(queue.admit(pending(purchase, 3), for: 2)) == "nothing")
        #expect(text(queue.admit(pending(.payBack(Self.hold, try #require(payment)), 4), for: 2)) == "nothing")
        #expect(text(queue.endClaim(in: slot)) == "claim 3 4")
        #expect(text(queue.endClaim(in: slot)) == "nothing")
        var claimed = requests[0].command
        claimed.claim = Claim(event: 1, number: 9)
        #expect(text(queue.add(claimed, for: 1)) == "nothing")
        var used = pending(purchase, 5)
        used.elsewhere = .bought
        #expect(text(queue.add(used, for: 1)) == "nothing")
        #expect(text(queue.endCall(for: 1, at: Self.begin)) == "call 1: 2 5")
        // On one server nothing is claimed.
        queue = self.queue()
        #expect(text(queue.admit(pending(purchase, 1), for: 1)) == "call 1: 1")
    }

    @Test("A command whose event is not known waits for a reading of the list that begins after it came")
    func unrouted() throws {
        var queue = queue()
        #expect(text(queue.admit(try holding(1), for: nil)) == "read")
        #expect(text(queue.admit(try holding(2), for: nil)) == "nothing")
        #expect(queue.takeUnrouted().map(\.ticket) == [1, 2])
        #expect(text(queue.admit(try holding(3), for: nil)) == "nothing")
        #expect(text(queue.beginReading()) == "nothing")
        #expect(text(queue.endReading()) == "read")
        #expect(queue.takeUnrouted().map(\.ticket) == [3])
        #expect(text(queue.endReading()) == "nothing")
        #expect(queue.count == 0)
    }

    @Test("Whatever comes in whatever order, each command is handed on exactly once", arguments: UInt64(1)...20)
    func random(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var queue = queue(limit: 60, needsClaims: true)
        var (given, refused, handed): (Int, Int, [UInt64]) = (0, 0, [])
        var (calling, claiming): (Set<EventNumber>, Set<ClaimSlot>) = ([], [])
        func follow(_ action: PendingCommands.Action) {
            switch action {
            case .nothing, .readList, .rest: break
            case .refuse: refused += 1
            case .call(let event, let batch):
                #expect(calling.insert(event).inserted, "two calls of one event")
                #expect(batch.commands.count <= PendingCommands.batchSize)
                handed += batch.commands.map(\.ticket)
            case .claim(let slot, let requests):
                #expect(claiming.insert(slot).inserted, "two calls of one slot")
                handed += requests.map(\.command.ticket)
            }
        }
        let commands: [Command] = [
            try holdGA(), .look(Self.hold), .purchase(Self.hold), .purchase(Self.hold, PaymentReference("p")),
        ]
        for _ in 0..<5_000 {
            let event = EventNumber(.random(in: 1...3, using: &random))
            switch Int.random(in: 0..<12, using: &random) {
            case 0:
                if calling.remove(event) != nil {
                    follow(queue.endCall(for: event, foundNothing: .random(using: &random), at: Self.begin))
                }
            case 1: if let slot = claiming.popFirst() { follow(queue.endClaim(in: slot)) }
            case 2: follow(queue.endRest(of: event))
            case 3: follow(queue.beginLook(at: event))
            case 4:
                handed += queue.takeUnrouted().map(\.ticket)
                follow(queue.endReading())
            default:
                given += 1
                let command = commands.randomElement(using: &random) ?? commands[0]
                follow(queue.admit(pending(command, UInt64(given)), for: .random(using: &random) ? event : nil))
            }
        }
        #expect(refused > 0)
        handed += queue.close().map(\.ticket)
        #expect(queue.count == 0)
        #expect(handed.count + refused == given)
        #expect(Set(handed).count == handed.count)
    }
}
