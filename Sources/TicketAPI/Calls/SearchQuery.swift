package import BoxOffice
package import TicketStore

/// Reads a search from the query of a request's target (R47 Search).
package enum SearchQuery {
    /// The members for the holds of one event.
    static let membersOfEvent: Set<String> = [
        "buyer", "payment_reference", "state", "type", "from", "to", "limit", "cursor",
    ]
    /// The members for all events.
    static let members = membersOfEvent.union(["event", "hold", "purchase"])
    package static let eventForm = "must be the code of an event"
    /// Any state, where the query says nothing else or the path has another default.
    private static let anyState = "any"

    /// The search, and everything that is wrong with it.
    ///
    /// - Parameters:
    ///   - event: the event that the path names; then only its live holds are meant if the query names no state.
    ///   - isEvent: whether there is an event with this code.
    package static func read(
        _ target: String, of event: Code? = nil, isEvent: (Code) -> Bool = { _ in true }
    ) -> (query: SalesQuery, mistakes: [Mistake]) {
        var reader = MemberReader(target)
        var query = SalesQuery(event: event)
        query.event =
            reader.value("event", eventForm) { Code($0).flatMap { isEvent($0) ? $0 : nil } }
            ?? event
        query.type = reader.value("type", "must be a code: \(Code.form)") { Code($0) }
        if query.type != nil, query.event == nil, !reader.has("event") {
            reader.note(.queryTypeAlone)
        }
        query.buyer = reader.value("buyer", Buyer.form, Buyer.init)
        query.payment = reader.value("payment_reference", PaymentReference.form, PaymentReference.init)
        let hold = reader.value("hold", "must look like H12", HoldID.init(public:))
        let purchase = reader.value("purchase", "must look like P12", HoldID.init(purchase:))
        if let hold, let purchase, hold != purchase {
            reader.note(.queryNumbersDiffer)
        }
        query.hold = hold ?? purchase
        readState(&reader, &query, defaultsToHeld: event != nil)
        query.from = reader.value("from", "must be a moment as in RFC 3339", WallTime.init(rfc3339:))
        query.to = reader.value("to", "must be a moment as in RFC 3339", WallTime.init(rfc3339:))
        if let from = query.from, let to = query.to, from >= to {
            reader.note(.queryEndsBeforeItBegins)
        }
        let limit = reader.value("limit", "must be from 1 to \(Page.most)") { text in
            Int(text).flatMap { (1...Page.most).contains($0) ? $0 : nil }
        }
        query.limit = limit ?? Page.usual
        query.behind = reader.value("cursor", "is none of ours") { Page.number($0).map { HoldID($0) } }
        return (query, reader.mistakes)
    }

    private static func readState(_ reader: inout MemberReader, _ query: inout SalesQuery, defaultsToHeld: Bool) {
        let words = "held, purchased, released, expired, returned or \(anyState)"
        let word = reader.value("state", "must be \(words)") { text in
            text == anyState || HoldView.State(rawValue: text) != nil ? text : nil
        }
        query.state = word.flatMap(HoldView.State.init) ?? (defaultsToHeld && word == nil ? .held : nil)
    }

    /// The query of the next page: the same with another cursor.
    static func next(of target: String, cursor: String) -> String {
        let path = target.prefix { $0 != "?" }
        let members = target.dropFirst(path.count).dropFirst().split(separator: "&").filter { !$0.hasPrefix("cursor=") }
        return "\(path)?" + (members.map(String.init) + ["cursor=\(cursor)"]).joined(separator: "&")
    }
}

/// Reads members of a query one by one, and gathers what is wrong with them.
struct MemberReader {
    private let members: [String: String?]
    private(set) var mistakes: [Mistake] = []

    init(_ target: String) {
        members = RequestQuery.members(in: target)
    }

    func has(_ name: String) -> Bool {
        members[name] != nil
    }

    mutating func note(_ mistake: Mistake) {
        mistakes.append(mistake)
    }

    /// The value of a member, if it has one that `read` accepts.
    mutating func value<Value>(_ name: String, _ demand: String, _ read: (String) -> Value?) -> Value? {
        guard let member = members[name] else { return nil }
        guard let member, let value = read(member) else {
            note(.query(name, demand))
            return nil
        }
        return value
    }
}
