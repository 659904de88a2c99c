package import BoxOffice
internal import Foundation
internal import GRDB
public import TicketStore

// Exporting the sale of a store of another kind, and what an export leaves in the old store.

extension SaleArchive {
    /// Writes a sale of a store of another kind to a new file at `path`, recounts what was written, compares it with
    /// the sale, and seals it. Nobody sells meanwhile.
    ///
    /// - Throws: ``ArchiveError``, or a failure of the store; without a file at `path`, unless there was one before.
    public static func write(_ sale: any MovedSale, to path: String) async throws -> AuditReport {
        try await write(sale, to: path, endingAt: Timestamp(milliseconds: sale.exportedAt.milliseconds))
    }

    /// - Parameter end: what the clock of the new ledger shows at its end; tests compare it with another clock.
    package static func write(
        _ sale: any MovedSale, to path: String, endingAt end: Timestamp
    ) async throws -> AuditReport {
        guard !FileManager.default.fileExists(atPath: path) else { throw ArchiveError.exists(path: path) }
        let part = path + ".partial"
        remove(part)
        do {
            try LedgerFiles.makePrivate(part)
            var writer = try ArchiveWriter(sale, to: part, endingAt: end)
            try await writer.write()
            let report = try recounted(part)
            if let difference = try await difference(of: part, report.pools, from: sale) {
                throw ArchiveError.differs(difference)
            }
            try seal(part)
            try LedgerFiles.publish(part, as: path)
            return report
        } catch {
            remove(part)
            guard error is DatabaseError || error is CocoaError || error is LedgerError else { throw error }
            throw translate(error, path)
        }
    }

    private static func difference(
        of part: String, _ pools: [PoolCount], from sale: any MovedSale
    ) async throws -> String? {
        if let difference = sale.difference(from: pools) { return difference }
        let queue = try ReadConnection.open(part, label: "archive")
        defer { try? queue.close() }
        var events: [Code] = []
        for pool in pools where !events.contains(pool.event) { events.append(pool.event) }
        for event in events {
            let written = try LedgerReport.read(queue, event, 0)
            if let difference = try await sale.difference(of: event, from: written) { return difference }
        }
        return nil
    }

    // MARK: The old store

    /// Notes that the sale of the ledger at `path` goes on elsewhere, so that no service starts there.
    static func markDeparted(_ path: String) throws {
        let queue = try DatabaseQueue(path: path)
        defer { try? queue.close() }
        // An export may be the first thing that this release does with the ledger.
        try LedgerSchema.migrator.migrate(queue)
        try queue.write { try $0.execute(sql: "INSERT OR REPLACE INTO departure (one, at) VALUES (1, 0)") }
    }

    /// Lets the sale in `directory` go on there after it was exported.
    ///
    /// - Returns: whether it had been exported.
    public static func undoExport(of directory: String) throws(ArchiveError) -> Bool {
        let ledger = directory + "/" + EmbeddedStore.ledgerName
        do {
            guard LedgerFiles.isFilled(ledger) else {
                throw LedgerError.cannotOpen(path: ledger, reason: "there is no ledger")
            }
            let lock = try LedgerLock(path: directory + "/lock")
            defer { withExtendedLifetime(lock) {} }
            return try unmark(ledger)
        } catch {
            throw translate(error, ledger)
        }
    }

    static func unmark(_ path: String) throws -> Bool {
        let queue = try DatabaseQueue(path: path)
        defer { try? queue.close() }
        return try queue.write { db in
            guard try db.tableExists("departure") else { return false }
            try db.execute(sql: "DELETE FROM departure")
            return db.changesCount > 0
        }
    }
}
