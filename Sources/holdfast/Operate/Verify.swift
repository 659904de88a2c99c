internal import ArgumentParser
internal import BoxOffice
internal import EmbeddedStore

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
                report = try LedgerAudit.recount(path: try LedgerPath.ledger(at: ledger))
            } catch let error as LedgerError {
                throw Failure(error)
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
