import BoxOffice
import Foundation
import RedisServers
import RedisStore
import StoreContract
import Synchronization
import Testing
import TicketStore

/// A node before a server that does not answer.
@Suite("A node keeps room for those who complete")
struct QueueTests {
    private final class Box: ReplySink {
        private let told = Mutex(0)

        var count: Int { told.withLock { $0 } }

        func deliver(_ replies: ContiguousArray<TicketedReply>) { told.withLock { $0 += replies.count } }
    }

    @Test("Looking is refused first, then holding, then extending and releasing, and last completing (R21 Bounds)")
    func order() async throws {
        let node = try await TestNode(RedisServer()) { $0.queuedCommands = 16 }
        _ = try await node.outcome(.define(hall(50)))
        guard case .held(let view, _) = try await node.outcome(holdGA()) else { throw StoreFailure.outcomeUnknown }
        // Nothing is held then, so that the node asks nothing by itself.
        _ = try await node.outcome(.release(view.id))
        node.server.signal(SIGSTOP)
        defer { node.server.signal(SIGCONT) }
        let box = Box()
        func taken(_ command: Command) -> Int {
            for count in 0... {
                let reply = node.store.submit(command, note: nil, ticket: UInt64(count), replyTo: box)
                guard case .failed(.overloaded)? = reply else { continue }
                return count
            }
            return 0
        }
        // One more: the first is under way, and waits no more.
        #expect(taken(.look(view.id)) == 5)
        #expect(taken(try holdGA()) == 4)
        #expect(taken(.extend(view.id)) == 4)
        #expect(taken(.release(view.id)) == 0)
        #expect(taken(.purchase(view.id)) == 4)
        #expect(taken(.returnPurchase(view.id)) == 0)
        node.server.signal(SIGCONT)
        for _ in 0..<200 where box.count < 17 { try await Task.sleep(for: .milliseconds(10)) }
        #expect(box.count == 17)
    }
}
