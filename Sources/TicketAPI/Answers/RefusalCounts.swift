package import BoxOffice
internal import Synchronization
internal import TicketStore

/// How often requests to hold were refused, by event and problem, since the process started (R50 Reports).
///
/// A refusal leaves no fact, so only the process that answered it can count it. Each event loop has a counter of its own, so
/// that loops do not wait for each other.
package final class RefusalCounts: Sendable {
    /// When the counting began.
    let since: WallTime
    private let store: any TicketStore
    private let counters = Mutex<[RefusalCounter]>([])

    init(_ store: any TicketStore) {
        self.store = store
        since = store.now.wall
    }

    /// A counter for one event loop.
    func makeCounter() -> RefusalCounter {
        let counter = RefusalCounter(store)
        counters.withLock { $0.append(counter) }
        return counter
    }

    /// The refusals of all loops, in the order of the table of problems. Problems that did not occur are left out.
    package func counts(of event: Code) -> [(problem: Problem, count: UInt64)] {
        let all = counters.withLock { $0 }.map { $0.counts(of: event) }
        return Problem.allCases.compactMap { problem in
            let sum = all.reduce(0) { $0 + ($1.isEmpty ? 0 : $1[Int(problem.rawValue)]) }
            return sum == 0 ? nil : (problem, sum)
        }
    }
}

/// The refusals of one event loop. Only a report of another loop ever waits for its lock.
final class RefusalCounter: Sendable {
    /// The most events that are counted; as many as a service may have at a time, with those that it had before.
    private static let mostEvents = 10_000

    private let store: any TicketStore
    /// By event, then by the number of the problem.
    private let counts = Mutex<[Code: [UInt64]]>([:])

    fileprivate init(_ store: any TicketStore) {
        self.store = store
    }

    /// Counts a reply to a request to hold, if it refuses.
    func count(_ reply: StoreReply, of event: Code) {
        switch reply {
        case .decided(.refused(let refusal), _): count(Problem(refusal), of: event)
        case .decided: break
        case .failed(let failure): count(Problem(failure), of: event)
        }
    }

    /// Counts a refusal. Codes that lead to no event are not counted, since callers can invent any number of them.
    func count(_ problem: Problem, of event: Code) {
        let isKnown = counts.withLock { counts in
            counts[event]?[Int(problem.rawValue)] += 1
            return counts[event] != nil || counts.count >= Self.mostEvents
        }
        guard !isKnown, store.event(event) != nil else { return }
        counts.withLock { counts in
            counts[event, default: [UInt64](repeating: 0, count: Problem.allCases.count)][Int(problem.rawValue)] += 1
        }
    }

    fileprivate func counts(of event: Code) -> [UInt64] {
        counts.withLock { $0[event] ?? [] }
    }
}
