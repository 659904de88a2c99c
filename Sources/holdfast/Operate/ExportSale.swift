internal import ArgumentParser
internal import EmbeddedStore
internal import Settings

extension Export {
    /// Exports a whole sale, to move it.
    struct Sale: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Export the whole sale of a data directory to one file, to move it.",
            discussion: """
                The file has everything: events, live holds, sales, returns, debts, idempotency keys and the audit. It is
                recounted and sealed. `holdfast import sale` takes it into another data directory or into Redis.

                The service must be stopped, and stays stopped until the import is done: the time of live holds stands
                meanwhile. Sell in one of the two places only.

                The file has buyers, payments and a secret, so only its owner can read it. Move the token keys
                (DATA/token.keys), too, or the tokens of buyers are unknown. Operators' keys do not move.

                EXAMPLES
                  holdfast export sale season.sale --data /srv/holdfast
                  holdfast verify season.sale
                """)

        @Argument(help: "The file to make.", completion: .file())
        var file: String

        @OptionGroup(title: "Settings") var options: SettingsOptions

        func run() async throws {
            try await Failure.reported {
                let settings = try options.loadReported()
                guard case .embedded = settings.store else {
                    throw Failure("only the sale of a data directory can be exported", status: Failure.wrongUse)
                }
                do {
                    let report = try SaleArchive.export(from: settings.data, to: file)
                    print(report.summary)
                    print("\(file) has the whole sale of \(settings.data). Sell in one place only.")
                } catch let error as ArchiveError {
                    throw Failure(error)
                }
            }
        }
    }
}

extension AuditReport {
    /// One line for people.
    var summary: String {
        "\(grouped(facts)) facts: \(grouped(holds)) holds, \(grouped(purchases)) purchases, \(grouped(returns)) returns, "
            + "\(grouped(refundsOwed)) refunds owed"
    }
}

extension Failure {
    init(_ error: ArchiveError) {
        switch error {
        case .ledger(let error):
            let status =
                switch error {
                case .inUse: Failure.unavailable
                case .diskFull, .writeFailed: Failure.cannotCreate
                case .damaged: Failure.atWork
                case .notALedger, .tooNew: Failure.badConfiguration
                default: Failure.cannotRead
                }
            self.init(error.description, status: status)
        case .exists: self.init(error.description, status: Failure.cannotCreate)
        case .notAnArchive, .otherFormat: self.init(error.description, status: Failure.badConfiguration)
        case .changed, .brokenRule, .notMovable: self.init(error.description, status: Failure.atWork)
        }
    }
}
