public import BoxOffice
internal import Synchronization
public import TicketStore

// What operators read of a running sale (R52 Pulse).

extension EmbeddedStore {
    /// Every pool of every event at this moment.
    public func counts() -> [PoolCount] {
        state.withLock { $0.counts() }
    }

    public func numbers(of event: Code) -> EventNumbers? {
        state.withLock { $0.numbers(of: event) }
    }

    public var writes: DurationHistogram {
        commits.withLock { $0 }
    }
}
