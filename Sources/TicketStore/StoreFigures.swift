public import BoxOffice

/// What a store counted since the process began, and how it is now, for monitoring (R57 Metrics).
public struct StoreFigures: Sendable {
    /// Facts of each commit, or commands of each call to Redis.
    public var batches = SizeHistogram()
    /// Commands that wait for the store.
    public var queued = 0
    /// How often a pool was closed because its numbers contradicted each other, by event (R4 Broken rule).
    public var violations: [Code: UInt64] = [:]
    /// The files that the store writes; none where servers have the facts.
    public var files: [File] = []
    /// The file system of these files.
    public var disk: Disk?
    /// The Redis servers that this process is connected to, or was.
    public var servers: [Server] = []

    public init() {}

    /// A file that the store writes, and its length.
    public struct File: Sendable, Equatable {
        /// What is in it: `ledger`, `log` or `search`.
        public var name: String
        public var bytes: UInt64

        public init(name: String, bytes: UInt64) {
            self.name = name
            self.bytes = bytes
        }
    }

    /// A file system: its size, and the bytes that are free.
    public struct Disk: Sendable, Equatable {
        public var bytes: UInt64
        /// What this process may still write.
        public var free: UInt64

        public init(bytes: UInt64, free: UInt64) {
            self.bytes = bytes
            self.free = free
        }
    }

    /// What this process knows of a Redis server.
    public struct Server: Sendable {
        /// Host and port.
        public var name: String
        /// How long its calls took, with what they waited for.
        public var calls = DurationHistogram()
        /// Open connections to it.
        public var connections = 0
        /// The replicas that acknowledged the latest write which waited for them; `nil` before the first one.
        public var replicas: Int?

        public init(name: String) {
            self.name = name
        }
    }
}

/// Counts how large things were, in steps that double: 1, 2, 4, … up to 65,536; the last step counts everything larger.
public struct SizeHistogram: Sendable, Equatable {
    /// The largest size of each step but the last.
    public static let bounds = (0...16).map { UInt64(1) << UInt64($0) }

    /// By step.
    public private(set) var counts = [UInt64](repeating: 0, count: bounds.count + 1)
    /// How many sizes were added.
    public private(set) var count: UInt64 = 0
    /// Of all sizes together.
    public private(set) var sum: UInt64 = 0

    public init() {}

    /// Adds a size. None, or a negative one, counts as 0.
    public mutating func add(_ size: Int) {
        let size = UInt64(max(0, size))
        // The first bound that is not smaller: the bits of the number before it.
        let step = size <= 1 ? 0 : UInt64.bitWidth - (size - 1).leadingZeroBitCount
        counts[min(step, Self.bounds.count)] += 1
        count += 1
        sum &+= size
    }
}
