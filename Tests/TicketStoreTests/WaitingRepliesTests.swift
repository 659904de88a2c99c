import BoxOffice
import Synchronization
import Testing
import TicketStore

@Suite("Replies wait until what they report is durable")
struct WaitingRepliesTests {
    /// Keeps the tickets of what it got.
    private final class Sink: ReplySink {
        let tickets = Mutex<[UInt64]>([])

        func deliver(_ replies: ContiguousArray<TicketedReply>) {
            tickets.withLock { $0 += replies.map(\.ticket) }
        }
    }

    /// S3 Refusals may run ahead.
    @Test("A refusal because no places are free promises nothing, and one that reports a hold's end does")
    func ahead() {
        let ahead: [Refusal] = [.soldOut, .insufficientQuantity(available: 3), .salePaused, .unknownEvent]
        let behind: [Refusal] = [.holdExpired(refundRequired: false), .notPurchased, .eventHasSales]
        for refusal in ahead { #expect(!Outcome.refused(refusal).dependsOnFacts, "\(refusal)") }
        for refusal in behind { #expect(Outcome.refused(refusal).dependsOnFacts, "\(refusal)") }
    }

    /// S5 One answer.
    @Test("Each reply is delivered once, to the sink that it is for, also when all fail", arguments: [false, true])
    func once(_ fails: Bool) {
        let sinks = [Sink(), Sink(), Sink()]
        var waiting = WaitingReplies()
        for ticket in 0..<9 as Range<UInt64> {
            waiting.add(TicketedReply(ticket: ticket, reply: .failed(.closing)), for: sinks[Int(ticket % 3)])
        }
        #expect(waiting.count == 9)
        if fails { waiting.fail(.outcomeUnknown) } else { waiting.deliver() }
        #expect(sinks.map { $0.tickets.withLock { $0 } } == [[0, 3, 6], [1, 4, 7], [2, 5, 8]])
    }
}
