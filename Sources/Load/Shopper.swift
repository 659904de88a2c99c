internal import DequeModule
internal import NIOCore
internal import Workload

/// What one connection does: a value that decides the next request and interprets the answer.
struct Shopper {
    /// The kinds of requests.
    enum Step: Equatable {
        case look, hold, holdAgain, purchase, purchaseAgain, payLate, release
    }

    /// A hold that the shopper has and has not finished with.
    private struct Mine {
        var id: [UInt8]
        var token: [UInt8]
        /// The payment reference.
        var reference: [UInt8]
    }

    private let plan: LoadPlan
    private let texts: RequestTexts
    /// How long the store keeps a hold, if that is known and a share of shoppers pays later.
    private let life: TimeAmount?
    /// The beginning of the shopper's idempotency keys.
    private let name: [UInt8]
    private var chance: SeededGenerator
    private var keys = 0
    private var key: [UInt8] = []
    /// The current hold, and the next request about it.
    private var mine: Mine?
    private var next: Step?
    /// Holds that the shopper pays for after they have ended, with their ends, oldest first.
    private var late: Deque<(mine: Mine, from: NIODeadline)> = []
    private(set) var tally = LoadTally()

    /// - Parameters:
    ///   - life: how long the store keeps a hold, including the grace.
    ///   - number: the connection's number, different for each.
    init(_ plan: LoadPlan, texts: RequestTexts, life: TimeAmount?, number: Int, run: UInt64) {
        self.plan = plan
        self.texts = texts
        self.life = life
        name = Array("holdfast-bench-\(run)-\(number)-".utf8)
        chance = SeededGenerator(seed: plan.seed &* 1_000_003 &+ UInt64(number))
    }

    /// Decides the next request and writes it.
    mutating func step(at now: NIODeadline, into buffer: inout ByteBuffer) -> Step {
        let step: Step =
            switch plan.scenario {
            case .availability, .churn: .look
            case .hold, .soldout: .hold
            case .sale: next ?? latePayment(at: now) ?? .hold
            }
        tally.asked += 1
        write(step, into: &buffer)
        return step
    }

    private mutating func latePayment(at now: NIODeadline) -> Step? {
        guard let first = late.first, first.from <= now else { return nil }
        mine = late.removeFirst().mine
        return .payLate
    }

    private mutating func write(_ step: Step, into buffer: inout ByteBuffer) {
        switch (plan.face, step) {
        case (_, .look): texts.writeLook(to: &buffer)
        case (.classic, .hold), (.classic, .holdAgain): texts.writeBuy(to: &buffer)
        case (.classic, _): texts.writeComplete(token: mine?.token ?? [], to: &buffer)
        case (.v1, .hold):
            keys += 1
            key = name + String(keys).utf8
            texts.writeHold(key: key, to: &buffer)
        case (.v1, .holdAgain): texts.writeHold(key: key, to: &buffer)
        case (.v1, .purchase), (.v1, .purchaseAgain), (.v1, .payLate):
            guard let mine else { preconditionFailure("a purchase is of a hold") }
            texts.writePurchase(id: mine.id, token: mine.token, reference: mine.reference, to: &buffer)
        case (.v1, .release):
            guard let mine else { preconditionFailure("a release is of a hold") }
            texts.writeRelease(id: mine.id, token: mine.token, to: &buffer)
        }
    }

    /// Interprets an answer.
    ///
    /// - Returns: whether the request can have this answer.
    mutating func hear(_ status: Int, _ body: ByteBuffer, to step: Step, at now: NIODeadline) -> Bool {
        tally.statuses[status, default: 0] += 1
        next = nil
        switch (step, status) {
        case (.look, 200), (.look, 304): tally.looked += 1
        case (.hold, 200), (.hold, 201), (.holdAgain, 201):
            if step == .hold { tally.held += 1 }
            // Only a sale needs the token again.
            guard plan.scenario == .sale else { return Self.text(of: "\"token\":\"", in: body) != nil }
            guard let token = Self.text(of: "\"token\":\"", in: body) else { return false }
            mine = Mine(id: Self.text(of: "\"id\":\"", in: body) ?? [], token: token, reference: key)
            next = afterHolding(step, at: now)
        case (.hold, 409), (.holdAgain, 409): tally.refused += 1
        case (.purchase, 200):
            tally.purchased += 1
            if chance.chance(plan.repeats) { next = .purchaseAgain }
        case (.payLate, 200):
            tally.purchased += 1
            tally.purchasedLate += 1
        case (.purchaseAgain, 200): break
        case (.purchase, 410), (.payLate, 410): tally.expired += 1
        case (.release, 200): tally.released += 1
        case (_, 503), (_, 429): tally.pushedBack += 1
        default: return false
        }
        return true
    }

    /// Notes that a request got no answer: the service may have carried it out or not.
    mutating func loseTrack(of step: Step) {
        tally.lost += 1
        if step == .hold { tally.holdsUnknown += 1 }
        if step == .release { tally.releasesUnknown += 1 }
        next = nil
    }

    private mutating func afterHolding(_ step: Step, at now: NIODeadline) -> Step? {
        if step == .hold, plan.face == .v1, chance.chance(plan.repeats) { return .holdAgain }
        var dice = chance.number(in: 1...100)
        if dice <= plan.abandons { return nil }
        dice -= plan.abandons
        if dice <= plan.releases { return plan.face == .v1 ? .release : .purchase }
        dice -= plan.releases
        if dice <= plan.late, let life, let mine {
            late.append((mine, now + life))
            return nil
        }
        return .purchase
    }

    /// The text after a mark, found without parsing the rest: this tool must cost less than the server.
    private static func text(of mark: StaticString, in body: ByteBuffer) -> [UInt8]? {
        body.withUnsafeReadableBytes { bytes in
            let mark = UnsafeRawBufferPointer(start: mark.utf8Start, count: mark.utf8CodeUnitCount)
            var start = 0
            while let quote = bytes[start...].firstIndex(of: mark[0]) {
                if bytes[quote...].starts(with: mark) {
                    return Array(bytes[(quote + mark.count)...].prefix { $0 != UInt8(ascii: "\"") })
                }
                start = quote + 1
            }
            return nil
        }
    }
}

/// Counts of the answers to one shopper, or to all of them.
public struct LoadTally: Sendable, Equatable {
    /// Requests that were sent.
    public var asked = 0
    /// Availabilities that were read.
    public var looked = 0
    public var held = 0
    public var purchased = 0
    /// Purchases among them that were paid after the hold had ended, and won its places back.
    public var purchasedLate = 0
    public var released = 0
    /// Refused: nothing was free.
    public var refused = 0
    /// Refused: the payment came too late.
    public var expired = 0
    /// Answered 503 or 429.
    public var pushedBack = 0
    /// Requests without an answer.
    public var lost = 0
    /// Holds and releases among them, which may have been carried out.
    public var holdsUnknown = 0
    public var releasesUnknown = 0
    /// Answers that do not fit their request.
    public var unexpected = 0
    /// How often each status came.
    public var statuses: [Int: Int] = [:]

    mutating func add(_ other: LoadTally) {
        asked += other.asked
        looked += other.looked
        held += other.held
        purchased += other.purchased
        purchasedLate += other.purchasedLate
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
