internal import GRDB
internal import TicketStore

/// Brings a ledger of an earlier release to today's tables. A start does so, too; this lists the changes and makes them
/// beforehand.
public enum LedgerMigration {
    /// The changes that this release makes to the ledger at `path`, in their order; none if it is up to date. It only
    /// reads, also while a service of an earlier release runs.
    public static func pending(at path: String) throws(LedgerError) -> [String] {
        do {
            let source = try LedgerSource(path: path, isBroughtUpToDate: false)
            defer { source.close() }
            return try source.queue.read(pending)
        } catch {
            throw Ledger.translate(error, opening: path)
        }
    }

    /// Whether the sale of the ledger at `path` was exported, to go on elsewhere (R51 Moving a sale).
    public static func isDeparted(_ path: String) throws(LedgerError) -> Bool {
        do {
            let source = try LedgerSource(path: path, isBroughtUpToDate: false)
            defer { source.close() }
            return try source.queue.read { db in
                guard try db.tableExists("departure") else { return false }
                return try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM departure)") ?? false
            }
        } catch {
            throw Ledger.translate(error, opening: path)
        }
    }

    /// Makes them. No service may have the ledger meanwhile.
    ///
    /// - Returns: the changes that were made.
    public static func run(in directory: String) throws(LedgerError) -> [String] {
        try StorageLocation.check(directory)
        let path = directory + "/" + EmbeddedStore.ledgerName
        guard LedgerFiles.isFilled(path) else { throw .cannotOpen(path: path, reason: "there is no ledger") }
        let lock = try LedgerLock(path: directory + "/lock")
        defer { withExtendedLifetime(lock) {} }
        let changes = try pending(at: path)
        let ledger = try Ledger(path: path, durability: .full)
        try ledger.close()
        return changes
    }

    private static func pending(_ db: Database) throws -> [String] {
        let migrator = LedgerSchema.migrator
        let made = try Set(migrator.appliedIdentifiers(db))
        return migrator.migrations.filter { !made.contains($0) }
    }
}
