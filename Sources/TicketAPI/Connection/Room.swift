internal import Synchronization

/// How many may be in at once, over all event loops: in all, and of one caller.
package final class Room: Sendable {
    /// What there is too little of.
    package enum Shortage: Sendable {
        case ofAll, ofCaller
    }

    private struct Taken {
        var all = 0
        /// Only of callers that are in, so no more than ``all``; empty where no caller is bounded.
        var byCaller: [CallerQuota.Caller: Int] = [:]
    }

    private let most: Int
    private let mostOfCaller: Int?
    private let taken = Mutex(Taken())

    /// - Parameter mostOfCaller: `nil` for no bound but that for all.
    package init(most: Int, mostOfCaller: Int?) {
        self.most = most
        self.mostOfCaller = mostOfCaller
    }

    /// Lets one in.
    ///
    /// - Returns: why not; `nil` if it is in.
    package func take(_ caller: CallerQuota.Caller) -> Shortage? {
        taken.withLock { taken in
            guard taken.all < most else { return .ofAll }
            if let mostOfCaller {
                guard taken.byCaller[caller, default: 0] < mostOfCaller else { return .ofCaller }
                taken.byCaller[caller, default: 0] += 1
            }
            taken.all += 1
            return nil
        }
    }

    /// One that was let in leaves.
    package func leave(_ caller: CallerQuota.Caller) {
        taken.withLock { taken in
            taken.all -= 1
            guard let theirs = taken.byCaller[caller] else { return }
            taken.byCaller[caller] = theirs > 1 ? theirs - 1 : nil
        }
    }
}
