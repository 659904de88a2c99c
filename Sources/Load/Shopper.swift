internal import Traffic

/// What one connection does: a value that says what to ask next and makes sense of the answer.
struct Shopper {
    /// A request, and what it is for.
    struct Step: Equatable {
        enum Kind: Equatable {
            case look, hold, holdAgain, purchase, purchaseAgain, release
        }

        var kind: Kind
        var request: Request
    }

    struct Request: Equatable {
        var method: String
        var target: String
        var fields: [(name: String, value: String)] = []
        var body: String?

        static func == (left: Self, right: Self) -> Bool {
            left.method == right.method && left.target == right.target && left.body == right.body
                && left.fields.elementsEqual(right.fields) { $0 == $1 }
        }
    }

    /// A hold that was got and is not settled.
    private struct Mine: Equatable {
        var id: String
        var token: String
    }

    private let plan: LoadPlan
    private let host: String
    private let path: String
    private let name: String
    private var chance: SeededGenerator
    private var asked = 0
    /// What has to come next with the hold that was got.
    private var mine: Mine?
    private var next: Step.Kind?
    private var lastKey = ""
    private(set) var tally = LoadTally()

    /// - Parameters:
    ///   - path: what is looked at: the service's own call, or a stranger's page.
    ///   - number: of the connection, different for each.
    init(_ plan: LoadPlan, host: String, path: String, number: Int, run: UInt64) {
        self.plan = plan
        self.host = host
        self.path = path
        name = "\(run)-\(number)"
        chance = SeededGenerator(seed: plan.seed &* 1_000_003 &+ UInt64(number))
    }

    /// What to ask now.
    mutating func step() -> Step {
        let kind: Step.Kind =
            switch plan.scenario {
            case .availability, .churn: .look
            case .hold, .soldout: .hold
            case .sale: next ?? .hold
            }
        tally.asked += 1
        return Step(kind: kind, request: request(for: kind))
    }

    private mutating func request(for kind: Step.Kind) -> Request {
        switch (plan.face, kind) {
        case (_, .look): return request("GET", path)
        case (.classic, .hold), (.classic, .holdAgain): return request("POST", "/buy_ticket/\(plan.type)")
        case (.classic, .purchase), (.classic, .purchaseAgain), (.classic, .release):
            return request("POST", "/complete_purchase/\(mine?.token ?? "")")
        case (.v1, .hold):
            asked += 1
            lastKey = "\(name)-\(asked)"
            return hold()
        case (.v1, .holdAgain): return hold()
        case (.v1, .purchase), (.v1, .purchaseAgain):
            return request(
                "POST", "/v1/holds/\(mine?.id ?? "")/purchase", bearer: mine?.token,
                body: #"{"payment_reference":"\#(lastKey)"}"#)
        case (.v1, .release): return request("DELETE", "/v1/holds/\(mine?.id ?? "")", bearer: mine?.token)
        }
    }

    private func hold() -> Request {
        request(
            "POST", "/v1/events/\(plan.event)/holds", key: lastKey,
            body: #"{"lines":[{"type":"\#(plan.type)","quantity":1}],"buyer":"\#(lastKey)"}"#)
    }

    private func request(
        _ method: String, _ target: String, bearer: String? = nil, key: String? = nil, body: String? = nil
    ) -> Request {
        var fields = [(name: "Host", value: host)]
        if let bearer { fields.append(("Authorization", "Bearer \(bearer)")) }
        if let key { fields.append(("Idempotency-Key", key)) }
        if body != nil { fields.append(("Content-Type", "application/json")) }
        if method != "GET" { fields.append(("Content-Length", "\(body?.utf8.count ?? 0)")) }
        return Request(method: method, target: target, fields: fields, body: body)
    }

    /// Makes sense of an answer.
    ///
    /// - Returns: whether it is one that the step can have.
    mutating func hear(_ status: Int, _ body: some Collection<UInt8>, to kind: Step.Kind) -> Bool {
        tally.statuses[status, default: 0] += 1
        next = nil
        switch (kind, status) {
        case (.look, 200), (.look, 304): tally.looked += 1
        case (.hold, 200), (.hold, 201), (.holdAgain, 201):
            guard let token = text(of: "token", in: body) else { return false }
            if kind == .hold { tally.held += 1 }
            mine = Mine(id: text(of: "id", in: body) ?? "", token: token)
            if plan.scenario == .sale { next = afterHolding(kind) }
        case (.hold, 409), (.holdAgain, 409): tally.refused += 1
        case (.purchase, 200):
            tally.purchased += 1
            if chance.chance(plan.repeats) { next = .purchaseAgain }
        case (.purchaseAgain, 200): break
        case (.purchase, 410): tally.expired += 1
        case (.release, 200): tally.released += 1
        case (_, 503), (_, 429): tally.pushedBack += 1
        default: return false
        }
        return true
    }

    /// A request that got no answer: it may or may not have happened.
    mutating func loseTrack(of kind: Step.Kind) {
        tally.lost += 1
        if kind == .hold { tally.holdsUnknown += 1 }
        if kind == .release { tally.releasesUnknown += 1 }
        next = nil
    }

    private mutating func afterHolding(_ kind: Step.Kind) -> Step.Kind? {
        if kind == .hold, plan.face == .v1, chance.chance(plan.repeats) { return .holdAgain }
        let dice = chance.number(in: 1...100)
        if dice <= plan.abandons { return nil }
        if dice <= plan.abandons + plan.releases, plan.face == .v1 { return .release }
        return .purchase
    }

    /// The text of a member, found without reading the rest: what asks must cost less than what answers.
    private func text(of member: String, in body: some Collection<UInt8>) -> String? {
        let mark = Array("\"\(member)\":".utf8)
        var rest = body[...]
        while let quote = rest.firstIndex(of: mark[0]) {
            rest = rest[quote...]
            if rest.starts(with: mark) {
                let value = rest.dropFirst(mark.count).drop { $0 == 0x20 }.dropFirst()
                return String(decoding: value.prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self)
            }
            rest = rest.dropFirst()
        }
        return nil
    }
}

/// What a shopper, or all of them together, were answered.
public struct LoadTally: Sendable, Equatable {
    public var asked = 0
    public var looked = 0
    public var held = 0
    public var purchased = 0
    public var released = 0
    /// Nothing free.
    public var refused = 0
    /// Too late to purchase.
    public var expired = 0
    /// 503 and 429.
    public var pushedBack = 0
    /// No answer.
    public var lost = 0
    /// Of them, those that may have held or released.
    public var holdsUnknown = 0
    public var releasesUnknown = 0
    /// An answer that should not be.
    public var unexpected = 0
    public var statuses: [Int: Int] = [:]

    mutating func add(_ other: LoadTally) {
        asked += other.asked
        looked += other.looked
        held += other.held
        purchased += other.purchased
        released += other.released
        refused += other.refused
        expired += other.expired
        pushedBack += other.pushedBack
        lost += other.lost
        holdsUnknown += other.holdsUnknown
        releasesUnknown += other.releasesUnknown
        unexpected += other.unexpected
        statuses.merge(other.statuses, uniquingKeysWith: +)
    }
}
