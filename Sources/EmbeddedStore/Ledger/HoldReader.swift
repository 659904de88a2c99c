internal import BoxOffice
internal import Dispatch
internal import GRDB
internal import Synchronization
internal import TicketStore

/// Reads old holds from the ledger, many at a time, so that the committer never waits for one.
///
/// A request waits until the facts before it are on the disk (``StoreState/Batch/reads``), so a separate connection
/// sees them.
final class HoldReader: Sendable {
    /// Holds that are read in one transaction, in some milliseconds at the most.
    static let holdsAtOnce = 256

    let connection: ReadConnection
    private let queue = DispatchQueue(label: "holdfast.holds", qos: .userInitiated)
    private let pending = Mutex<[StoreState.HoldRead]>([])

    init(path: String) throws(LedgerError) {
        connection = try ReadConnection(path: path, label: "old holds")
    }

    /// Queues read requests.
    ///
    /// - Parameter take: called on the reader's thread with the result.
    func read(
        _ reads: [StoreState.HoldRead],
        then take: @escaping @Sendable ([StoreState.HoldRead], Result<[HoldID: RestoredHold], LedgerError>) -> Void
    ) {
        guard !reads.isEmpty else { return }
        let isIdle = pending.withLock { pending in
            defer { pending += reads }
            return pending.isEmpty
        }
        if isIdle { queue.async { self.readAll(then: take) } }
    }

    /// Finishes all reads, and closes the connection.
    func close() {
        queue.sync {}
        connection.close()
    }

    private func readAll(
        then take: @Sendable ([StoreState.HoldRead], Result<[HoldID: RestoredHold], LedgerError>) -> Void
    ) {
        while true {
            // They stay in the list until they are done, or the next request would start a second loop.
            let batch = pending.withLock { Array($0.prefix(Self.holdsAtOnce)) }
            take(batch, Result { () throws(LedgerError) in try holds(batch.map(\.hold)) })
            let isDone = pending.withLock { pending in
                pending.removeFirst(batch.count)
                return pending.isEmpty
            }
            if isDone { return }
        }
    }

    private func holds(_ ids: [HoldID]) throws(LedgerError) -> [HoldID: RestoredHold] {
        do {
            return try connection.queue.read { db in try LedgerReader(db).holds(ids) }
        } catch {
            throw Ledger.translate(error, opening: nil)
        }
    }
}
