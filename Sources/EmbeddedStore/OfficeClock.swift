internal import BoxOffice

/// The clock that deadlines follow: it never runs backwards, never jumps, and can stand still.
///
/// It goes with the machine's monotonic clock. A reading that is more than a second after the last one means that the
/// process or the machine did not run (the store reads it four times a second at least): nobody could complete a
/// purchase meanwhile, so only a second of it counts. The time of day is only carried along, for sale windows and
/// for people; a correction of it moves no deadline.
struct OfficeClock: Sendable {
    /// Something a log should tell.
    enum Step: Sendable, Equatable {
        /// The process did not run for that long; deadlines moved with it.
        case absorbed(Duration)
        /// The time of day was set by that much against the monotonic clock, forward or back.
        case timeOfDayMoved(by: Duration)
    }

    /// More than that between two readings is a pause of the process and not time that passed.
    static let longestGap: Duration = .seconds(1)
    /// A smaller correction of the time of day is everyday work of the machine's time service.
    static let noticedCorrection: Duration = .seconds(1)

    private var office: Duration
    private var last: ClockReading
    private var isStanding = false

    /// - Parameters:
    ///   - start: where the clock goes on from.
    ///   - reading: what the machine's clocks show then.
    init(startingAt start: Timestamp, _ reading: ClockReading) {
        office = .milliseconds(start.milliseconds)
        last = reading
    }

    /// Takes a reading of the machine's clocks.
    mutating func read(_ reading: ClockReading) -> (moment: Moment, step: Step?) {
        let passed = max(.zero, reading.monotonic - last.monotonic)
        let wallPassed = Duration.milliseconds(reading.wall.milliseconds - last.wall.milliseconds)
        last = ClockReading(monotonic: max(last.monotonic, reading.monotonic), wall: reading.wall)
        var step: Step?
        if !isStanding {
            office += min(passed, Self.longestGap)
            if passed > Self.longestGap { step = .absorbed(passed - Self.longestGap) }
        }
        let correction = wallPassed - passed
        if step == nil, abs(correction) > Self.noticedCorrection { step = .timeOfDayMoved(by: correction) }
        let moment = Moment(office: Timestamp(milliseconds: office.inMilliseconds), wall: reading.wall)
        return (moment, step)
    }

    /// Stands still until ``goOn()``: while the store takes no facts nobody can complete, so no deadline comes
    /// closer.
    mutating func stand() {
        isStanding = true
    }

    mutating func goOn() {
        isStanding = false
    }

    private func abs(_ span: Duration) -> Duration {
        span < .zero ? .zero - span : span
    }
}
