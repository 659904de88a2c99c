public import BoxOffice
internal import CLibrary

/// What a machine's two clocks show.
public struct ClockReading: Sendable, Equatable {
    /// The time since some moment in the past. It is never corrected.
    public var monotonic: MonotonicTime
    /// The time of day.
    public var wall: WallTime

    public init(monotonic: MonotonicTime, wall: WallTime) {
        self.monotonic = monotonic
        self.wall = wall
    }
}

/// A moment of the machine's monotonic clock. It is no `Duration`, because it is read for every command; 64 bits of
/// nanoseconds last 292 years.
public struct MonotonicTime: Sendable, Hashable {
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }
}

/// The machine's clocks. Reading both takes a few tens of nanoseconds.
public enum MachineClock {
    @Sendable public static func read() -> ClockReading {
        ClockReading(monotonic: monotonic, wall: wall)
    }

    private static var monotonic: MonotonicTime {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// The coarse clock is up to 4 ms late, which no sale window notices.
    private static var wall: WallTime {
        var time = timespec()
        #if os(Linux)
            clock_gettime(CLOCK_REALTIME_COARSE, &time)
        #else
            clock_gettime(CLOCK_REALTIME, &time)
        #endif
        return WallTime(milliseconds: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
    }
}
