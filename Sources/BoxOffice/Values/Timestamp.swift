/// A moment on the box office's own clock, in milliseconds.
///
/// This clock never runs backwards and never jumps: it stands still while the service is down and takes no part in
/// corrections of the time of day. Deadlines are told in it, so neither a wrong clock nor a restart ends a hold.
/// What people read is a ``WallTime``; a ``Moment`` joins the two.
public struct Timestamp: Hashable, Comparable, Sendable {
    /// Milliseconds since the epoch that the store chose. Only differences mean something.
    public let milliseconds: Int64

    public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// Before every moment that a store can reach.
    public static let zero = Timestamp(milliseconds: 0)

    public static func < (left: Self, right: Self) -> Bool {
        left.milliseconds < right.milliseconds
    }

    /// The moment `span` later; a part of a millisecond is dropped.
    public func advanced(by span: Duration) -> Timestamp {
        Timestamp(milliseconds: milliseconds + span.inMilliseconds)
    }

    /// The same for a length that was worked out before.
    func advanced(by ticks: Ticks) -> Timestamp {
        Timestamp(milliseconds: milliseconds + ticks.milliseconds)
    }

    /// How much later this moment is than `earlier`; negative if it is not.
    public func since(_ earlier: Timestamp) -> Duration {
        .milliseconds(milliseconds - earlier.milliseconds)
    }
}

/// A length of time in what the office's clock counts: a `Duration` has 128 bits, which deciding need not carry.
struct Ticks: Hashable, Sendable {
    let milliseconds: Int64

    init(_ span: Duration) {
        milliseconds = span.inMilliseconds
    }

    static prefix func - (ticks: Ticks) -> Ticks {
        Ticks(milliseconds: -ticks.milliseconds)
    }

    private init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }
}

/// A moment as people write it: milliseconds since 1970-01-01T00:00:00Z. Sale windows are told in it.
public struct WallTime: Hashable, Comparable, Sendable {
    public let milliseconds: Int64

    public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    public static func < (left: Self, right: Self) -> Bool {
        left.milliseconds < right.milliseconds
    }
}

/// What the store's two clocks said when it decided.
public struct Moment: Hashable, Sendable {
    /// The box office's own clock, which deadlines follow.
    public let office: Timestamp
    /// The time of day, which sale windows and readers follow.
    public let wall: WallTime

    public init(office: Timestamp, wall: WallTime) {
        self.office = office
        self.wall = wall
    }

    /// The time of day at which the office's clock will show (or showed) `timestamp`, as far as can be told now.
    public func wallTime(of timestamp: Timestamp) -> WallTime {
        WallTime(milliseconds: wall.milliseconds + timestamp.milliseconds - office.milliseconds)
    }
}

extension Duration {
    /// Whole milliseconds, the rest dropped.
    public var inMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }
}
