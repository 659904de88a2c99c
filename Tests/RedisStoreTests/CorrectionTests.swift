import BoxOffice
import RedisServers
import RedisStore
import StoreContract
import Synchronization
import Testing
import TicketStore

/// Keeps the outcomes that it gets.
private final class Sink: ReplySink {
    let outcomes = Mutex<[Outcome]>([])

    func deliver(_ replies: ContiguousArray<TicketedReply>) {
        outcomes.withLock { outcomes in
            for case .decided(let outcome, _) in replies.map(\.reply) { outcomes.append(outcome) }
        }
    }
}

/// R40 Corrections, in the data on Redis.
@Suite("Corrections on Redis", .serialized)
struct CorrectionTests {
    private func says(_ buyer: String?, _ note: String? = nil) -> Correction.State {
        Correction.State(buyer: buyer.flatMap { Buyer($0) }, note: note.flatMap { SaleNote($0) })
    }

    private func isNew(_ outcome: Outcome) -> Bool {
        if case .corrected(_, repeated: false) = outcome { true } else { false }
    }

    @Test("Names lead to the buyer that a hold has now, whatever the corrections of one call made of it")
    func names() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(.define(try hall(9) { $0.buyerSearch = .index }))
        guard case .held(let view, _) = try await node.outcome(try holdGA(buyer: "ann")) else { return }
        let steps = [says("ann"), says("ben", "aisle"), says("ann"), says("cy", "stalls")]
        // Submitted at once, so that one call decides them.
        let sink = Sink()
        for (step, (from, to)) in zip(steps, steps.dropFirst()).enumerated() {
            let command = Command.correct(view.id, Correction(from: from, to: to))
            let reply = node.store.submit(command, note: nil, ticket: UInt64(step), replyTo: sink)
            #expect(reply == nil)
        }
        #expect(try await eventually { sink.outcomes.withLock { $0.count } == 3 })
        #expect(sink.outcomes.withLock { $0.allSatisfy(isNew) })
        let kept = try node.server.ask("ZRANGE", "holdfast:{1}:names", "0", "-1")
        #expect(kept.split(separator: "\n").count == 1)
        #expect(kept.hasPrefix("cy"))
        for (buyer, holds) in [("ann", []), ("ben", []), ("cy", [view.id])] {
            #expect(try await node.store.search(SalesQuery(buyer: Buyer(buyer))).records.map(\.hold) == holds)
        }
    }

    @Test("Recounts find accounts right after corrections, and an erasure takes buyer and note")
    func accounts() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(
            .define(
                try hall(9) {
                    $0.ticketsPerBuyer = 3
                    $0.types[0].ticketsPerBuyer = 2
                }))
        for buyer in ["ann", "ben"] { _ = try await node.outcome(try holdGA(buyer: buyer)) }
        let holds = try await node.store.search(SalesQuery()).records.map(\.hold).sorted()
        _ = try await node.outcome(.purchase(holds[0]))
        for (hold, from) in zip(holds, ["ann", "ben"]) {
            let correction = Correction(from: says(from), to: says("cy-buyer", "cy-note"))
            #expect(isNew(try await node.outcome(.correct(hold, correction))))
        }
        #expect(
            try await node.outcome(try holdGA(buyer: "cy-buyer"))
                == .refused(.typeLimitReached(try code("GA"), remaining: 0)))
        let reports = try await node.store.repair(applies: false)
        #expect(reports.allSatisfy { $0.wrongAccounts == 0 }, "\(reports)")
        _ = try await node.outcome(.erase(ErasureRequest(hold: holds[0])))
        let listed = try #require(try await node.store.purchases(of: code("hall"), after: nil, limit: 9).first)
        #expect(listed.buyer == nil && listed.note == nil && listed.erasedAt != nil)
        #expect(
            try await node.outcome(.correct(holds[0], Correction(from: says(nil), to: says("di"))))
                == .refused(.purchaseErased))
    }
}
