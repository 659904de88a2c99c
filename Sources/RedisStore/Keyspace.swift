package import BoxOffice
internal import RedisWire

/// The number of an event in Redis, from 1. An event that was removed keeps its number.
package struct EventNumber: Hashable, Comparable, Sendable, ExpressibleByIntegerLiteral, CustomStringConvertible {
    /// The most events for which a token has room beside the number of the hold, and an audit entry in its number.
    static let last: UInt64 = 1 << 14 - 1

    package let value: UInt64

    package init(_ value: UInt64) {
        self.value = value
    }

    package init(integerLiteral value: UInt64) {
        self.value = value
    }

    /// - Parameter index: the position of the event in the catalogue, from 0 (``HoldView/event``).
    init(index: UInt32) {
        value = UInt64(index) + 1
    }

    /// The position of the event in the catalogue.
    var index: UInt32 { UInt32(truncatingIfNeeded: value - 1) }

    package var description: String { String(value) }

    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// A hold's number over all events: the event's number, and the hold's number within the event.
///
/// A token has room for 56 bits. Lua's numbers are exact up to 53, so the functions see only the lower part. That part
/// is wide because numbers follow the time (`Lua/numbers.lua`).
extension HoldID {
    static let bitsWithinEvent: UInt64 = 42

    package init(event: EventNumber, hold: UInt64) {
        self.init(event.value << Self.bitsWithinEvent | hold)
    }

    var event: EventNumber { EventNumber(number >> Self.bitsWithinEvent) }
    var numberWithinEvent: UInt64 { number & (1 << Self.bitsWithinEvent - 1) }
}

/// One of the slots that claims of payments are spread over.
package struct ClaimSlot: Hashable, Sendable {
    /// Never to be changed: a name is looked for in the slot where it was claimed.
    private static let count: UInt64 = 64

    let number: UInt64

    private init(number: UInt64) {
        self.number = number
    }

    /// The slot of a name.
    package init(of name: String) {
        var print = Fingerprint()
        print.add(name)
        number = print.value % Self.count
    }

    package static var all: [Self] { (0..<count).map(Self.init(number:)) }

    /// The hash tag of the slot's key.
    var tag: String { "claims-\(number)" }
}

/// A key that each event has, with its index in Lua. The functions name it `KEY.holds`.
package enum EventKey: Int, CaseIterable, Sendable {
    case event = 1
    case holds, due, order, buyers, payments, keys, refunds, audit, given, taken, debts, unconfirmed, names,
        codes, coded, queue

    /// The text of functions with indexes in place of the names of keys.
    ///
    /// A table of names in Lua would cost a look-up for each use, and one of the 200 names that a function may have.
    static func indexed(_ text: String) -> String {
        let known = Dictionary(uniqueKeysWithValues: allCases.map { ("\($0)", $0.rawValue) })
        var parts = text.split(separator: "KEY.", omittingEmptySubsequences: false)[...]
        var indexed = String(parts.removeFirst())
        for part in parts {
            let name = part.prefix { $0.isLetter }
            guard let index = known[String(name)] else { preconditionFailure("an event has no key \(name)") }
            indexed += String(index) + part[name.endIndex...]
        }
        return indexed
    }
}

/// The names of the keys in Redis.
///
/// The hash tag of an event's keys is its number and not its code. So a token leads to the event's server without a
/// look at the list of events, and an event that was removed and made again under the same code shares nothing with the
/// first.
struct Keyspace: Sendable {
    /// The keys of one event.
    struct EventKeys: Sendable {
        /// In the order of ``EventKey``, in which the functions take them.
        let all: [String]
        /// Leads to the server that has all of them.
        let route: RedisKey

        subscript(key: EventKey) -> String { all[key.rawValue - 1] }

        var holds: String { self[.holds] }
        var payments: String { self[.payments] }
        var debts: String { self[.refunds] }
        var audit: String { self[.audit] }
    }

    /// A cluster spreads the keys of events over its servers, so each event has payments of its own there. On one
    /// server all events share them.
    let isCluster: Bool
    let prefix: String

    /// Leads to the server that has the list of events.
    let eventsRoute = RedisKey("events")

    init(isCluster: Bool, prefix: String) {
        self.isCluster = isCluster
        self.prefix = prefix
    }

    /// The list of events.
    var events: String { "\(prefix):{events}" }
    /// 16 bytes that only this database has.
    var identity: String { "\(prefix):{events}:identity" }
    /// 32 bytes under which idempotency keys are digested.
    var keySecret: String { "\(prefix):{events}:key-secret" }
    /// Whether the database keeps payments for one server or for a cluster, or is marked by a move.
    var layout: String { "\(prefix):{events}:layout" }
    /// What the layout says while the sale is here.
    var layoutName: String { isCluster ? "cluster" : "one server" }
    /// The fingerprints of the keys that sign tokens, by their numbers.
    var tokenKeys: String { "\(prefix):{events}:token-keys" }
    /// The series of holds that were moved here (R51 Moving a sale).
    var series: String { "\(prefix):{events}:series" }
    /// The numbers that moved holds had before.
    var numbering: String { "\(prefix):{events}:numbering" }
    /// The keys of operators.
    var operators: String { "\(prefix):{operators}" }

    func keys(of event: EventNumber) -> EventKeys {
        let own = "\(prefix):{\(event)}"
        let shared = isCluster ? own : "\(prefix):{sales}"
        return EventKeys(
            all: EventKey.allCases.map { "\($0 == .payments ? shared : own):\($0)" }, route: RedisKey("\(event)"))
    }

    /// The claims in a slot.
    func claims(_ slot: ClaimSlot) -> String {
        "\(prefix):{\(slot.tag)}"
    }

    func route(to slot: ClaimSlot) -> RedisKey {
        RedisKey(slot.tag)
    }
}
