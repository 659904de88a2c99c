package import BoxOffice
internal import CLibrary
internal import Foundation
internal import GRDB
internal import TicketStore

/// Copies what a service needs to go on: its ledger, its operators' keys and the keys that sign tokens (R63 Backup).
///
/// The service may sell meanwhile. The copy is one moment of its ledger (``LedgerCopy``), and nobody waits for a reader; only
/// the log grows until the copy is done. Beside a sale the copy is made slowly (``CopyPace``), otherwise as fast as the
/// disk takes it.
public struct DataBackup: Sendable {
    /// How far the copy of the ledger is.
    public struct Progress: Sendable {
        public var copiedBytes: Int
        public var totalBytes: Int
    }

    /// What was copied.
    public struct Report: Sendable {
        /// The length of the copied ledger.
        public var bytes: Int
        /// The recount of the copy; `nil` if it was not recounted.
        public var recount: AuditReport?
    }

    /// The name of the file in the copy that has the keys that sign tokens.
    public static let tokenKeysName = "token.keys"

    /// Attempts to read a ledger without a log, while a service begins to write it.
    private static let attempts = 5
    /// A file of token keys is not longer: 255 keys.
    private static let tokenKeysBytes = 1 << 20

    private let data: String
    private let tokenKeys: String
    private let target: String
    /// The time of day; tests say another one.
    package var now: @Sendable () -> WallTime = { MachineClock.read().wall }
    /// Says the room on the disk of a path; tests say another one.
    package var room: @Sendable (_ path: String) -> DiskRoom? = { DiskRoom.at($0) }
    /// Says how long ago somebody wrote to a ledger, and rests; tests say and do something else.
    package var sinceWrite: @Sendable (_ ledger: String) -> Duration? = { Self.sinceWrite(to: $0) }
    package var rest: @Sendable (Duration) -> Void = { Thread.sleep(forTimeInterval: $0 / .seconds(1)) }

    /// - Parameters:
    ///   - data: the directory of the ledger.
    ///   - tokenKeys: the file of the keys that sign tokens.
    ///   - target: the directory to make. It must not exist.
    public init(of data: String, tokenKeys: String, to target: String) {
        self.data = data
        self.tokenKeys = tokenKeys
        var target = target
        while target.count > 1, target.hasSuffix("/") { target.removeLast() }
        self.target = target
    }

    /// Makes the copy. The directory appears when everything in it is whole and on the disk; only its owner can read
    /// it.
    ///
    /// - Parameters:
    ///   - recounts: whether to recount the copy, and make none that breaks a rule.
    ///   - progress: called after each mebibyte, before each page of the recount, and before the directory gets its
    ///     name. If it throws, there is no copy.
    /// - Throws: ``BackupError``, or what `progress` throws.
    public func make(recounts: Bool, progress: @escaping (Progress) throws -> Void) throws -> Report {
        let ledger = data + "/" + EmbeddedStore.ledgerName
        guard LedgerFiles.isFilled(ledger) || LedgerFiles.isFilled(ledger + "-wal") else {
            throw BackupError.ledger(.cannotOpen(path: ledger, reason: "there is no ledger"))
        }
        try checkTarget()
        try StorageLocation.refuseRemote(data)
        try keepRoom(for: Self.size(of: ledger) + Self.size(of: ledger + "-wal"))
        let part = "\(target).\(String(UInt32.random(in: .min ... .max), radix: 36)).partial"
        guard mkdir(part, 0o700) == 0 else { throw BackupError.cannotWrite(path: target, reason: Self.reason()) }
        do {
            var report = Report(bytes: 0)
            let copy = part + "/" + EmbeddedStore.ledgerName
            let begin = now()
            try copyLedger(ledger, to: copy, progress)
            guard LostTime.mark(copy, at: begin) else {
                throw BackupError.cannotWrite(path: target, reason: Self.reason())
            }
            report.bytes = Self.size(of: copy)
            let whole = Progress(copiedBytes: report.bytes, totalBytes: report.bytes)
            // After the ledger: a key that signed a token of the copy is in the file by now.
            try copyOperators(to: part + "/" + OperatorKeyFile.name)
            try copyTokenKeys(to: part + "/" + Self.tokenKeysName)
            if recounts { report.recount = try recounted(copy) { try progress(whole) } }
            try progress(whole)
            try publish(part)
            return report
        } catch {
            try? FileManager.default.removeItem(atPath: part)
            throw error
        }
    }

    /// Refuses a target that exists, and one inside the data directory, which would be lost together with the ledger.
    private func checkTarget() throws {
        var found = stat()
        if lstat(target, &found) == 0 { throw BackupError.exists(path: target) }
        let above = StorageLocation.above(target)
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: above, isDirectory: &isDirectory),
            isDirectory.boolValue
        else { throw BackupError.cannotWrite(path: target, reason: "there is no directory \(above)") }
        let (folder, inside) = (StorageLocation.resolved(above), StorageLocation.resolved(data))
        if folder == inside || folder.hasPrefix(inside + "/") { throw BackupError.inside(path: target, data: data) }
    }

    /// Refuses to fill the disk on which the service sells.
    ///
    /// - Parameter bytes: what is about to be written.
    private func keepRoom(for bytes: Int) throws {
        var (ours, theirs) = (stat(), stat())
        let above = StorageLocation.above(target)
        guard stat(above, &ours) == 0, stat(data, &theirs) == 0, ours.st_dev == theirs.st_dev, let room = room(above),
            room.free < room.reserve || room.free - room.reserve < bytes
        else { return }
        throw BackupError.wouldFill(path: target, data: data, reserve: room.reserve)
    }

    private static func size(of path: String) -> Int {
        ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int) ?? 0
    }

    // MARK: Copying

    private func copyLedger(_ path: String, to copy: String, _ progress: @escaping (Progress) throws -> Void) throws {
        for _ in 0..<Self.attempts {
            let source: LedgerSource
            do {
                source = try LedgerSource(path: path, isBroughtUpToDate: false)
            } catch {
                throw BackupError.ledger(Ledger.translate(error, opening: path))
            }
            defer { source.close() }
            try writing(path) { try copyFiles(of: source.queue, path, to: copy, progress) }
            // It was read as a file that nobody changes, and a service has started meanwhile.
            if !source.wasChanged { return }
            try? FileManager.default.removeItem(atPath: copy)
        }
        throw BackupError.ledger(
            .cannotOpen(path: path, reason: "another program keeps starting and stopping on it; try again"))
    }

    private func copyFiles(
        of source: DatabaseQueue, _ path: String, to copy: String, _ progress: (Progress) throws -> Void
    ) throws {
        var began = ContinuousClock.now
        try LedgerCopy.make(of: source, at: copy) { copied, total in
            try keepRoom(for: 0)
            try progress(Progress(copiedBytes: copied, totalBytes: total))
            let pause = CopyPace.rest(after: .now - began, sinceWrite: sinceWrite(path))
            if pause > .zero { rest(pause) }
            began = .now
        }
    }

    private func copyOperators(to copy: String) throws {
        let path = data + "/" + OperatorKeyFile.name
        guard LedgerFiles.isFilled(path) else { return }
        do {
            let queue = try ReadConnection.open(path, label: "operators' keys")
            defer { try? queue.close() }
            try writing(path) {
                try LedgerFiles.makePrivate(copy)
                let new = try Self.openNew(copy)
                defer { try? new.close() }
                try queue.backup(to: new)
            }
        } catch let error as LedgerError {
            throw BackupError.ledger(error)
        }
    }

    /// Says of a failure of `body`, which copies the database at `path`, what it means.
    private func writing(_ path: String, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let failure as NewFile.Failure {
            throw failure.code == ENOSPC
                ? BackupError.diskFull(path: target)
                : .cannotWrite(path: target, reason: String(cString: strerror(failure.code)))
        } catch let error as DatabaseError {
            throw translated(error, path)
        } catch let error as LedgerError {
            throw BackupError.cannotWrite(path: target, reason: error.description)
        }
    }

    /// How long ago somebody wrote to the log of a ledger; `nil` if it has none.
    private static func sinceWrite(to ledger: String) -> Duration? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: ledger + "-wal")
        return (attributes?[.modificationDate] as? Date).map { .seconds(-$0.timeIntervalSinceNow) }
    }

    /// The new database. Nobody else knows of it, so it needs no locks, which some file systems do not have, and no
    /// journal.
    private static func openNew(_ copy: String) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.label = "backup"
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA journal_mode = OFF")
            try db.execute(sql: "PRAGMA synchronous = OFF")
        }
        return try DatabaseQueue(path: LedgerSource.address(copy, "nolock=1"), configuration: configuration)
    }

    private func translated(_ error: DatabaseError, _ path: String) -> BackupError {
        switch error.resultCode {
        case .SQLITE_FULL: .diskFull(path: target)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: .ledger(Ledger.translate(error, opening: path))
        default:
            .cannotWrite(path: target, reason: error.message ?? "SQLite error \(error.extendedResultCode.rawValue)")
        }
    }

    private func copyTokenKeys(to copy: String) throws {
        let file = open(tokenKeys, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw BackupError.noTokenKeys(path: tokenKeys, reason: Self.reason()) }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: Self.tokenKeysBytes)
        var count = 0
        while count < bytes.count {
            let more = bytes.withUnsafeMutableBytes {
                read(file, UnsafeMutableRawBufferPointer(rebasing: $0[count...]).baseAddress, $0.count - count)
            }
            guard more >= 0 else { throw BackupError.noTokenKeys(path: tokenKeys, reason: Self.reason()) }
            guard more > 0 else { break }
            count += more
        }
        guard count < bytes.count else { throw BackupError.noTokenKeys(path: tokenKeys, reason: "it is too long") }
        let new = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        defer { if new >= 0 { close(new) } }
        guard new >= 0, write(new, bytes, count) == count else {
            throw errno == ENOSPC
                ? BackupError.diskFull(path: target) : .cannotWrite(path: target, reason: Self.reason())
        }
    }

    /// - Parameter goOn: called before each page. If it throws, the recount ends with that.
    private func recounted(_ copy: String, _ goOn: () throws -> Void) throws -> AuditReport {
        let report: AuditReport
        do {
            report = try LedgerAudit.recount(path: copy, goOn: goOn)
        } catch let error as LedgerError {
            throw BackupError.ledger(error)
        }
        if let broken = report.broken { throw BackupError.brokenRule(broken) }
        return report
    }

    /// Syncs everything, then gives the directory its name.
    private func publish(_ part: String) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: part).map { part + "/" + $0 }
        let above = StorageLocation.above(target)
        for path in names + [part] {
            guard LedgerFiles.sync(path) else { throw BackupError.cannotWrite(path: target, reason: Self.reason()) }
        }
        guard FreshName.rename(part, to: target) else {
            throw [EEXIST, ENOTEMPTY, ENOTDIR].contains(errno)
                ? BackupError.exists(path: target) : .cannotWrite(path: target, reason: Self.reason())
        }
        guard LedgerFiles.sync(above) else {
            throw BackupError.cannotWrite(path: target, reason: Self.reason())
        }
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}

/// Why there is no copy.
public enum BackupError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The ledger, or the file of operators' keys, cannot be read.
    case ledger(LedgerError)
    case noTokenKeys(path: String, reason: String)
    case exists(path: String)
    /// The copy would be a part of what it is a copy of.
    case inside(path: String, data: String)
    case cannotWrite(path: String, reason: String)
    case diskFull(path: String)
    /// The copy would take the room on the ledger's own disk, of which `reserve` bytes stay free.
    case wouldFill(path: String, data: String, reserve: Int)
    /// The copied facts break a rule.
    case brokenRule(String)

    public var description: String {
        switch self {
        case .ledger(let error): error.description
        case .noTokenKeys(let path, let reason):
            "cannot read the token keys in \(path): \(reason); without them the tokens of buyers are worthless, so name "
                + "their file with --token-keys"
        case .exists(let path): "\(path) exists already; each copy needs a new directory"
        case .inside(let path, let data): "\(path) is inside \(data), and would be lost with it; choose another path"
        case .cannotWrite(let path, let reason): "cannot make \(path): \(reason)"
        case .diskFull(let path): "the disk of \(path) is full, so there is no copy"
        case .wouldFill(let path, let data, let reserve):
            "there is no copy: with \(path), less than \(reserve >> 20) MiB would be free on the disk of \(data), and the "
                + "service needs room to sell; choose another disk"
        case .brokenRule(let rule): "there is no copy, because the ledger breaks a rule: \(rule)"
        }
    }
}
