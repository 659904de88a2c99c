internal import DequeModule
internal import NIOCore
internal import Workload

/// What one connection does: a value that says what to ask next and makes sense of the answer.
struct Shopper {
    /// What is asked.
    enum Step: Equatable {
        case look, hold, holdAgain, purchase, purchaseAgain, payLate, release
    }

    /// A hold that was got and is not settled.
    private struct Mine {
        var id: [UInt8]
        var token: [UInt8]
        /// Of the payment.
        var reference: [UInt8]
    }

    private let plan: LoadPlan
    private let texts: RequestTexts
    /// How long the store keeps a hold, if that is known and a share pays when it is over.
    private let life: TimeAmount?
    /// What its keys begin with.
    private let name: [UInt8]
    private var chance: SeededGenerator
    private var keys = 0
    private var key: [UInt8] = []
    /// What has to come next with the hold that was got.
    private var mine: Mine?
    private var next: Step?
    /// Holds that are paid for when they are over, and when that is: in the order in which they were got.
    private var late: Deque<(mine: Mine, from: NIODeadline)> = []
    private(set) var tally = LoadTally()

    /// - Parameters:
    ///   - life: of a hold in the store, its grace included.
    ///   - number: of the connection, different for each.
    init(_ plan: LoadPlan, texts: RequestTexts, life: TimeAmount?, number: Int, run: UInt64) {
        self.plan = plan
        self.texts = texts
        self.life = life
        name = Array("holdfast-bench-\(run)-\(number)-".utf8)
        chance = SeededGenerator(seed: plan.seed &* 1_000_003 &+ UInt64(number))
    }

    /// Says what to ask now, and writes the request.
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

    /// Makes sense of an answer.
    ///
    /// - Returns: whether it is one that the step can have.
    mutating func hear(_ status: Int, _ body: ByteBuffer, to step: Step, at now: NIODeadline) -> Bool {
        tally.statuses[status, default: 0] += 1
        next = nil
        switch (step, status) {
        case (.look, 200), (.look, 304): tally.looked += 1
        case (.hold, 200), (.hold, 201), (.holdAgain, 201):
            if step == .hold { tally.held += 1 }
            // Who never comes back needs no token.
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

    /// A request that got no answer: it may or may not have happened.
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

    /// The text behind a mark, found without reading the rest: what asks must cost less than what answers.
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

/// What a shopper, or all of them together, were answered.
public struct LoadTally: Sendable, Equatable {
    public var asked = 0
    public var looked = 0
    public var held = 0
    public var purchased = 0
    /// Of them, those that were paid when the hold was over, and won its places again.
    public var purchasedLate = 0
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
