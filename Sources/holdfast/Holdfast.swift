internal import ArgumentParser
internal import CLibrary
internal import ServiceLog

/// The command `holdfast`: it parses arguments, reads settings, and puts the service together. Only this target names a
/// concrete store.
@main
struct Holdfast: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "holdfast",
        abstract: "A box office that holds places for buyers and sells each place once.",
        discussion: """
            EXAMPLES
              holdfast serve                                  sell the event "main" on http://127.0.0.1:8000
              holdfast serve --event hall.json --data /srv/hall
              HOLDFAST_PORT=9000 holdfast serve               the same settings, from the environment
              holdfast config --port 9000                     show the settings, and where each one came from
              holdfast key create --role operator --name Anna   make a key that may pause, return and see purchases
              holdfast event pause main                       change the running service, with the key in HOLDFAST_KEY
              holdfast code make main club --count 200 --tickets 2   make access codes
              holdfast queue show main                        show who waits, and who is let in
              holdfast find --buyer ann@example.org           find holds and purchases
              holdfast report main                            show what was sold, by type and day
              holdfast purchase return P7 --line GA=1         return a part of what was sold
              holdfast export purchases main --output main.csv
              holdfast export sale season.sale                everything in one file, for `holdfast import sale`
              holdfast refund list                            list payments that bought nothing
              holdfast forget --buyer ann@example.org         show what would be erased of a buyer
              holdfast bench http://127.0.0.1:8000 --scenario sale --api v1
              holdfast verify holdfast-data/ledger.sqlite     recount a ledger
              holdfast backup /backup/tonight --verify        copy a running service's data, and recount the copy
              holdfast doctor                                 look for what would break a promise
              holdfast repair --store redis://10.0.0.5:6379   compare the numbers on Redis with the holds

            EXIT STATUS
               0  done, or stopped as asked
               1  the command failed, or the service refused it
              64  wrong arguments
              66  a ledger cannot be read
              69  a port or a ledger is in use, or no service answers
              73  a ledger, a file or the output cannot be written
              75  stopped before the disk answered, so the last requests may be done or not
              78  a bad configuration, event file or key, or a file that is not a ledger of this release
            """,
        version: version,
        subcommands: [
            Serve.self, Keys.self, Events.self, Codes.self, Queues.self, Find.self, Holds.self, Purchases.self,
            Refunds.self,
            Forget.self,
            Export.self, Import.self, Report.self, Audit.self, Config.self, Doctor.self, Backup.self, Migrate.self,
            Verify.self, Repair.self, Bench.self,
        ],
        defaultSubcommand: nil)

    static func main() async {
        openStandardDescriptors()
        await main(nil)
    }
}

/// A failure that ends a command: one line for people, and an exit status for scripts.
struct Failure: Error, CustomStringConvertible {
    static let atWork: Int32 = 1
    static let wrongUse: Int32 = 64
    static let cannotRead: Int32 = 66
    static let unavailable: Int32 = 69
    static let cannotCreate: Int32 = 73
    static let unknownOutcome: Int32 = 75
    /// EX_TEMPFAIL, as ``unknownOutcome``: the same may succeed later, so a service manager goes on trying.
    static let forNow: Int32 = 75
    static let badConfiguration: Int32 = 78

    let description: String
    let status: Int32

    init(_ description: String, status: Int32) {
        self.description = description
        self.status = status
    }

    /// Runs `body`. If it throws a failure, this prints it on standard error and ends with its status. Output that cannot be
    /// written is a failure, too.
    static func reported(_ body: () async throws -> Void) async throws {
        do {
            try await body()
            try finishStandardOutput()
        } catch let failure as Failure {
            // Written after the lines of the log. A closed or full standard error changes neither the status nor the time.
            signal(SIGPIPE, SIG_IGN)
            LogWriter.standardError.write(Array("holdfast: \(failure.description)\n".utf8))
            LogWriter.standardError.flush(within: .seconds(1))
            throw ExitCode(failure.status)
        }
    }
}
