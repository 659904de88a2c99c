internal import BoxOffice
internal import CLibrary
internal import Synchronization
public import TicketStore

/// What the committer counts besides how long its commits took (R57 Metrics).
struct CommitFigures: Sendable {
    /// Facts of each commit.
    var batches = SizeHistogram()
    /// Pools that a broken rule closed, by event (R4 Broken rule). As many events as ever had one.
    var violations: [Code: UInt64] = [:]
}

extension EmbeddedStore {
    public var figures: StoreFigures {
        var figures = StoreFigures()
        (figures.batches, figures.violations) = counted.withLock { ($0.batches, $0.violations) }
        figures.queued = state.withLock { $0.waitingCount + $0.waitingLookups }
        figures.files = [
            .init(name: "ledger", bytes: Self.size(of: ledgerPath)),
            .init(name: "log", bytes: Self.size(of: ledgerPath + "-wal")),
            .init(name: "search", bytes: Self.size(of: configuration.directory + "/" + SearchIndex.name)),
        ]
        figures.disk = Self.disk(of: configuration.directory)
        return figures
    }

    /// The bytes of a file; 0 if there is none.
    private static func size(of path: String) -> UInt64 {
        var status = stat()
        return stat(path, &status) == 0 ? UInt64(max(0, status.st_size)) : 0
    }

    /// `nil` if the system does not say.
    private static func disk(of directory: String) -> StoreFigures.Disk? {
        var status = statvfs()
        guard statvfs(directory, &status) == 0 else { return nil }
        let block = UInt64(status.f_frsize)
        return StoreFigures.Disk(bytes: UInt64(status.f_blocks) * block, free: UInt64(status.f_bavail) * block)
    }
}
