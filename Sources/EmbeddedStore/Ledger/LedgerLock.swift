#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The right to write one ledger, for one process at a time.
///
/// It is an advisory lock on a separate file beside the ledger. The kernel releases it when the process ends, however that
/// happens, so there is never a stale one. SQLite's own locks would let two writers take turns, each with its own memory of
/// what is free.
///
/// The file also records what the last process knew of the ledger. A ledger that has less has lost something.
struct LedgerLock: ~Copyable {
    /// What a process knows of a ledger.
    struct Knowledge: Sendable, Equatable {
        /// The ledger's own 16 bytes.
        var identity: [UInt8]
        /// The number of a fact that is on the disk.
        var sequence: UInt64
    }

    /// The length of the file: a process, an identity and a number.
    private static let longestText = 100

    let path: String
    /// What the last process recorded.
    let knowledge: Knowledge?
    private let descriptor: CInt

    /// - Throws: ``LedgerError/inUse(path:process:)`` if another process has the lock.
    init(path: String) throws(LedgerError) {
        self.path = path
        let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard opened >= 0 else {
            throw .cannotOpen(path: path, reason: String(cString: strerror(errno)))
        }
        let words = Self.words(of: opened)
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
            close(opened)
            throw .inUse(path: path, process: words.first.map(String.init))
        }
        descriptor = opened
        knowledge = Self.knowledge(words)
        write(knowledge)
    }

    /// Records what this process knows. It is not synced: after a power cut the file may have an earlier record.
    func record(_ knowledge: Knowledge) {
        write(knowledge)
    }

    /// Writes process, identity in hexadecimal digits, and number, always with the same length.
    private func write(_ knowledge: Knowledge?) {
        var text = "\(getpid())"
        if let knowledge {
            let digits = knowledge.identity.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            text += " \(digits) \(knowledge.sequence)"
        }
        let bytes = Array((text + String(repeating: " ", count: Self.longestText - 1 - text.count) + "\n").utf8)
        // A failure is ignored: the kernel knows who has the lock, and without a record no loss is reported.
        _ = pwrite(descriptor, bytes, bytes.count, 0)
    }

    private static func words(of descriptor: CInt) -> [Substring] {
        var bytes = [UInt8](repeating: 0, count: longestText)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(whereSeparator: \.isWhitespace)
    }

    private static func knowledge(_ words: [Substring]) -> Knowledge? {
        guard words.count == 3, words[1].utf8.count == 32, let sequence = UInt64(words[2]) else { return nil }
        let digits = Array(words[1])
        let identity = stride(from: 0, to: 32, by: 2).compactMap { UInt8(String(digits[$0...($0 + 1)]), radix: 16) }
        return identity.count == 16 ? Knowledge(identity: identity, sequence: sequence) : nil
    }

    deinit {
        // Closing alone is not enough: a child process has a copy of every descriptor until it runs its own program, and
        // would keep the lock as long.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
