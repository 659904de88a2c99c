internal import BoxOffice
internal import Synchronization
internal import TicketStore

/// The events whose last hour is kept minute by minute, and what was seen of them once a second.
///
/// Expiry costs nothing per hold and is nobody's request, so only looking at the store shows it.
final class WatchedEvents: Sendable {
    /// Events at once, some 7 KB each; one of which nothing was asked for an hour gives its room to another.
    static let most = 100
    /// An hour of minutes.
    static let minutesKept = 60
    /// How far back a pace looks, in minutes.
    private static let paceMinutes: Int64 = 10
    /// The shortest time from which a pace follows, in milliseconds.
    private static let leastPace: Int64 = 5_000

    /// What was seen in a minute.
    struct Sample: Sendable {
        /// Holds that expired in the minute; `nil` where the store does not count them.
        var expired: UInt64?
        /// Places, as last seen.
        var held = 0
        var sold = 0
    }

    private struct Seen: Sendable {
        var minutes = MinuteRing(minutesKept, of: Sample())
        /// What the store had counted at the last look.
        var expired: Int?
        /// When it was seen first, and how many places were sold then.
        var first: (at: WallTime, sold: Int)?
    }

    private let seen = Mutex<[Code: Seen]>([:])

    /// Whether an event's minutes may be kept.
    func admit(_ event: Code) -> Bool {
        seen.withLock { seen in
            if seen[event] == nil, seen.count < Self.most { seen[event] = Seen() }
            return seen[event] != nil
        }
    }

    var events: [Code] { seen.withLock { Array($0.keys) } }

    func forget(_ event: Code) {
        seen.withLock { $0[event] = nil }
    }

    /// Takes what the store says of an event.
    func take(_ numbers: EventNumbers, of event: Code, at now: WallTime) {
        let pools = numbers.wholePools
        let sold = pools.reduce(0) { $0 + $1.sold }
        seen.withLock { all in
            guard var seen = all.removeValue(forKey: event) else { return }
            // After a failed commit the store may have begun to count anew.
            let more = max(0, (numbers.expired ?? 0) - (seen.expired ?? numbers.expired ?? 0))
            seen.expired = numbers.expired
            if seen.first == nil { seen.first = (now, sold) }
            seen.minutes.change(at: now.minute) { sample in
                if numbers.expired != nil { sample.expired = (sample.expired ?? 0) + UInt64(more) }
                sample.held = pools.reduce(0) { $0 + $1.held }
                sample.sold = sold
            }
            all[event] = seen
        }
    }

    /// What was seen of an event, by minute, in a stretch of minutes.
    func samples(of event: Code, _ minutes: ClosedRange<Int64>) -> [Sample?] {
        let ring = seen.withLock { $0[event]?.minutes }
        return minutes.map { ring?.value(at: $0) }
    }

    /// When everything is sold if it goes on as in the last ten minutes and every hold is bought; `nil` if nothing is left, or
    /// nothing was sold.
    func soldOut(_ numbers: EventNumbers, of event: Code, at now: WallTime) -> WallTime? {
        let pools = numbers.wholePools
        let left = pools.reduce(0) { $0 + $1.free + $1.held }
        guard left > 0, let (before, sold) = paceBegin(of: event, at: now) else { return nil }
        let grown = pools.reduce(0) { $0 + $1.sold } - sold
        let passed = now.milliseconds - before.milliseconds
        guard grown > 0, passed >= Self.leastPace else { return nil }
        return WallTime(milliseconds: now.milliseconds + Int64(left) * passed / Int64(grown))
    }

    /// A moment up to ten minutes ago, and how many places were sold then.
    private func paceBegin(of event: Code, at now: WallTime) -> (WallTime, Int)? {
        guard let seen = seen.withLock({ $0[event] }) else { return nil }
        for minute in (now.minute - Self.paceMinutes)..<now.minute {
            // A sample is of the end of its minute.
            if let sample = seen.minutes.value(at: minute) {
                return (WallTime(milliseconds: (minute + 1) * 60_000), sample.sold)
            }
        }
        return seen.first
    }
}
