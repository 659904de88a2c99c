internal import Foundation
internal import GRDB

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A ledger opened to be read, by whoever may read its file: nothing is made beside it, and nothing in it changes.
///
/// SQLite makes a write-ahead log and its index beside every ledger that it reads, under the name of the reader, and a
/// service of another user cannot start with those. So a ledger without a log is read as a file that nobody changes, one
/// with both (a service runs, or was killed) as SQLite reads it, which makes neither, and everything else from a copy.
struct LedgerSource {
    private enum Way {
        case unchanging, shared, copied
    }

    /// How often a ledger is copied that is written meanwhile.
    private static let copiesAtMost = 5

    let queue: DatabaseQueue
    /// The directory of the copy.
    private let room: String?
    private let path: String
    private let stamp: Stamp?

    /// By which a file that nobody should change shows that somebody did.
    private struct Stamp: Equatable {
        var bytes: Int64
        var seconds: Int
        var nanoseconds: Int
        var hasLog: Bool
    }

    /// - Throws: ``LedgerError/cannotOpen(path:reason:)`` if it cannot be read, ``LedgerError/notALedger(path:)`` and
    ///   ``LedgerError/tooNew(path:)`` if it is none of this release.
    init(path: String) throws {
        self.path = path
        var found = stat()
        guard stat(path, &found) == 0, access(path, R_OK) == 0 else {
            throw LedgerError.cannotOpen(path: path, reason: String(cString: strerror(errno)))
        }
        guard found.st_mode & S_IFMT == S_IFREG else {
            throw LedgerError.cannotOpen(path: path, reason: "it is no file")
        }
        guard found.st_size > 0 else { throw LedgerError.notALedger(path: path) }
        let way = Self.way(to: path)
        stamp = way == .unchanging ? Self.stamp(of: path) : nil
        do {
            let (opened, room) = try Self.open(path, way)
            do {
                let isCurrent = try opened.read { db in
                    try LedgerSchema.checkFormat(of: db, at: path)
                    return try LedgerSchema.migrator.hasCompletedMigrations(db)
                }
                guard isCurrent else {
                    let current = try Self.brought(opened)
                    Self.remove(room)
                    (queue, self.room) = current
                    return
                }
            } catch {
                try? opened.close()
                Self.remove(room)
                throw error
            }
            (queue, self.room) = (opened, room)
        } catch {
            throw Ledger.translate(error, opening: path)
        }
    }

    func close() {
        try? queue.close()
        Self.remove(room)
    }

    /// Whether somebody wrote the file, so that what was found in it says nothing.
    var wasChanged: Bool {
        stamp.map { $0 != Self.stamp(of: path) } ?? false
    }

    private static func way(to path: String) -> Way {
        let hasIndex = access(path + "-shm", F_OK) == 0
        if access(path + "-wal", F_OK) == 0, hasIndex { return .shared }
        return LedgerFiles.isFilled(path + "-wal") ? .copied : .unchanging
    }

    /// Copies ledger and log as they were at one moment: again, if one was written meanwhile.
    private static func copy(_ path: String, to copy: String) throws {
        for _ in 0..<copiesAtMost {
            let before = ["", "-wal"].map { stamp(of: path + $0) }
            for suffix in ["", "-wal"] {
                try? FileManager.default.removeItem(atPath: copy + suffix)
                guard access(path + suffix, F_OK) == 0 else { continue }
                try FileManager.default.copyItem(atPath: path + suffix, toPath: copy + suffix)
                chmod(copy + suffix, 0o600)
            }
            if before == ["", "-wal"].map({ stamp(of: path + $0) }) { return }
        }
        throw LedgerError.cannotOpen(path: path, reason: "somebody writes it; stop them, or read a copy")
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

    private static func open(_ path: String, _ way: Way) throws -> (DatabaseQueue, room: String?) {
        do {
            switch way {
            case .shared:
                let queue = try LedgerQueries.openToRead(path, label: "verify")
                // The log is opened with the first read.
                _ = try queue.read { try $0.tableExists("ledger") }
                return (queue, nil)
            case .unchanging:
                return (try LedgerQueries.openToRead(unchanging(path), as: path, label: "verify"), nil)
            case .copied: break
            }
        } catch let error as LedgerError {
            guard case .cannotOpen = error else { throw error }
        } catch let error as DatabaseError {
            guard [.SQLITE_CANTOPEN, .SQLITE_READONLY].contains(error.resultCode) else { throw error }
        }
        let room = try makeRoom()
        do {
            let copy = room + "/ledger.sqlite"
            try Self.copy(path, to: copy)
            return (try DatabaseQueue(path: copy), room)
        } catch {
            remove(room)
            throw error
        }
    }

    /// A ledger of an earlier release, copied and brought to the current schema.
    private static func brought(_ old: DatabaseQueue) throws -> (DatabaseQueue, room: String?) {
        let room = try makeRoom()
        do {
            let new = try DatabaseQueue(path: room + "/ledger.sqlite")
            try old.backup(to: new)
            try old.close()
            try LedgerSchema.migrator.migrate(new)
            return (new, room)
        } catch {
            remove(room)
            throw error
        }
    }

    /// The name by which SQLite takes a file for one that nobody changes (https://www.sqlite.org/uri.html).
    private static func unchanging(_ path: String) -> String {
        let safe = CharacterSet(charactersIn: "/._-").union(.alphanumerics)
        return "file:\(path.addingPercentEncoding(withAllowedCharacters: safe) ?? path)?immutable=1"
    }

    private static func makeRoom() throws -> String {
        let room = NSTemporaryDirectory() + "/holdfast-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: room, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        return room
    }

    private static func remove(_ room: String?) {
        if let room { try? FileManager.default.removeItem(atPath: room) }
    }
}
