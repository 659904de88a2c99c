internal import CLibrary
internal import Foundation
internal import GRDB

/// A ledger that is opened only to be read. Reading changes nothing in it and leaves no file beside it.
///
/// SQLite makes a write-ahead log and its index beside every ledger that it reads. They belong to the reader's user,
/// and a service of another user cannot start with them. So a ledger without a log is read as a file that nobody
/// changes. One with log and index (a service runs, or was killed) is read in the usual way, which makes neither.
/// Everything else is read from a copy.
package struct LedgerSource {
    private enum Way {
        case unchanging, shared, copied
    }

    /// How often a copy is tried while somebody writes the ledger.
    private static let copiesAtMost = 5

    let queue: DatabaseQueue
    /// The temporary directory of the copy.
    private let directory: String?
    private let path: String
    private let stamp: Stamp?

    /// What shows that a file was changed.
    private struct Stamp: Equatable {
        var bytes: Int64
        var seconds: Int
        var nanoseconds: Int
        var hasLog: Bool
    }

    /// - Parameter isBroughtUpToDate: whether a ledger of an earlier release is read from a copy with today's tables.
    /// - Throws: ``LedgerError/cannotOpen(path:reason:)`` if it cannot be read; ``LedgerError/notALedger(path:)`` or
    ///   ``LedgerError/tooNew(path:)`` if it is not a ledger of this release.
    init(path: String, isBroughtUpToDate: Bool = true) throws {
        self.path = path
        var found = stat()
        guard stat(path, &found) == 0, access(path, R_OK) == 0 else {
            throw LedgerError.cannotOpen(path: path, reason: String(cString: strerror(errno)))
        }
        guard found.st_mode & S_IFMT == S_IFREG else {
            throw LedgerError.cannotOpen(path: path, reason: "it is not a file")
        }
        guard found.st_size > 0 else { throw LedgerError.notALedger(path: path) }
        let way = Self.way(to: path)
        stamp = way == .unchanging ? Self.stamp(of: path) : nil
        do {
            let (opened, directory) = try Self.open(path, way)
            do {
                let isCurrent = try opened.read { db in
                    try LedgerSchema.checkFormat(of: db, at: path)
                    return try !isBroughtUpToDate || LedgerSchema.migrator.hasCompletedMigrations(db)
                }
                guard isCurrent else {
                    let current = try Self.migrated(opened)
                    Self.remove(directory)
                    (queue, self.directory) = current
                    return
                }
            } catch {
                try? opened.close()
                Self.remove(directory)
                throw error
            }
            (queue, self.directory) = (opened, directory)
        } catch {
            throw Ledger.translate(error, opening: path)
        }
    }

    /// The secret under which the names of erased payments were made; empty if the ledger has none yet.
    static func secret(_ db: Database) throws -> [UInt8] {
        try Data.fetchOne(db, sql: "SELECT key_secret FROM ledger").map { [UInt8]($0) } ?? []
    }

    func close() {
        try? queue.close()
        Self.remove(directory)
    }

    /// Whether the file was changed meanwhile, so that what was read from it means nothing.
    var wasChanged: Bool {
        stamp.map { $0 != Self.stamp(of: path) } ?? false
    }

    private static func way(to path: String) -> Way {
        let hasIndex = access(path + "-shm", F_OK) == 0
        if access(path + "-wal", F_OK) == 0, hasIndex { return .shared }
        return LedgerFiles.isFilled(path + "-wal") ? .copied : .unchanging
    }

    /// Copies ledger and log as they were at one moment. It tries again if one of them was changed meanwhile.
    ///
    /// - Parameter copyFile: copies one file; tests bring their own.
    package static func copy(
        _ path: String, to copy: String,
        copyFile: (_ from: String, _ to: String) throws -> Void = { from, to in
            try FileManager.default.copyItem(atPath: from, toPath: to)
        }
    ) throws {
        for _ in 0..<copiesAtMost {
            let before = ["", "-wal"].map { stamp(of: path + $0) }
            for suffix in ["", "-wal"] {
                try? FileManager.default.removeItem(atPath: copy + suffix)
                guard access(path + suffix, F_OK) == 0 else { continue }
                try copyFile(path + suffix, copy + suffix)
                chmod(copy + suffix, 0o600)
            }
            if before == ["", "-wal"].map({ stamp(of: path + $0) }) { return }
        }
        throw LedgerError.cannotOpen(
            path: path, reason: "another program keeps changing it; stop that program, or read a copy")
    }

    private static func stamp(of path: String) -> Stamp? {
        var found = stat()
        guard stat(path, &found) == 0 else { return nil }
        #if os(Linux)
            let changed = found.st_mtim
        #else
            let changed = found.st_mtimespec
        #endif
        return Stamp(
            bytes: Int64(found.st_size), seconds: Int(changed.tv_sec), nanoseconds: Int(changed.tv_nsec),
            hasLog: access(path + "-wal", F_OK) == 0)
    }

    private static func open(_ path: String, _ way: Way) throws -> (DatabaseQueue, directory: String?) {
        do {
            switch way {
            case .shared:
                let queue = try ReadConnection.open(path, label: "verify")
                // The log is opened with the first read.
                _ = try queue.read { try $0.tableExists("ledger") }
                return (queue, nil)
            case .unchanging:
                return (try ReadConnection.open(unchanging(path), as: path, label: "verify"), nil)
            case .copied: break
            }
        } catch let error as LedgerError {
            guard case .cannotOpen = error else { throw error }
        } catch let error as DatabaseError {
            guard [.SQLITE_CANTOPEN, .SQLITE_READONLY].contains(error.resultCode) else { throw error }
        }
        let directory = try makeDirectory()
        do {
            let copy = directory + "/ledger.sqlite"
            try Self.copy(path, to: copy)
            return (try DatabaseQueue(path: copy), directory)
        } catch {
            remove(directory)
            throw error
        }
    }

    /// A copy of a ledger of an earlier release, migrated to the current schema.
    private static func migrated(_ old: DatabaseQueue) throws -> (DatabaseQueue, directory: String?) {
        let directory = try makeDirectory()
        do {
            let new = try DatabaseQueue(path: directory + "/ledger.sqlite")
            try old.backup(to: new)
            try old.close()
            try LedgerSchema.migrator.migrate(new)
            return (new, directory)
        } catch {
            remove(directory)
            throw error
        }
    }

    /// The address that makes SQLite read a file as one that nobody changes.
    private static func unchanging(_ path: String) -> String { address(path, "immutable=1") }

    /// The address of a file with an instruction for SQLite (https://www.sqlite.org/uri.html).
    static func address(_ path: String, _ instruction: String) -> String {
        let safe = CharacterSet(charactersIn: "/._-").union(.alphanumerics)
        return "file:\(path.addingPercentEncoding(withAllowedCharacters: safe) ?? path)?\(instruction)"
    }

    static func makeDirectory() throws -> String {
        let directory = NSTemporaryDirectory() + "/holdfast-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        return directory
    }

    static func remove(_ directory: String?) {
        if let directory { try? FileManager.default.removeItem(atPath: directory) }
    }
}
