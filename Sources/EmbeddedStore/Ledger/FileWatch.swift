internal import BoxOffice
internal import Dispatch
internal import Logging
internal import Synchronization

/// Checks a store's files from time to time: whether they still exist, and how long the log is.
struct FileWatch {
    private let store: EmbeddedStore
    private let interval: UInt64
    private var next: UInt64
    /// The number of the last fact that is on the disk.
    private(set) var committed: UInt64
    /// Files of the ledger that were removed or replaced.
    private(set) var lost: [LedgerFiles.Loss] = []
    /// Whether the answered facts are in a file that a start or an operator finds.
    var isSaved = false
    /// Failed attempts to save them.
    var failedSaves = 0
    /// Companions that were seen, and those whose loss was reported.
    private var seen: Set<String> = []
    private var reported: Set<String> = []
    /// The length of the write-ahead log that is reported next.
    private var noticedBytes: Int

    init(store: EmbeddedStore, committed: UInt64) {
        self.store = store
        self.committed = committed
        interval = UInt64(clamping: store.configuration.looksAtFilesEvery.inMilliseconds * 1_000_000)
        next = DispatchTime.now().uptimeNanoseconds + interval
        noticedBytes = store.configuration.noticedLogBytes
    }

    var hasLostFiles: Bool { !lost.isEmpty }

    var isDue: Bool { DispatchTime.now().uptimeNanoseconds >= next }

    mutating func committed(_ batch: Ledger.Batch) {
        // A recorded clock has no number of its own.
        guard let last = batch.entries.last(where: { $0.recorded.fact != .clockReached }) else { return }
        committed = last.recorded.sequence
    }

    /// Checks the files and, if none is lost, the length of the log.
    ///
    /// - Returns: the files that are lost now.
    mutating func look() -> [LedgerFiles.Loss] {
        next = DispatchTime.now().uptimeNanoseconds + interval
        let losses = store.files.withLock { $0.losses() }
        guard losses.isEmpty, !hasLostFiles else { return losses }
        store.record(committed)
        noticeLog(of: store.files.withLock { $0.logBytes })
        for path in store.configuration.companions { noticeCompanion(path) }
        return []
    }

    /// Notes the lost files. If they are others than before, what was saved may be lost, too.
    mutating func lose(_ losses: [LedgerFiles.Loss]) {
        if losses != lost { isSaved = false }
        lost = losses
    }

    /// Notes that all files are back and commits work.
    mutating func findAll() {
        lost = []
        isSaved = false
        failedSaves = 0
    }

    /// The sale goes on without a companion, but the next start needs it.
    private mutating func noticeCompanion(_ path: String) {
        if LedgerFiles.isFilled(path) {
            seen.insert(path)
            reported.remove(path)
        } else if seen.contains(path), reported.insert(path).inserted {
            store.logger.critical(
                "A file beside the ledger is gone; restore it from a copy before the next start",
                metadata: ["file": "\(path)"])
        }
    }

    private mutating func noticeLog(of bytes: Int) {
        let first = store.configuration.noticedLogBytes
        if bytes >= noticedBytes {
            store.logger.warning(
                "Another program reads the ledger, and its log grows until that program is done",
                metadata: ["bytes": "\(bytes)"])
            while noticedBytes <= bytes { noticedBytes *= 2 }
        } else if noticedBytes > first, bytes < first {
            store.logger.notice("The ledger's log is folded into the database again", metadata: ["bytes": "\(bytes)"])
            noticedBytes = first
        }
    }
}
