#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The right to write one ledger, for one process at a time.
///
/// An advisory lock on a file of its own beside the ledger: the kernel drops it with the process, however that ends,
/// so there is never a stale one. SQLite's own locks would let two writers take turns, each with its own memory of
/// what is free.
struct LedgerLock: ~Copyable {
    private let descriptor: CInt

    /// - Throws: ``LedgerError/inUse(path:process:)`` if another process has it.
    init(path: String) throws(LedgerError) {
        let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard opened >= 0 else {
            throw .cannotOpen(path: path, reason: String(cString: strerror(errno)))
        }
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
            var text = [UInt8](repeating: 0, count: 20)
            let count = read(opened, &text, text.count)
            close(opened)
            let process = String(decoding: text.prefix(max(0, count)), as: UTF8.self)
            throw .inUse(path: path, process: process.split(whereSeparator: \.isWhitespace).first.map(String.init))
        }
        let process = Array("\(getpid())\n".utf8)
        ftruncate(opened, 0)
        // Only for the message above; the lock is the lock.
        _ = pwrite(opened, process, process.count, 0)
        descriptor = opened
    }

    deinit {
        // Not by closing alone: a process that is being started has a copy of every descriptor until it runs its own
        // program, and the lock would stay as long.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
