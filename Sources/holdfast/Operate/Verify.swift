internal import ArgumentParser
internal import BoxOffice
internal import EmbeddedStore
internal import Foundation

/// Recounts a ledger.
struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Recount a ledger from its facts, and check that every rule holds.",
        discussion: """
            It only reads and leaves no files behind. Anybody who may read the ledger can run it, even while the service
            runs. The rules are in docs/rules.md.

            EXIT STATUS
               0  every rule holds
               1  a rule is broken (the first one is printed), or the file is damaged
              66  there is no ledger, or it cannot be read
              78  the file is not a ledger, or a later release wrote it
            """)

    @Argument(help: "The ledger, or its directory.", completion: .file(extensions: ["sqlite"]))
    var ledger: String = "holdfast-data"

    func run() async throws {
        try await Failure.reported {
            let report: AuditReport
            do {
                report = try LedgerAudit.recount(path: try path())
            } catch let error as LedgerError {
                let status =
                    switch error {
                    case .damaged: Failure.atWork
                    case .notALedger, .tooNew: Failure.badConfiguration
                    default: Failure.cannotRead
                    }
                throw Failure(error.description, status: status)
            }
            print(
                "\(grouped(report.facts)) facts: \(grouped(report.holds)) holds, \(grouped(report.purchases)) purchases, "
                    + "\(grouped(report.returns)) returns, \(grouped(report.refundsOwed)) refunds owed")
            for pool in report.pools {
                print(
                    "pool \(pool.pool) of \(pool.event): \(grouped(pool.capacity)) places = \(grouped(pool.free)) free "
                        + "+ \(grouped(pool.held)) held + \(grouped(pool.sold)) sold"
                        + (pool.oversubscribed > 0 ? ", \(grouped(pool.oversubscribed)) oversubscribed" : ""))
            }
            if let broken = report.broken { throw Failure("a rule is broken: \(broken)", status: Failure.atWork) }
            print("every rule holds")
        }
    }

    private func path() throws -> String {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: ledger, isDirectory: &isDirectory) else {
            throw Failure("there is no ledger at \(ledger)", status: Failure.cannotRead)
        }
        guard isDirectory.boolValue else { return ledger }
        let inside = ledger + "/" + EmbeddedStore.ledgerName
        guard FileManager.default.fileExists(atPath: inside) else {
            throw Failure("there is no ledger in \(ledger)", status: Failure.cannotRead)
        }
        return inside
    }
}

/// A number with a comma between thousands, for people.
func grouped(_ number: some BinaryInteger) -> String {
    var text = ""
    for (index, digit) in String(number).reversed().enumerated() {
        if index > 0, index % 3 == 0, digit != "-" { text.append(",") }
        text.append(digit)
    }
    return String(text.reversed())
}
