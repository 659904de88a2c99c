internal import GRDB

/// Copies a ledger that somebody may be writing: its file and its write-ahead log, which are then folded into one file.
///
/// As long as a reader's transaction lasts, nothing in the log is overwritten, and of the log only what this reader sees is
/// folded into the file (https://www.sqlite.org/walformat.html#locks). So the log has the newest content of every page that
/// changes in the file meanwhile, and both together are one moment of the ledger: that at which the log was copied. The file
/// is read without regard to pages, at the speed of the disk. SQLite's own backup interface writes page by page, which took
/// four times as long as `cp`.
///
/// If all of the log was folded when the transaction began, writers may begin the log anew, but nobody may fold it. Then
/// the file alone is the moment at which the transaction began; with the log as it was begun anew, it is a later one.
struct LedgerCopy {
    /// After so many bytes it calls `afterStep`.
    private static let step = 1 << 20

    private let copy: String
    private var log: String { copy + "-wal" }
    /// The last hold that the reader sees, which the copy must have.
    private var last: Int64 = 0

    /// Copies the ledger. On return the copy is one file, which is not synced.
    ///
    /// - Parameters:
    ///   - source: a connection that only reads.
    ///   - copy: a path at which there is nothing.
    ///   - afterStep: called after each mebibyte with the bytes that are copied, and with all that are to be copied. If it throws, the
    ///     copy ends with that.
    /// - Throws: also ``NewFile/Failure``.
    static func make(
        of source: DatabaseQueue, at copy: String, afterStep: (_ copied: Int, _ total: Int) throws -> Void
    ) throws {
        var work = LedgerCopy(copy: copy)
        try source.read { db in try work.copyFiles(db, afterStep) }
        try work.fold()
    }

    private init(copy: String) {
        self.copy = copy
    }

    private mutating func copyFiles(_ db: Database, _ afterStep: (Int, Int) throws -> Void) throws {
        // With the first read the transaction has its moment.
        last = try Self.lastHold(db)
        let database = try DatabaseFile(db)
        let length = try database.length()
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.step, alignment: NewFile.alignment)
        defer { room.deallocate() }
        // The log first: its copy is short, so the moment is soon after the command began.
        let logLength = try copyLog(of: db, room) { try afterStep($0, $1 + length) }
        var file = try NewFile(copy)
        while file.length < length {
            let part = UnsafeMutableRawBufferPointer(rebasing: room[..<min(Self.step, length - file.length)])
            guard try database.read(part, at: file.length) else {
                throw LedgerError.damaged("the file became shorter while it was read")
            }
            try file.append(UnsafeRawBufferPointer(part))
            try afterStep(logLength + file.length, logLength + length)
        }
    }

    /// Copies the log, if there is one and it is not begun anew meanwhile. Then it has nothing that the file lacks.
    ///
    /// - Returns: its length.
    private func copyLog(
        of db: Database, _ room: UnsafeMutableRawBufferPointer, _ afterStep: (Int, Int) throws -> Void
    ) throws -> Int {
        guard let source = DatabaseFile(logOf: db) else { return 0 }
        let length = try source.length()
        guard let begin = try Self.header(of: source) else { return 0 }
        do {
            var file = try NewFile(log)
            while file.length < length {
                let part = UnsafeMutableRawBufferPointer(rebasing: room[..<min(Self.step, length - file.length)])
                guard try source.read(part, at: file.length) else { break }
                try file.append(UnsafeRawBufferPointer(part))
                try afterStep(file.length, length)
            }
        }
        // A log that was begun anew has another header, and behind it frames of both.
        guard try Self.header(of: source) == begin else {
            LedgerFiles.remove(log)
            return 0
        }
        return length
    }

    /// The bytes that differ in each log that is begun anew (https://www.sqlite.org/fileformat2.html#the_write_ahead_log);
    /// `nil` if the log is empty.
    private static func header(of log: DatabaseFile) throws -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 32)
        return try bytes.withUnsafeMutableBytes { try log.read($0, at: 0) } ? bytes : nil
    }

    /// Folds the log into the file, and checks that what the reader saw is there.
    ///
    /// Nobody else knows of the copy. So it needs no locks and no shared memory, which some file systems do not have.
    private func fold() throws {
        var configuration = Configuration()
        configuration.label = "copy"
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA locking_mode = EXCLUSIVE")
            try db.execute(sql: "PRAGMA synchronous = OFF")
        }
        let queue = try DatabaseQueue(path: LedgerSource.address(copy, "vfs=unix-none"), configuration: configuration)
        defer { try? queue.close() }
        let found = try queue.writeWithoutTransaction { db in
            // SQLite folds and removes a log that is no longer wanted.
            try db.execute(sql: "PRAGMA journal_mode = DELETE")
            return try Self.lastHold(db)
        }
        guard found >= last else { throw LedgerError.damaged("the copy lacks holds that the ledger has") }
    }

    private static func lastHold(_ db: Database) throws -> Int64 {
        try Int64.fetchOne(db, sql: "SELECT max(id) FROM holds") ?? 0
    }
}
