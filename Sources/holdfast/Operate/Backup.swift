internal import ArgumentParser
internal import EmbeddedStore
internal import Foundation
internal import Settings

/// Copies what a service needs to go on.
struct Backup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Copy the ledger, the operators' keys and the token keys, even while the service runs.",
        discussion: """
            DIRECTORY is made and has everything that a service needs to go on: `holdfast serve --data DIRECTORY` sells from
            it. The copy of the ledger is one moment: everything that was answered before the command began is in it, and
            buyers' tokens keep their meaning. Nobody waits meanwhile. The directory appears when it is complete and on the
            disk, and only its owner can read it. It contains buyers, payments and secrets.

            Event files and config.json are not in it. On Redis, copy what the servers keep (docs/redis.md).

            EXAMPLES
              holdfast backup /backup/holdfast-$(date +%F) --data /var/lib/holdfast
              holdfast backup /backup/tonight --verify
              holdfast verify /backup/tonight

            EXIT STATUS
               0  the copy is there
               1  a rule is broken (with --verify), or it was stopped
              64  wrong arguments, or the sale is on Redis
              66  there is no ledger, or it or the token keys cannot be read
              73  DIRECTORY exists, is inside the data directory or cannot be written, its disk is full, or too little
                  room would be left on the ledger's disk
              78  the file is not a ledger, or a later release wrote it
            """)

    @Argument(help: "The directory to make.", completion: .directory)
    var directory: String

    @Flag(help: "Recount the copy, and make none if a rule is broken.")
    var verify = false

    @OptionGroup(title: "Settings") var options: SettingsOptions

    func run() async throws {
        try await Failure.reported {
            let settings = try options.loadReported()
            guard settings.store == .embedded else {
                throw Failure(
                    "this copies a data directory, and the sale is on Redis; copy what the Redis servers keep (see "
                        + "docs/redis.md)", status: Failure.wrongUse)
            }
            let keys = settings.tokenKeys ?? settings.data + "/" + TokenKeyFile.name
            let backup = DataBackup(of: settings.data, tokenKeys: keys, to: directory)
            try await OutputFile.untilStopped { [verify, directory] in
                do {
                    Self.report(try Self.copy(backup, recounts: verify), directory)
                } catch let error as BackupError {
                    throw Failure(error)
                }
            }
        }
    }

    private static func copy(_ backup: DataBackup, recounts: Bool) throws -> DataBackup.Report {
        // For people only: a log of a nightly copy needs no percentages.
        let isWatched = isatty(STDERR_FILENO) == 1
        var shown = -1
        defer { if isWatched, shown >= 0 { FileHandle.standardError.write(Data("\r\u{1b}[K".utf8)) } }
        return try backup.make(recounts: recounts) { progress in
            try Task.checkCancellation()
            let percent = progress.copiedBytes * 100 / max(1, progress.totalBytes)
            guard isWatched, percent != shown else { return }
            shown = percent
            let text = "\rcopying \(grouped(progress.totalBytes)) bytes: \(percent) %"
            FileHandle.standardError.write(Data(text.utf8))
        }
    }

    private static func report(_ report: DataBackup.Report, _ directory: String) {
        print("\(directory) has the ledger (\(grouped(report.bytes)) bytes), the operators' keys and the token keys.")
        guard let recount = report.recount else { return }
        print(recount.summary)
        print("every rule holds")
    }
}

extension Failure {
    init(_ error: BackupError) {
        switch error {
        case .ledger(let error): self.init(error)
        case .noTokenKeys: self.init(error.description, status: Failure.cannotRead)
        case .exists, .inside, .cannotWrite, .diskFull, .wouldFill:
            self.init(error.description, status: Failure.cannotCreate)
        case .brokenRule: self.init(error.description, status: Failure.atWork)
        }
    }
}
