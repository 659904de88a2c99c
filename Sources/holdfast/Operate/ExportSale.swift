internal import ArgumentParser
internal import EmbeddedStore
internal import RedisStore
internal import Settings
internal import TicketStore

extension Export {
    /// Exports a whole sale, to move it.
    struct Sale: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Export a whole sale to one file, to move it.",
            discussion: """
                The sale of a data directory, or of Redis with --store. The file has everything: events, live holds, sales,
                returns, debts, idempotency keys and the audit. It is recounted and sealed. `holdfast import sale` takes it
                into a data directory or into Redis.

                The service must be stopped; on Redis, every node. Nodes that still run sell nothing from then on. The time of
                live holds stands until the import is done. No service starts on the old store any more, so that the sale goes
                on in one store only. --undo lets it go on there.

                The file has buyers, payments and a secret, so only its owner can read it. Move the token keys
                (DATA/token.keys), too, or the tokens of buyers are unknown. Operators' keys do not move: make new ones.

                EXAMPLES
                  holdfast export sale season.sale --data /srv/holdfast
                  holdfast export sale season.sale --store redis://10.0.0.5:6379
                  holdfast verify season.sale
                  holdfast export sale --undo --data /srv/holdfast

                EXIT STATUS
                   1  a rule is broken, or what was written differs from the sale
                  64  there is no file, or one with --undo
                  66  there is no sale
                  69  a service has the data directory, or the servers cannot be reached
                  73  the file exists already or cannot be written
                """)

        @Argument(help: "The file to make.", completion: .file())
        var file: String?

        @Flag(help: "Let the old store sell again, after an export.")
        var undo = false

        @OptionGroup(title: "Settings") var options: SettingsOptions

        func validate() throws {
            guard (file != nil) != undo else {
                throw ValidationError("name the file to make, or say --undo")
            }
        }

        func run() async throws {
            try await Failure.reported {
                let settings = try options.loadReported()
                do {
                    if let file { try await export(settings, to: file) } else { try await goOn(settings) }
                } catch let error as ArchiveError {
                    throw Failure(error)
                } catch let error as MoveError {
                    throw Failure(error)
                } catch let failure as StoreFailure {
                    throw Failure("the servers did not give the sale: \(failure)", status: Failure.unavailable)
                }
            }
        }

        private func export(_ settings: Settings, to file: String) async throws {
            let (report, origin): (AuditReport, String)
            switch settings.store {
            case .embedded: (report, origin) = (try SaleArchive.export(from: settings.data, to: file), settings.data)
            case .redis(let address):
                report = try await exportFromRedis(settings, address, to: file)
                origin = "\(settings.redis.prefix): in Redis"
            }
            print(report.summary)
            print("\(file) has the whole sale of \(origin). No service starts there any more.")
        }

        private func exportFromRedis(_ settings: Settings, _ address: String, to file: String) async throws
            -> AuditReport
        {
            var found: AuditReport?
            try await RedisAccess.with(settings, address: address) { client, isCluster in
                let store = try await OpenedStore.redisStore(
                    settings, client, isCluster: isCluster, mendsByItself: false)
                defer { store.stop() }
                let sale = try await DepartingSale(closing: store)
                do {
                    found = try await SaleArchive.write(sale, to: file)
                } catch {
                    try? await sale.reopen()
                    throw error
                }
            }
            guard let found else { throw Failure("the sale was not read", status: Failure.atWork) }
            return found
        }

        private func goOn(_ settings: Settings) async throws {
            var wasExported = false
            switch settings.store {
            case .embedded: wasExported = try SaleArchive.undoExport(of: settings.data)
            case .redis(let address):
                try await RedisAccess.with(settings, address: address) { client, isCluster in
                    wasExported = try await RedisAccess.reportingFailures {
                        try await DepartingSale.undo(prefix: settings.redis.prefix, isCluster: isCluster, client) {
                            try await OpenedStore.redisStore(
                                settings, client, isCluster: isCluster, mendsByItself: false)
                        }
                    }
                }
            }
            print(
                wasExported
                    ? "The sale goes on here. Do not start what was imported from the file."
                    : "The sale was not exported; it is here.")
        }
    }
}

extension Failure {
    init(_ error: MoveError) {
        let status =
            switch error {
            case .notEmpty: Failure.cannotCreate
            case .nothing: Failure.cannotRead
            case .refused, .queued, .differs: Failure.atWork
            }
        self.init(error.description, status: status)
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
                case .notALedger, .tooNew, .departed: Failure.badConfiguration
                default: Failure.cannotRead
                }
            self.init(error.description, status: status)
        case .exists: self.init(error.description, status: Failure.cannotCreate)
        case .notAnArchive, .otherFormat: self.init(error.description, status: Failure.badConfiguration)
        case .changed, .brokenRule, .notMovable, .differs: self.init(error.description, status: Failure.atWork)
        }
    }
}
