internal import BoxOffice

/// The clock that deadlines follow: it never runs backwards, never jumps, and can stand still.
///
/// It goes with the machine's monotonic clock. A reading that is more than a second after the last one means that the
/// process or the machine did not run (the store reads it four times a second at least): nobody could complete a
/// purchase meanwhile, so only a second of it counts. The time of day is only carried along, for sale windows and
/// for people; a correction of it moves no deadline.
struct StoreClock: Sendable {
    /// Something a log should tell.
    enum Step: Sendable, Equatable {
        /// The process did not run for that long; deadlines moved with it.
        case absorbed(Duration)
        /// The time of day was set by that much against the monotonic clock, forward or back.
        case timeOfDayMoved(by: Duration)
    }

    /// More than that between two readings is a pause of the process and not time that passed.
    static let longestGap: Int64 = 1_000_000_000
    /// A smaller correction of the time of day is everyday work of the machine's time service.
    static let noticedCorrection: Int64 = 1_000_000_000

    /// The two clocks are read one after the other and do not tick alike. Without this, the same deadline would be
    /// told some milliseconds earlier or later each time. In milliseconds.
    static let tremble: Int64 = 20

    /// Nanoseconds, as everything in here.
    private var office: Int64
    private var last: ClockReading
    /// Milliseconds that the time of day is ahead of this clock.
    private var ahead: Int64
    private var isStanding = false

    /// - Parameters:
    ///   - start: where the clock goes on from.
    ///   - reading: what the machine's clocks show then.
    init(startingAt start: Timestamp, _ reading: ClockReading) {
        office = start.milliseconds * 1_000_000
        last = reading
        ahead = reading.wall.milliseconds - start.milliseconds
    }

    /// Takes a reading of the machine's clocks.
    mutating func read(_ reading: ClockReading) -> (moment: Moment, step: Step?) {
        let passed = max(0, reading.monotonic.nanoseconds - last.monotonic.nanoseconds)
        let correction = (reading.wall.milliseconds - last.wall.milliseconds) * 1_000_000 - passed
        if passed > 0 { last.monotonic = reading.monotonic }
        last.wall = reading.wall
        var step: Step?
        if !isStanding {
            office += min(passed, Self.longestGap)
            if passed > Self.longestGap { step = .absorbed(.nanoseconds(passed - Self.longestGap)) }
        }
        if step == nil, abs(correction) > Self.noticedCorrection {
            step = .timeOfDayMoved(by: .nanoseconds(correction))
        }
        let now = Timestamp(milliseconds: office / 1_000_000)
        let shown = reading.wall.milliseconds - now.milliseconds
        if abs(shown - ahead) > Self.tremble { ahead = shown }
        return (Moment(office: now, wall: WallTime(milliseconds: now.milliseconds + ahead)), step)
    }

    /// Stands still until ``goOn()``: while the store takes no facts nobody can complete, so no deadline comes
    /// closer.
    mutating func stand() {
        isStanding = true
    }

    mutating func goOn() {
        isStanding = false
    }
}
