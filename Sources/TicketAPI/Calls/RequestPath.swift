internal import CLibrary

/// What a path leads to, as far as a connection has to know; ``Routes`` knows the other paths.
///
/// A variable segment is a range of bytes in ``RequestTarget/text``.
package enum RequestPath: Equatable, Sendable {
    typealias Bytes = UnsafeBufferPointer<UInt8>

    case remaining
    /// With the code of the ticket type.
    case buy(Range<Int>)
    /// With the hold's token.
    case complete(Range<Int>)
    /// With the code of the event.
    case availability(Range<Int>)
    /// With the code of the event.
    case holds(Range<Int>)
    /// With the name of the hold.
    case hold(Range<Int>)
    /// With the name of the hold.
    case purchase(Range<Int>)
    /// With the code of the event.
    case queue(Range<Int>)
    /// With the name of the entry.
    case queueEntry(Range<Int>)
    /// With the code of the event.
    case stream(Range<Int>)
    case recount
    /// A probe of balancers and monitors, which is always answered.
    case probe
    case other

    /// Whether it belongs to one of the three classic calls.
    var isClassic: Bool {
        switch self {
        case .remaining, .buy, .complete: true
        case .availability, .holds, .hold, .purchase, .queue, .queueEntry, .stream, .recount, .probe, .other: false
        }
    }

    /// Whether the fast path answers most of its requests.
    var isFast: Bool {
        switch self {
        case .remaining, .buy, .complete, .availability, .holds, .hold, .purchase, .queue, .queueEntry: true
        case .stream, .recount, .probe, .other: false
        }
    }

    /// - Parameter path: in its normal form, without a query.
    init(_ path: Bytes) {
        if path.begins(with: "/v1/") {
            self = Self.v1(path)
        } else if path.count == 18, path.begins(with: "/remaining_tickets") {
            self = .remaining
        } else if let token = Self.segment(of: path, behind: "/complete_purchase/"), token.upperBound == path.count {
            self = .complete(token)
        } else if let type = Self.segment(of: path, behind: "/buy_ticket/"), type.upperBound == path.count {
            self = .buy(type)
        } else if path.isEqual(to: "/health/live") || path.isEqual(to: "/health/ready") {
            self = .probe
        } else {
            self = .other
        }
    }

    private static func v1(_ path: Bytes) -> RequestPath {
        if let event = segment(of: path, behind: "/v1/events/") {
            let rest = Bytes(rebasing: path[event.upperBound...])
            if rest.isEqual(to: "/holds") { return .holds(event) }
            if rest.isEqual(to: "/availability") { return .availability(event) }
            if rest.isEqual(to: "/queue") { return .queue(event) }
            if rest.isEqual(to: "/availability/stream") { return .stream(event) }
        } else if let hold = segment(of: path, behind: "/v1/holds/") {
            let rest = Bytes(rebasing: path[hold.upperBound...])
            if rest.isEmpty { return .hold(hold) }
            if rest.isEqual(to: "/purchase") { return .purchase(hold) }
        } else if let entry = segment(of: path, behind: "/v1/queue-entries/") {
            if entry.upperBound == path.count { return .queueEntry(entry) }
        } else if path.isEqual(to: "/v1/invariants") {
            return .recount
        }
        return .other
    }

    /// The segment behind `prefix`; `nil` if it is empty.
    private static func segment(of path: Bytes, behind prefix: StaticString) -> Range<Int>? {
        guard path.begins(with: prefix) else { return nil }
        let start = prefix.utf8CodeUnitCount
        let length = Bytes(rebasing: path[start...]).position(of: UInt8(ascii: "/")) ?? path.count - start
        return length == 0 ? nil : start..<(start + length)
    }
}

extension UnsafeBufferPointer<UInt8> {
    func begins(with text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount, let start = baseAddress else { return false }
        return memcmp(start, text.utf8Start, text.utf8CodeUnitCount) == 0
    }

    fileprivate func isEqual(to text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && begins(with: text)
    }

    func has(_ byte: UInt8) -> Bool {
        position(of: byte) != nil
    }

    /// Where `byte` occurs first.
    func position(of byte: UInt8) -> Int? {
        guard let start = baseAddress, let found = memchr(start, CInt(byte), count) else { return nil }
        return UnsafeRawPointer(found) - UnsafeRawPointer(start)
    }
}
