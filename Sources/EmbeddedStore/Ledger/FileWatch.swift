internal import BoxOffice
internal import Dispatch
internal import Logging
internal import Synchronization

/// Looks at the files of a store from time to time: whether they are there still, and how the log grows.
struct FileWatch {
    private let store: EmbeddedStore
    private let interval: UInt64
    private var next: UInt64
    /// The number of the last fact that is on the disk.
    private(set) var committed: UInt64
    /// Files of the ledger that are not those that are written.
    private(set) var lost: [LedgerFiles.Loss] = []
    /// What was answered is in a file that a start finds.
    var isSaved = false
    /// Attempts to save it that failed.
    var failedSaves = 0
    /// Companions that were there once, and those that were told to be gone since.
    private var seen: Set<String> = []
    private var told: Set<String> = []
    /// The length of the log that is told next.
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
        // The clock alone has no number of its own.
        guard let last = batch.entries.last(where: { $0.recorded.fact != .clockReached }) else { return }
        committed = last.recorded.sequence
    }

    /// Looks whether files are lost, and how the log grows where none is.
    ///
    /// - Returns: files that are lost now.
    mutating func look() -> [LedgerFiles.Loss] {
        next = DispatchTime.now().uptimeNanoseconds + interval
        let losses = store.files.withLock { $0.losses() }
        guard losses.isEmpty, !hasLostFiles else { return losses }
        store.record(committed)
        noticeLog(of: store.files.withLock { $0.logBytes })
        for path in store.configuration.companions { noticeCompanion(path) }
        return []
    }

    /// These are lost now; with others than before, what was saved may be lost, too.
    mutating func lose(_ losses: [LedgerFiles.Loss]) {
        if losses != lost { isSaved = false }
        lost = losses
    }

    /// All files are back, and facts are written to them.
    mutating func findAll() {
        lost = []
        isSaved = false
        failedSaves = 0
    }

    /// Nothing is lost with it yet, so selling goes on; but a start will not find it.
    private mutating func noticeCompanion(_ path: String) {
        if LedgerFiles.isFilled(path) {
            seen.insert(path)
            told.remove(path)
        } else if seen.contains(path), told.insert(path).inserted {
            store.logger.critical(
                "A file beside the ledger is gone; put it back from a copy before the next start",
                metadata: ["file": "\(path)"])
        }
    }

    private mutating func noticeLog(of bytes: Int) {
        let first = store.configuration.noticedLogBytes
        if bytes >= noticedBytes {
            store.logger.warning(
                "Somebody reads the ledger, and its log grows until they are done", metadata: ["bytes": "\(bytes)"])
            while noticedBytes <= bytes { noticedBytes *= 2 }
        } else if noticedBytes > first, bytes < first {
            store.logger.notice("The ledger's log is folded in again", metadata: ["bytes": "\(bytes)"])
            noticedBytes = first
        }
    }
}
