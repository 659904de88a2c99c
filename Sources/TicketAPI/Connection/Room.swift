internal import Synchronization

/// Counts who is in, over all event loops, against a bound for all and one for each caller.
package final class Room: Sendable {
    /// Which bound is reached.
    package enum Shortage: Sendable {
        case ofAll, ofCaller
    }

    private struct Taken {
        var all = 0
        /// Only callers that are in, so no more than ``all``; empty where callers have no bound.
        var byCaller: [CallerQuota.Caller: Int] = [:]
    }

    private let most: Int
    private let mostOfCaller: Int?
    private let taken = Mutex(Taken())

    /// - Parameter mostOfCaller: `nil` for no bound for each caller.
    package init(most: Int, mostOfCaller: Int?) {
        self.most = most
        self.mostOfCaller = mostOfCaller
    }

    /// Lets a caller in.
    ///
    /// - Parameter caller: `nil` for a trusted proxy, which comes for many and has no bound of its own.
    /// - Returns: why not; `nil` if it is in.
    package func take(_ caller: CallerQuota.Caller?) -> Shortage? {
        taken.withLock { taken in
            guard taken.all < most else { return .ofAll }
            if let mostOfCaller, let caller {
                guard taken.byCaller[caller, default: 0] < mostOfCaller else { return .ofCaller }
                taken.byCaller[caller, default: 0] += 1
            }
            taken.all += 1
            return nil
        }
    }

    /// How many are in.
    package var count: Int { taken.withLock { $0.all } }

    /// A caller that was let in leaves.
    package func leave(_ caller: CallerQuota.Caller?) {
        taken.withLock { taken in
            taken.all -= 1
            guard let caller, let theirs = taken.byCaller[caller] else { return }
            taken.byCaller[caller] = theirs > 1 ? theirs - 1 : nil
        }
    }
}
