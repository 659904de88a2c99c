internal import DequeModule

/// The idempotency keys of the last 24 hours, and what each was used for (rule 15).
struct KeyTable: Sendable, Equatable {
    /// What the first request with a key came to.
    struct Use: Sendable, Equatable {
        var fingerprint: UInt64
        var hold: HoldID
        /// The deadline of then: a replay gives the answer of then, also after an extension.
        var deadline: Timestamp
        /// How many extensions there had been.
        var extensions: UInt8
        /// The moment of use, from which it is remembered.
        var at: Timestamp
    }

    /// A key with a digest of it: a table that fills up compares a key with several others, and their texts lie all over
    /// the memory.
    private struct Entry: Hashable, Sendable {
        private let digest: Int
        private let key: IdempotencyKey

        init(_ key: IdempotencyKey) {
            self.key = key
            digest = key.hashValue
        }

        func hash(into hasher: inout Hasher) {
            hasher.combine(digest)
        }
    }

    private var uses: [Entry: Use] = [:]
    /// In the order of use, for forgetting.
    private var order = Deque<(key: Entry, at: Timestamp)>()

    /// What `key` was used for, unless that is longer ago than `retention`: forgotten already or not, it is the same.
    func use(of key: IdempotencyKey, at now: Timestamp, retention: Duration) -> Use? {
        let key = Entry(key)
        guard let use = uses[key], now <= use.at.advanced(by: retention) else { return nil }
        return use
    }

    mutating func remember(_ key: IdempotencyKey, _ use: Use) {
        let key = Entry(key)
        uses[key] = use
        order.append((key, use.at))
    }

    /// Whether one more key fits under `limit`, with those forgotten that stand in its way and are past their time.
    mutating func hasRoom(under limit: Int, at now: Timestamp, retention: Duration) -> Bool {
        while uses.count >= limit {
            guard forgetOldest(before: now, retention: retention) else { return false }
        }
        return true
    }

    /// Forgets what is older than `retention`.
    mutating func forget(before now: Timestamp, retention: Duration) {
        while forgetOldest(before: now, retention: retention) {}
    }

    private mutating func forgetOldest(before now: Timestamp, retention: Duration) -> Bool {
        guard let first = order.first, first.at.advanced(by: retention) < now else { return false }
        order.removeFirst()
        // A key that was used again after its time is remembered for its later use.
        if uses[first.key]?.at == first.at { uses[first.key] = nil }
        return true
    }

    static func == (left: Self, right: Self) -> Bool {
        left.uses == right.uses
    }
}

/// A stable digest of a request, to tell the same request from another under one key.
///
/// FNV-1a, 64 bits: it must be the same in every process and release, and no attacker gains by a collision (it would
/// only replay the caller's own answer), so neither Swift's seeded hash nor a cryptographic one fits.
public struct Fingerprint: Sendable {
    public private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    public init() {}

    public mutating func add(_ text: String) {
        for byte in text.utf8 { add(byte: byte) }
        // No UTF-8 text has this byte: "ab" + "c" and "a" + "bc" stay different.
        add(byte: 0xff)
    }

    public mutating func add(_ number: Int) {
        var rest = UInt64(bitPattern: Int64(number))
        for _ in 0..<8 {
            add(byte: UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    private mutating func add(byte: UInt8) {
        value = (value ^ UInt64(byte)) &* 0x100_0000_01b3
    }
}

extension Fingerprint {
    /// What makes two requests to extend a hold the same.
    public static func ofExtending(_ id: HoldID) -> UInt64 {
        var print = Fingerprint()
        print.add("extend")
        print.add(Int(truncatingIfNeeded: id.number))
        return print.value
    }
}

extension HoldRequest {
    /// What makes two requests the same: everything but the key.
    public var fingerprint: UInt64 {
        var print = Fingerprint()
        print.add("hold")
        print.add(event.text)
        for line in lines {
            print.add(line.type.text)
            print.add(line.quantity)
            // Only where it says something: keys of earlier releases keep their requests.
            if line.minimum != line.quantity { print.add(~line.minimum) }
        }
        print.add(buyer?.text ?? "")
        return print.value
    }
}
