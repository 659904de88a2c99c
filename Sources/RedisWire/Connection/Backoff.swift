/// How long to wait before the next attempt: longer after each attempt up to a bound, and spread by chance.
package struct Backoff: Sendable {
    private let shortest: Duration
    private let longest: Duration
    private var attempts = 0

    package init(shortest: Duration, longest: Duration) {
        self.shortest = shortest
        self.longest = max(shortest, longest)
    }

    /// The time until the next attempt.
    ///
    /// - Parameter chance: evenly distributed from 0 to below 1. It decides the upper half of the time, so that clients
    ///   that lost the same server do not all come back in the same moment, and none comes back at once.
    package mutating func next(chance: Double) -> Duration {
        var whole = shortest
        for _ in 0..<attempts where whole < longest { whole *= 2 }
        attempts = min(attempts + 1, 62)
        return min(whole, longest) * (0.5 + chance / 2)
    }

    /// The last attempt succeeded.
    package mutating func reset() { attempts = 0 }
}
