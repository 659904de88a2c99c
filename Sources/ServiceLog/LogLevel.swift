public import Logging
internal import Synchronization

/// The least severe level that is written. All handlers of a log share one, so it may change while they write.
public final class LogLevel: Sendable {
    private let index: Atomic<Int>

    public init(_ level: Logger.Level) {
        index = Atomic(level.position)
    }

    /// The level that is in force.
    public var level: Logger.Level {
        get { Logger.Level.allCases[index.load(ordering: .relaxed)] }
        set { index.store(newValue.position, ordering: .relaxed) }
    }
}

extension Logger.Level {
    fileprivate var position: Int {
        Logger.Level.allCases.firstIndex(of: self) ?? 0
    }
}
