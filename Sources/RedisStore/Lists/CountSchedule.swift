internal import BoxOffice
package import NIOCore

/// When events are counted, and what the counts found. A value that gets the time.
package struct CountSchedule: Sendable {
    /// Between two counts of an event in one call because something seems wrong.
    package static let shortest = TimeAmount.seconds(60)
    /// The same if nothing seems wrong.
    package static let interval = TimeAmount.hours(1)
    /// Between two counts of an event in pages, even if something seems wrong.
    package static let pagesInterval = TimeAmount.minutes(10)

    private var countedAt: [EventNumber: NIODeadline] = [:]
    private var countedInPagesAt: [EventNumber: NIODeadline] = [:]
    /// Events with too many holds to be counted in one call.
    package var tooLarge: Set<EventNumber> = []
    /// Events whose numbers differ from their holds and were left so, with their codes.
    var unbalanced: [EventNumber: Code] = [:]

    package init() {}

    /// Begins a count of an event in one call, unless it was counted just now.
    package mutating func begin(_ event: EventNumber, at now: NIODeadline) -> Bool {
        guard isDue(event, countedAt, after: Self.shortest, at: now) else { return false }
        countedAt[event] = now
        return true
    }

    /// The next event that is to be counted in one call though nothing seems wrong.
    package func next(of events: [EventNumber], at now: NIODeadline) -> EventNumber? {
        events.first { isDue($0, countedAt, after: Self.interval, at: now) }
    }

    /// Begins a count in pages of the next event that needs one.
    package mutating func beginPages(at now: NIODeadline) -> EventNumber? {
        let next = tooLarge.sorted().first { isDue($0, countedInPagesAt, after: Self.pagesInterval, at: now) }
        guard let next else { return nil }
        tooLarge.remove(next)
        countedInPagesAt[next] = now
        return next
    }

    private func isDue(
        _ event: EventNumber, _ last: [EventNumber: NIODeadline], after interval: TimeAmount, at now: NIODeadline
    ) -> Bool {
        last[event].map { $0 + interval <= now } ?? true
    }
}
