/// What an operator takes back of a purchase (R39 Partial return).
public struct PartReturn: Sendable, Equatable {
    /// Tickets of one type. Lines of the same type are added up.
    public struct Line: Sendable, Hashable {
        public let type: Code
        /// 1 or more.
        public let quantity: Int

        /// `nil` if `quantity` is below 1.
        public init?(type: Code, quantity: Int) {
            guard quantity >= 1 else { return nil }
            self.type = type
            self.quantity = quantity
        }
    }

    /// At most ``Limits/linesPerHold``; the edge checks it.
    public var lines: OneOrMore<Line>
    public var reason: ReasonText?
    /// Its scope is the purchase, which remembers it.
    public var key: IdempotencyKey

    public init(lines: OneOrMore<Line>, reason: ReasonText?, key: IdempotencyKey) {
        self.lines = lines
        self.reason = reason
        self.key = key
    }

    /// The digest of everything but the key.
    public var fingerprint: UInt64 {
        var print = Fingerprint()
        print.add("return")
        for line in lines {
            print.add(line.type.text)
            print.add(line.quantity)
        }
        print.add(reason?.text ?? "")
        return print.value
    }
}

/// A partial return, as a store records it.
public struct PartReturnFact: Sendable, Equatable {
    /// The tickets that came back of one line of the hold.
    public struct Share: Sendable, Equatable {
        /// The position of the line, from 0.
        public var line: UInt8
        public var quantity: Int32

        public init(line: UInt8, quantity: Int32) {
            self.line = line
            self.quantity = quantity
        }
    }

    /// Each line at most once.
    public var lines: OneOrMore<Share>
    public var key: KeyFact
    public var reason: ReasonText?

    public init(lines: OneOrMore<Share>, key: KeyFact, reason: ReasonText?) {
        self.lines = lines
        self.key = key
        self.reason = reason
    }
}
