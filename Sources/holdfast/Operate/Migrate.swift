internal import ArgumentParser
internal import EmbeddedStore
internal import Settings

/// Brings the ledger of an earlier release to today's tables, or says what that would do.
struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring the ledger of an earlier release up to date, or say what that would change.",
        discussion: """
            `holdfast serve` does the same when it starts. An earlier release refuses the ledger afterwards, so make a copy
            first (`holdfast backup`). With --dry-run nothing is changed: the changes are listed, made to a copy in the
            directory for temporary files, and the copy is recounted. The service may run meanwhile.

            EXAMPLES
              holdfast migrate --dry-run --data /var/lib/holdfast
              holdfast migrate --data /var/lib/holdfast

            EXIT STATUS
               0  the ledger is up to date, or would be
               1  a rule is broken, or the file is damaged
              66  there is no ledger, or it cannot be read
              69  a service has the ledger
              73  the ledger cannot be written
              78  the file is not a ledger, or a later release wrote it
            """)

    @Flag(help: "Change nothing, and say what would be changed.")
    var dryRun = false

    @OptionGroup(title: "Settings") var options: SettingsOptions

    func run() async throws {
        try await Failure.reported {
            let settings = try options.loadReported()
            guard settings.store == .embedded else {
                throw Failure(
                    "the sale is on Redis, where there is nothing to bring up to date", status: Failure.wrongUse)
            }
            do throws(LedgerError) {
                if dryRun { try tryOut(settings.data) } else { try migrate(settings.data) }
            } catch {
                throw Failure(error)
            }
        }
    }

    private func migrate(_ data: String) throws(LedgerError) {
        let changes = try LedgerMigration.run(in: data)
        print(changes.isEmpty ? "The ledger is up to date." : "Changed: \(list(changes)).")
    }

    private func tryOut(_ data: String) throws(LedgerError) {
        let path = data + "/" + EmbeddedStore.ledgerName
        let changes = try LedgerMigration.pending(at: path)
        print(changes.isEmpty ? "The ledger is up to date." : "Would be changed: \(list(changes)).")
        guard !changes.isEmpty else { return }
        // A recount reads a ledger of an earlier release from a copy with today's tables.
        let report = try LedgerAudit.recount(path: path)
        if let broken = report.broken { throw .damaged("tried on a copy, a rule is broken: \(broken)") }
        print("Tried on a copy: \(report.summary); every rule holds.")
    }

    /// The names of the changes, with the format of the ledger that each belongs to in front.
    private func list(_ changes: [String]) -> String { changes.joined(separator: ", ") }
}
