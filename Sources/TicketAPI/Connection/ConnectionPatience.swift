/// How long a connection may keep us waiting, in ticks of a second: for its request, for the next one, and for taking
/// what it asked for.
///
/// A value: it learns what happens, and decides once a second whether the connection has had its time.
package struct ConnectionPatience: Sendable {
    /// The bounds, in ticks.
    package struct Limits: Sendable {
        /// From the first byte of a request until it is whole.
        package var request: UInt32
        /// Without a request.
        package var idle: UInt32
        /// While the client reads no byte of what it was sent.
        package var write: UInt32

        /// Bounds in ticks.
        package init(request: UInt32, idle: UInt32, write: UInt32) {
            self.request = request
            self.idle = idle
            self.write = write
        }
    }

    /// What is to be done about a connection.
    package enum Verdict: Sendable {
        case goOn
        /// Refuse the request that is not whole yet, and close behind the refusal.
        case refuseRequest
        case close
    }

    /// How long a connection is read from after its last byte has left.
    package static let lingering: UInt32 = 2
    /// How long a connection that there is no room for may take to send a probe.
    package static let probing: UInt32 = 2

    private let limits: Limits
    private var lastActive: UInt32
    /// When the first byte of the request that is not whole yet came.
    private var partialSince: UInt32?
    private var lingersUntil: UInt32?
    /// Bytes that were handed to the channel, and of these those that it was rid of at the last look.
    private var sent = 0
    private var taken = 0
    private var stuckSince: UInt32?

    package init(_ limits: Limits, at tick: UInt32) {
        self.limits = limits
        lastActive = tick
    }

    /// Our side is closed; only the client's close is waited for.
    package var isLingering: Bool { lingersUntil != nil }
    /// Bytes were handed to the channel since it was seen empty.
    package var mayBeSending: Bool { sent != taken }

    /// Bytes came.
    ///
    /// - Parameter beginRequest: whether a request begins with them if none has begun.
    package mutating func receive(beginRequest: Bool, at tick: UInt32) {
        lastActive = tick
        if beginRequest, partialSince == nil { partialSince = tick }
    }

    /// The request that had begun is whole, or is not waited for any more.
    package mutating func endRequest() {
        partialSince = nil
    }

    /// Nothing was read for a while, which was no fault of the client's: a request that had begun gets its time anew.
    package mutating func resumeReading(at tick: UInt32) {
        if partialSince != nil { partialSince = tick }
    }

    package mutating func answer(at tick: UInt32) {
        lastActive = tick
    }

    package mutating func send(bytes: Int) {
        sent += bytes
    }

    package mutating func linger(at tick: UInt32) {
        lingersUntil = tick + Self.lingering
    }

    /// Once a second.
    ///
    /// - Parameters:
    ///   - pending: bytes that the channel has been handed and still has.
    ///   - isAnswering: the connection is owed an answer.
    ///   - isReading: what the client sends is read.
    ///   - isSpare: the connection is one beyond the limits.
    package mutating func look(
        at tick: UInt32, pending: Int, isAnswering: Bool, isReading: Bool, isSpare: Bool
    ) -> Verdict {
        if sent - pending != taken {
            taken = sent - pending
            stuckSince = nil
            lastActive = tick
            if isLingering { linger(at: tick) }
        }
        if pending > 0 {
            let since = stuckSince ?? tick
            stuckSince = since
            // Only progress counts: a slow client may go on, one that reads nothing may not.
            return tick - since >= limits.write ? .close : .goOn
        }
        stuckSince = nil
        if let lingersUntil { return tick >= lingersUntil ? .close : .goOn }
        if isAnswering { return .goOn }
        if isReading, let partialSince, tick - partialSince > limits.request { return .refuseRequest }
        if isSpare, tick - lastActive >= Self.probing { return .close }
        return tick - lastActive > limits.idle ? .close : .goOn
    }
}
