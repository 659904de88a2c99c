internal import BoxOffice

/// How the keys in Redis are called.
///
/// The hash tag of an event's keys is its number and not its code: a token leads to the event's slot without a look at
/// the list of events, and an event that was removed and made again under the same code shares nothing with the first.
struct Keyspace: Sendable {
    /// Payments are an event's own where a cluster parts the keys of events, and all events' where
    /// one server has them all.
    let isCluster: Bool
    let prefix: String

    /// The list of events.
    var events: String { "\(prefix):{events}" }
    /// 16 bytes that are this database's alone.
    var identity: String { "\(prefix):{events}:identity" }
    /// 32 bytes under which idempotency keys are digested.
    var keySecret: String { "\(prefix):{events}:key-secret" }
    /// Which of the two ways of keeping payments and keys the database has.
    var layout: String { "\(prefix):{events}:layout" }
    /// The fingerprints of the keys that sign tokens, by their numbers.
    var tokenKeys: String { "\(prefix):{events}:token-keys" }
    /// Operators' keys.
    var operators: String { "\(prefix):{operators}" }

    /// The keys of an event, in the order in which the functions take them.
    func keys(of event: UInt64) -> [String] {
        let own = "\(prefix):{\(event)}"
        let shared = isCluster ? own : "\(prefix):{sales}"
        return [
            "\(own):event", "\(own):holds", "\(own):due", "\(own):order", "\(own):buyers", "\(shared):payments",
            "\(own):keys", "\(own):refunds", "\(own):audit", "\(own):given", "\(own):taken",
            "\(own):debts", "\(own):unconfirmed",
        ]
    }

    /// Slots that claims are spread over. Never to be changed: a name must be looked for where it was claimed.
    static let claimParts: UInt64 = 64

    /// The part of the claims that a name belongs to.
    func part(of name: String) -> UInt64 {
        var print = Fingerprint()
        print.add(name)
        return print.value % Self.claimParts
    }

    func claims(_ part: UInt64) -> String {
        "\(prefix):{\(Self.tag(ofClaims: part))}"
    }

    static func tag(ofClaims part: UInt64) -> String {
        "claims-\(part)"
    }
}

/// A hold's number over all events: the event's number, and the hold's within the event.
///
/// A token has room for 56 bits; Lua's numbers are exact up to 53, so the functions see only the lower part. That is so wide
/// because numbers follow the time (`Lua/numbers.lua`).
enum HoldNumber {
    static let bitsWithin: UInt64 = 42
    /// What is left of a token's bits, and of the number of an entry of the audit.
    static let mostEvents: UInt64 = 1 << 14 - 1

    static func join(event: UInt64, hold: UInt64) -> HoldID {
        HoldID(event << bitsWithin | hold)
    }

    static func split(_ id: HoldID) -> (event: UInt64, hold: UInt64) {
        (id.number >> bitsWithin, id.number & (1 << bitsWithin - 1))
    }
}
