public import BoxOffice

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What a machine's two clocks show.
public struct ClockReading: Sendable, Equatable {
    /// Time since some moment, without corrections.
    public var monotonic: Duration
    /// The time of day.
    public var wall: WallTime

    public init(monotonic: Duration, wall: WallTime) {
        self.monotonic = monotonic
        self.wall = wall
    }
}

/// The machine's clocks, read as cheaply as they can be: a few tens of nanoseconds for both.
public enum MachineClock {
    @Sendable public static func read() -> ClockReading {
        ClockReading(monotonic: monotonic, wall: wall)
    }

    private static var monotonic: Duration {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// The coarse clock is up to 4 ms late, which no sale window can tell.
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
