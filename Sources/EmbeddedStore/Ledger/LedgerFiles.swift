#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The files that a store writes, by what they are and not by their names: a file that was removed or replaced is still
/// written, and nobody will find it there.
struct LedgerFiles: Sendable {
    /// A file that is not the one that is written.
    struct Loss: Sendable, Equatable {
        var name: String
        /// There is another file of that name.
        var isReplaced: Bool
    }

    /// What makes a file that file.
    private struct Identity: Sendable, Equatable {
        var device: UInt64
        var number: UInt64
    }

    private struct Watched: Sendable {
        var name: String
        var path: String
        var identity: Identity
    }

    private let watched: [Watched]
    private let logPath: String

    /// Takes the files at these paths for those that are written.
    ///
    /// - Precondition: the ledger at `path` is open, so that its log and the index of that are there.
    init(ledger path: String, lock: String) throws(LedgerError) {
        logPath = path + "-wal"
        var watched: [Watched] = []
        for path in [path, path + "-wal", path + "-shm", lock] {
            guard let found = Self.look(at: path) else {
                throw .cannotOpen(path: path, reason: String(cString: strerror(errno)))
            }
            watched.append(Watched(name: Self.name(of: path), path: path, identity: Self.identity(found)))
        }
        self.watched = watched
    }

    /// Looks whether the files are there still. One system call a file.
    ///
    /// A file that cannot be looked at is not lost: a disk may fail for a moment.
    func losses() -> [Loss] {
        watched.compactMap { file in
            guard let found = Self.look(at: file.path) else {
                return errno == ENOENT || errno == ENOTDIR ? Loss(name: file.name, isReplaced: false) : nil
            }
            return Self.identity(found) == file.identity ? nil : Loss(name: file.name, isReplaced: true)
        }
    }

    /// How long the write-ahead log is.
    var logBytes: Int {
        Self.look(at: logPath).map { Int($0.st_size) } ?? 0
    }

    /// Whether there is something in the file.
    static func isFilled(_ path: String) -> Bool {
        look(at: path).map { $0.st_size > 0 } ?? false
    }

    /// Makes the file, readable by its owner only, or takes from others what they may do with one that is there. Its group
    /// keeps what it was given. SQLite makes log and index as the ledger is.
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
                    path: path, reason: "it is open to everybody, and: \(String(cString: strerror(errno)))")
            }
        }
    }

    /// A descriptor of the database's file, for ``userOfDatabase(_:)``.
    static func probe(_ path: String) -> CInt? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        return descriptor >= 0 ? descriptor : nil
    }

    static func closeProbe(_ descriptor: CInt) {
        close(descriptor)
    }

    /// Another process that has the database open: with a write-ahead log each has a shared lock on these bytes for as long
    /// (https://www.sqlite.org/src/file/src/os.h, `SHARED_FIRST`).
    static func userOfDatabase(_ descriptor: CInt) -> CInt? {
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_start = 0x4000_0002
        lock.l_len = 510
        guard fcntl(descriptor, F_GETLK, &lock) == 0, lock.l_type != Int16(F_UNLCK) else { return nil }
        return lock.l_pid
    }

    /// Gives a finished file its name, and makes both last.
    static func publish(_ part: String, as path: String) throws(LedgerError) {
        let room = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        guard sync(part), rename(part, path) == 0, sync(room.isEmpty ? "." : room) else {
            throw .writeFailed(reason: String(cString: strerror(errno)))
        }
    }

    private static func sync(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return fsync(descriptor) == 0
    }

    private static func look(at path: String) -> stat? {
        var found = stat()
        return stat(path, &found) == 0 ? found : nil
    }

    private static func identity(_ found: stat) -> Identity {
        Identity(device: UInt64(found.st_dev), number: UInt64(found.st_ino))
    }

    private static func name(of path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }
}
