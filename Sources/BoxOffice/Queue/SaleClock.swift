/// A clock that stands while the sale of an event is paused: turns of its queue end by it (Q5 Turn).
///
/// Until the first pause it shows the same as the store's clock; after that it is behind by the length of all pauses. So nothing is
/// written for each turn, and however often a sale is paused, a turn lasts as long as it says while the sale goes on.
struct SaleClock: Sendable, Equatable {
    /// A time between two pauses.
    private struct Stretch: Sendable, Equatable {
        /// When it began, by the store's clock.
        var from: Timestamp
        /// What this clock showed then.
        var shown: Timestamp
    }

    /// The oldest first. With more than ``QueueBounds/stretches`` pauses the earliest ones are forgotten: turns that ended before
    /// them seem to have ended at another moment, and nothing else depends on them.
    private var stretches = [Stretch(from: .zero, shown: .zero)]
    private var pausedAt: Timestamp?

    mutating func pause(at now: Timestamp) {
        pausedAt = pausedAt ?? now
    }

    mutating func goOn(at now: Timestamp) {
        let shown = time(at: now)
        guard let since = pausedAt.take(), since < now else { return }
        stretches.append(Stretch(from: now, shown: shown))
        if stretches.count > QueueBounds.stretches { stretches.removeFirst() }
    }

    /// What this clock shows, or showed, at a moment of the store's clock that is not in the future.
    func time(at moment: Timestamp) -> Timestamp {
        let moment = min(moment, pausedAt ?? moment)
        let index = stretches.lastIndex { $0.from <= moment } ?? 0
        let time = stretches[index].shown.advanced(by: moment.since(stretches[index].from))
        // The next stretch begins with what the clock showed at the end of this one.
        return index + 1 < stretches.count ? min(time, stretches[index + 1].shown) : time
    }

    /// The moment of the store's clock at which this clock shows a time, if the sale is not paused any more from now on.
    func moment(of time: Timestamp, at now: Timestamp) -> Timestamp {
        let shown = self.time(at: now)
        if shown < time { return now.advanced(by: time.since(shown)) }
        let stretch = stretches.last { $0.shown < time } ?? stretches[0]
        return stretch.from.advanced(by: time.since(stretch.shown))
    }
}
