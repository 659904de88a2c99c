internal import ArgumentParser
internal import BoxOffice
internal import EmbeddedStore
internal import RedisStore
internal import Settings
internal import TicketStore

/// Takes an exported sale in.
struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take an exported sale into an empty store.", subcommands: [Sale.self])

    struct Sale: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a whole sale into a data directory without a ledger, or into an empty Redis.",
            discussion: """
                First the file is checked: its seal, then every fact in it. What is taken in is counted again. If anything
                is wrong, nothing is done. Tokens, numbers of holds and purchases, and idempotency keys stay good, if the
                token keys are those of the exported store. A live hold has at least the time that it had left.

                EXAMPLES
                  holdfast import sale season.sale --data /srv/new
                  holdfast import sale season.sale --store redis://10.0.0.5:6379

                EXIT STATUS
                   1  the file breaks a rule, was cut off or was changed
                  66  the file cannot be read
                  69  a service has the data directory, or the servers cannot be reached
                  73  there is a sale already, or the store cannot be written
                  78  the file is not an exported sale, or a later release made it
                """)

        @Argument(help: "The file.", completion: .file())
        var file: String

        @OptionGroup(title: "Settings") var options: SettingsOptions

        func run() async throws {
            try await Failure.reported {
                let settings = try options.loadReported()
                do {
                    switch settings.store {
                    case .embedded:
                        let report = try SaleArchive.restore(file, into: settings.data)
                        done(report, report.pools, "Copy the token keys to \(settings.data), too.")
                    case .redis(let address):
                        let sale = try ArchivedSale(file)
                        let pools = try await move(sale, settings, address)
                        done(sale.recount, pools, "Start every node with the exported store's --token-keys.")
                    }
                } catch let error as ArchiveError {
                    throw Failure(error)
                }
            }
        }

        private func done(_ report: AuditReport, _ pools: [PoolCount], _ advice: String) {
            print(report.summary)
            for pool in pools {
                print(
                    "pool \(pool.pool) of \(pool.event): \(grouped(pool.held)) of \(grouped(pool.capacity)) places held, "
                        + "\(grouped(pool.sold)) sold")
            }
            print("The sale is here now. \(advice)")
        }

        private func move(_ sale: ArchivedSale, _ settings: Settings, _ address: String) async throws -> [PoolCount] {
            var pools: [PoolCount] = []
            try await RedisAccess.with(settings, address: address) { client, isCluster in
                try await RedisAccess.reportingFailures {
                    try await SaleMove.removeLeftovers(
                        prefix: settings.redis.prefix, isCluster: isCluster, client)
                }
                let store = try await OpenedStore.redisStore(
                    settings, client, isCluster: isCluster, mendsByItself: false)
                defer { store.stop() }
                do {
                    pools = try await SaleMove(into: store).take(sale)
                } catch let error as MoveError {
                    throw Failure(error)
                } catch let failure as StoreFailure {
                    throw Failure("the servers did not take the sale: \(failure)", status: Failure.unavailable)
                }
            }
            return pools
        }
    }
}
