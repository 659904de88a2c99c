internal import CLibrary
internal import Foundation

/// The files that a store writes. They are known by identity and not by name: the store can still write a file that was
/// removed or replaced, but no start will find it.
struct LedgerFiles: Sendable {
    /// A file that was removed or replaced.
    struct Loss: Sendable, Equatable {
        var name: String
        /// Whether another file has its name now.
        var isReplaced: Bool
    }

    private struct Watched: Sendable {
        var name: String
        var path: String
        var identity: FileIdentity
    }

    private let watched: [Watched]
    private let logPath: String

    /// Notes the files at these paths as those that the store writes.
    ///
    /// - Precondition: the ledger at `path` is open, so that its log and the log's index exist.
    init(ledger path: String, lock: String) throws(LedgerError) {
        logPath = path + "-wal"
        var watched: [Watched] = []
        for path in [path, path + "-wal", path + "-shm", lock] {
            guard let found = Self.look(at: path) else {
                throw .cannotOpen(path: path, reason: String(cString: strerror(errno)))
            }
            watched.append(Watched(name: Self.name(of: path), path: path, identity: FileIdentity(found)))
        }
        self.watched = watched
    }

    /// The files that were removed or replaced. It costs one system call for each file.
    ///
    /// A file that cannot be looked at does not count as lost: a disk may fail for a moment.
    func losses() -> [Loss] {
        watched.compactMap { file in
            guard let found = Self.look(at: file.path) else {
                return errno == ENOENT || errno == ENOTDIR ? Loss(name: file.name, isReplaced: false) : nil
            }
            return FileIdentity(found) == file.identity ? nil : Loss(name: file.name, isReplaced: true)
        }
    }

    /// The length of the write-ahead log, in bytes.
    var logBytes: Int {
        Self.look(at: logPath).map { Int($0.st_size) } ?? 0
    }

    /// Whether the file exists and is not empty.
    static func isFilled(_ path: String) -> Bool {
        look(at: path).map { $0.st_size > 0 } ?? false
    }

    /// Makes the file so that only its owner can read it. If it exists, its group keeps its rights and others lose
    /// theirs. SQLite gives log and index the rights of the ledger.
    static func makePrivate(_ path: String) throws(LedgerError) {
        if look(at: path) == nil {
            let descriptor = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw .cannotOpen(path: path, reason: String(cString: strerror(errno))) }
            close(descriptor)
        }
        for path in [path, path + "-wal", path + "-shm"] {
            guard let found = look(at: path), found.st_mode & 0o007 != 0 else { continue }
            guard chmod(path, found.st_mode & 0o7770) == 0 else {
                throw .cannotOpen(
                    path: path,
                    reason: "everybody may read it, and that cannot be changed: \(String(cString: strerror(errno)))")
            }
        }
    }

    /// Opens the database's file for ``userOfDatabase(_:)``.
    static func probe(_ path: String) -> CInt? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        return descriptor >= 0 ? descriptor : nil
    }

    static func closeProbe(_ descriptor: CInt) {
        close(descriptor)
    }

    /// Another process that has the database open. With a write-ahead log each such process has a shared lock on these
    /// bytes (https://www.sqlite.org/src/file/src/os.h, `SHARED_FIRST`).
    static func userOfDatabase(_ descriptor: CInt) -> CInt? {
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_start = 0x4000_0002
        lock.l_len = 510
        guard fcntl(descriptor, F_GETLK, &lock) == 0, lock.l_type != Int16(F_UNLCK) else { return nil }
        return lock.l_pid
    }

    /// Renames a finished file to its final name, and syncs the file and its directory.
    static func publish(_ part: String, as path: String) throws(LedgerError) {
        let directory = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        guard sync(part), rename(part, path) == 0, sync(directory.isEmpty ? "." : directory) else {
            throw .writeFailed(reason: String(cString: strerror(errno)))
        }
    }

    /// The path of a copy with `facts` facts, for a ledger that was lost.
    static func rescuedCopy(of facts: UInt64, in directory: String) -> String {
        "\(directory)/\(rescued)\(facts).sqlite"
    }

    /// The rescued copy in the directory that has the most facts; `nil` if there is none.
    static func rescuedCopy(in directory: String) -> String? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        let facts = names.compactMap { name -> UInt64? in
            guard name.hasPrefix(rescued), name.hasSuffix(".sqlite") else { return nil }
            return UInt64(name.dropFirst(rescued.count).dropLast(7))
        }
        return facts.max().map { rescuedCopy(of: $0, in: directory) }
    }

    private static let rescued = "ledger.rescued-"

    static func remove(_ path: String) {
        unlink(path)
    }

    /// Syncs a file or a directory.
    static func sync(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return fsync(descriptor) == 0
    }

    private static func look(at path: String) -> stat? {
        var found = stat()
        return stat(path, &found) == 0 ? found : nil
    }

    private static func name(of path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }
}

/// The identity of a file: it stays when the file is renamed, and another file of the same name has another one.
struct FileIdentity: Sendable, Equatable {
    private let device: UInt64
    private let number: UInt64

    /// `nil` if there is no such file, or it cannot be looked at.
    init?(path: String) {
        var found = stat()
        guard stat(path, &found) == 0 else { return nil }
        self.init(found)
    }

    init(_ found: stat) {
        device = UInt64(found.st_dev)
        number = UInt64(found.st_ino)
    }
}
