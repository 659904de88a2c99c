package import BoxOffice

/// The clock that deadlines follow (R5 The store's clock). It never runs backwards, never jumps, and can be stopped.
///
/// It follows the machine's monotonic clock. The store reads it at least four times a second. If a reading comes more
/// than a second after the last one, the process or the machine did not run, and nobody could complete a purchase
/// meanwhile: only one second of the gap counts. The time of day is carried along for sale windows and for people. A
/// correction of it moves no deadline.
package struct StoreClock: Sendable {
    /// Something that the log reports.
    package enum Step: Sendable, Equatable {
        /// The process did not run for this long. Deadlines moved with it.
        case absorbed(Duration)
        /// The time of day moved by this much against the monotonic clock, forward or back.
        case timeOfDayMoved(by: Duration)
    }

    /// A longer gap between two readings is a pause of the process. In nanoseconds.
    package static let longestGap: Int64 = 1_000_000_000
    /// A smaller correction of the time of day is routine work of the machine's time service. In nanoseconds.
    package static let noticedCorrection: Int64 = 1_000_000_000
    /// The two clocks are read one after the other and tick differently. A smaller change of their difference is
    /// ignored, or the same deadline would have another time of day in each answer. In milliseconds.
    package static let jitter: Int64 = 20

    /// The store's clock, in nanoseconds.
    private var time: Int64
    private var last: ClockReading
    /// How far the time of day is ahead of this clock, in milliseconds.
    private var ahead: Int64
    private var isStopped = false

    /// - Parameters:
    ///   - start: the first moment of the clock.
    ///   - reading: what the machine's clocks show at that moment.
    package init(startingAt start: Timestamp, _ reading: ClockReading) {
        time = start.milliseconds * 1_000_000
        last = reading
        ahead = reading.wall.milliseconds - start.milliseconds
    }

    /// Moves the clock on to a reading of the machine's clocks.
    package mutating func read(_ reading: ClockReading) -> (moment: Moment, step: Step?) {
        let passed = max(0, reading.monotonic.nanoseconds - last.monotonic.nanoseconds)
        let correction = (reading.wall.milliseconds - last.wall.milliseconds) * 1_000_000 - passed
        if passed > 0 { last.monotonic = reading.monotonic }
        last.wall = reading.wall
        var step: Step?
        if !isStopped {
            time += min(passed, Self.longestGap)
            if passed > Self.longestGap { step = .absorbed(.nanoseconds(passed - Self.longestGap)) }
        }
        if step == nil, abs(correction) > Self.noticedCorrection {
            step = .timeOfDayMoved(by: .nanoseconds(correction))
        }
        let now = Timestamp(milliseconds: time / 1_000_000)
        let shown = reading.wall.milliseconds - now.milliseconds
        if abs(shown - ahead) > Self.jitter { ahead = shown }
        return (Moment(office: now, wall: WallTime(milliseconds: now.milliseconds + ahead)), step)
    }

    /// Stops until ``start()``: while the store commits nothing nobody can complete, so no deadline may come closer.
    package mutating func stop() {
        isStopped = true
    }

    package mutating func start() {
        isStopped = false
    }
}
