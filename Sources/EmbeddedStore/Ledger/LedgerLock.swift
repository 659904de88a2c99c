internal import CLibrary

/// The right to write one ledger, for one process at a time.
///
/// It is an advisory lock on a separate file beside the ledger. The kernel releases it when the process ends, however
/// that happens, so there is never a stale one. SQLite's own locks would let two writers take turns, each with its own
/// memory of what is free.
///
/// The file also records what the last process knew of the ledger. A ledger that has less has lost something.
package struct LedgerLock: ~Copyable {
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

    /// Tries twice, since a command that asks for ``isHeld(_:)`` has the lock for a moment.
    ///
    /// - Parameter whenHeld: called between the two attempts.
    /// - Throws: ``LedgerError/inUse(path:process:)`` if another process has the lock.
    package init(path: String, whenHeld: () -> Void = { usleep(20_000) }) throws(LedgerError) {
        self.path = path
        let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard opened >= 0 else {
            throw .cannotOpen(path: path, reason: String(cString: strerror(errno)))
        }
        let words = Self.words(of: opened)
        if flock(opened, LOCK_EX | LOCK_NB) != 0 { whenHeld() }
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
            close(opened)
            throw .inUse(path: path, process: words.first.map(String.init))
        }
        descriptor = opened
        knowledge = Self.knowledge(words)
        write(knowledge)
    }

    /// Whether another process has the lock. It is taken for a moment if nobody has it.
    package static func isHeld(_ path: String) -> Bool {
        let opened = open(path, O_RDONLY | O_CLOEXEC)
        guard opened >= 0 else { return false }
        defer { close(opened) }
        // A shared lock meets the owner's, and is given back at once.
        guard flock(opened, LOCK_SH | LOCK_NB) == 0 else { return errno == EWOULDBLOCK }
        flock(opened, LOCK_UN)
        return false
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
        // Closing alone is not enough: a child process has a copy of every descriptor until it runs its own program,
        // and would keep the lock as long.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
