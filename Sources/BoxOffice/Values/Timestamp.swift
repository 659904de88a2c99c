/// A moment on the store's clock, in milliseconds (R5 The store's clock).
///
/// This clock never runs backwards and never jumps. It stops while the service is down, and corrections of the time of day do
/// not move it. Deadlines follow it, so neither a wrong time of day nor a restart ends a hold. People read a ``WallTime``; a
/// ``Moment`` joins the two.
public struct Timestamp: Hashable, Comparable, Sendable {
    /// Milliseconds since an epoch that the store chose. Only differences have a meaning.
    public let milliseconds: Int64

    public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// Before every moment that a store can reach.
    public static let zero = Timestamp(milliseconds: 0)

    public static func < (left: Self, right: Self) -> Bool {
        left.milliseconds < right.milliseconds
    }

    /// The moment `span` later. A fraction of a millisecond is dropped.
    public func advanced(by span: Duration) -> Timestamp {
        Timestamp(milliseconds: milliseconds + span.inMilliseconds)
    }

    /// The moment `ticks` later.
    func advanced(by ticks: Ticks) -> Timestamp {
        Timestamp(milliseconds: milliseconds + ticks.milliseconds)
    }

    /// How much later this moment is than `earlier`; negative if it is earlier.
    public func since(_ earlier: Timestamp) -> Duration {
        .milliseconds(milliseconds - earlier.milliseconds)
    }
}

/// A length of time in milliseconds. A `Duration` has 128 bits, which is too much for the hot path.
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

/// The time of day, in milliseconds since 1970-01-01T00:00:00Z. Sale windows follow it.
public struct WallTime: Hashable, Comparable, Sendable {
    public let milliseconds: Int64

    public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    public static func < (left: Self, right: Self) -> Bool {
        left.milliseconds < right.milliseconds
    }
}

/// What the store's two clocks showed at a decision.
public struct Moment: Hashable, Sendable {
    /// The store's clock, which deadlines follow.
    public let office: Timestamp
    /// The time of day, which sale windows follow and people read.
    public let wall: WallTime

    public init(office: Timestamp, wall: WallTime) {
        self.office = office
        self.wall = wall
    }

    /// The time of day at which the store's clock shows `timestamp`, if the clocks keep their present difference.
    public func wallTime(of timestamp: Timestamp) -> WallTime {
        WallTime(milliseconds: wall.milliseconds + timestamp.milliseconds - office.milliseconds)
    }
}

extension Duration {
    /// Whole milliseconds; the rest is dropped.
    public var inMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }
}
