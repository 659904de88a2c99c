internal import ArgumentParser
internal import Settings

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The command: parses, configures, composes. The only place that names a concrete store.
@main
struct Holdfast: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "holdfast",
        abstract: "A box office: holds places for buyers, sells them once, loses none.",
        discussion: """
            EXAMPLES
              holdfast serve                                  sell the event "main" on http://127.0.0.1:8000
              holdfast serve --event hall.json --data /srv/hall
              HOLDFAST_PORT=9000 holdfast serve               the same settings, from the environment
              holdfast config --port 9000                     what would be in force, and why
              holdfast key create --role operator --name Anna   who may pause, return, and see purchases
              holdfast event pause main                       ask the running service; HOLDFAST_KEY has the key
              holdfast export purchases main --output main.csv
              holdfast refund list                            payments that bought nothing
              holdfast bench http://127.0.0.1:8000 --scenario sale --api v1
              holdfast verify holdfast-data/ledger.sqlite     recount a ledger
              holdfast repair --store redis://10.0.0.5:6379   compare numbers on Redis with the holds

            EXIT STATUS
              0 stopped as asked, 1 failed at work or was refused, 64 wrong use, 66 a ledger that cannot be read,
              69 a port or a ledger in use or no service there, 73 a ledger, a file or the output cannot be written,
              75 stopped while the disk did not answer, so the last requests may be done or not,
              78 a bad configuration, event file or key, or no ledger of this release
            """,
        version: version,
        subcommands: [
            Serve.self, Keys.self, Events.self, Refunds.self, Export.self, Config.self, Verify.self, Repair.self,
            Bench.self,
        ],
        defaultSubcommand: nil)

    static func main() async {
        openStandardDescriptors()
        await main(nil)
    }
}

/// What a command ends with when something outside is not as it must be: one line, and a status that a script can
/// tell apart.
struct Failure: Error, CustomStringConvertible {
    static let atWork: Int32 = 1
    static let wrongUse: Int32 = 64
    static let cannotRead: Int32 = 66
    static let unavailable: Int32 = 69
    static let cannotCreate: Int32 = 73
    static let unknownOutcome: Int32 = 75
    static let badConfiguration: Int32 = 78

    let description: String
    let status: Int32

    init(_ description: String, status: Int32) {
        self.description = description
        self.status = status
    }

    /// Runs `body`; what it throws of this kind is told on standard error, and its status is the command's. Output that
    /// could not be written is a failure, too.
    static func reported(_ body: () async throws -> Void) async throws {
        do {
            try await body()
            try finishStandardOutput()
        } catch let failure as Failure {
            // Behind what was logged. An end that nobody reads, or that is full, changes neither the status nor the time.
            signal(SIGPIPE, SIG_IGN)
            LogWriter.standardError.write(Array("holdfast: \(failure.description)\n".utf8))
            LogWriter.standardError.flush(within: .seconds(1))
            throw ExitCode(failure.status)
        }
    }
}
