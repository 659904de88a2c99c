internal import BoxOffice
internal import NIOCore

/// The reply to a call of `decide`: the moment, the event's numbers if they are new here, and then the outcomes.
struct CallReply {
    enum Status: UInt8, CaseIterable {
        /// There is no such event in Redis.
        case noEvent = 0
        case decided = 1
        /// More holds had ended than one call counts. Nothing was decided; call again.
        case again = 2
        /// Another recount of the event is under way.
        case busy = 3
        /// The recount was interrupted.
        case interrupted = 4
        /// A former version split the event's pools over several servers. This version does not sell it.
        case inParts = 5
        /// The event has more holds than the call may read.
        case tooMany = 6
    }

    struct Pool: Equatable, Sendable {
        var capacity: Int
        var held: Int
        var sold: Int
        /// 0 for never.
        var earliest: Int
        var isClosed: Bool
        var isRetired: Bool

        var free: Int { max(0, capacity - held - sold) }
    }

    var status: Status
    var moment: Moment
    /// Milliseconds that the event's clock left out (R5 The store's clock).
    var absorbed = 0
    var revision: UInt64 = 0
    /// When the definition was made. Two definitions may have one revision if one of them was lost.
    var since = 0
    var version: UInt64 = 0
    /// Idempotency keys that the event remembers; `nil` if the call did not count them.
    var keys: Int?
    /// Empty if the caller knows this version.
    var pools: [Pool] = []
    /// Reads the outcomes, which follow.
    var reader: PackedReader

    init(_ bytes: ByteBuffer) throws(PackedMistake) {
        var reader = PackedReader(bytes)
        guard let status = Status(rawValue: try reader.byte()) else { throw PackedMistake() }
        self.status = status
        moment = try reader.moment()
        if status != .noEvent, status != .inParts {
            absorbed = try reader.number()
            revision = try reader.count()
            since = try reader.number()
            version = try reader.count()
            let keys = try reader.number()
            self.keys = keys < 0 ? nil : keys
            let count = Int(try reader.short())
            pools.reserveCapacity(count)
            for _ in 0..<count { pools.append(try Self.pool(&reader)) }
        }
        self.reader = reader
    }

    private static func pool(_ reader: inout PackedReader) throws(PackedMistake) -> Pool {
        let (capacity, held, sold) = (try reader.number(), try reader.number(), try reader.number())
        let earliest = try reader.number()
        let flags = try reader.byte()
        return Pool(
            capacity: capacity, held: held, sold: sold, earliest: earliest,
            isClosed: flags & PoolFlag.closed.rawValue != 0,
            isRetired: flags & PoolFlag.retired.rawValue != 0)
    }
}

/// What became of one command.
enum CallOutcome {
    case decided(Outcome)
    /// The event was removed. Its code may lead to another event by now.
    case gone
    /// The event gave up the payment meanwhile. It must be claimed again.
    case unclaimed
}

extension CallReply {
    /// The next outcome, of a command for the event with this number.
    mutating func nextOutcome(of event: EventNumber) throws(PackedMistake) -> CallOutcome {
        let code = try reader.byte()
        if let done = OutcomeCode(rawValue: code) { return .decided(try outcome(done, of: event)) }
        guard let refused = RefusalCode(rawValue: code) else { throw PackedMistake() }
        switch refused {
        case .gone: return .gone
        case .unclaimed: return .unclaimed
        default: return .decided(.refused(try refusal(refused)))
        }
    }

    private mutating func outcome(_ code: OutcomeCode, of event: EventNumber) throws(PackedMistake) -> Outcome {
        let flags = try reader.byte()
        let isRepeated = flags & OutcomeFlag.repeated.rawValue != 0
        if code == .queue { return .queue(try reader.queueOutcome(isRepeated: isRepeated)) }
        if code == .paidBack {
            return .paidBack(HoldID(event: event, hold: try reader.count()), repeated: isRepeated)
        }
        if code == .erased {
            return .erased(HoldID(event: event, hold: try reader.count()), repeated: isRepeated)
        }
        let view = try view(of: event, hasReturns: flags & OutcomeFlag.returns.rawValue != 0)
        switch code {
        case .held: return .held(view, replayed: isRepeated)
        case .extended: return .extended(view, replayed: isRepeated)
        case .released: return .released(view, repeated: isRepeated)
        case .purchased:
            return .purchased(view, late: flags & OutcomeFlag.late.rawValue != 0, repeated: isRepeated)
        case .returned: return .returned(view, repeated: isRepeated)
        case .corrected: return .corrected(view, repeated: isRepeated)
        case .looked, .paidBack, .erased, .queue:
            var payment: SeenPayment = flags & OutcomeFlag.late.rawValue != 0 ? .late : []
            if flags & OutcomeFlag.owed.rawValue != 0 { payment.insert(.owed) }
            if flags & OutcomeFlag.paidBack.rawValue != 0 { payment.insert(.paidBack) }
            if flags & OutcomeFlag.neverLate.rawValue != 0 { payment.insert(.neverLate) }
            return .looked(view, payment: payment)
        }
    }

    private mutating func view(of event: EventNumber, hasReturns: Bool) throws(PackedMistake) -> HoldView {
        let number = try reader.count()
        guard let told = ViewState(rawValue: try reader.byte()) else { throw PackedMistake() }
        let state: HoldView.State =
            switch told {
            case .held: .held
            case .purchased: .purchased
            case .released: .released
            case .returned: .returned
            case .expired: .expired
            }
        let terms = try reader.short()
        let deadline = try reader.number()
        let extensions = Int(try reader.byte())
        var lines = try reader.lines()
        if hasReturns { for index in lines.indices { lines[index].returned = try reader.short() } }
        if state == .returned { lines.returnAll() }
        return HoldView(
            id: HoldID(event: event, hold: number), event: event.index,
            state: state, terms: terms, lines: lines, expiresAt: Timestamp(milliseconds: Int64(deadline)),
            extensionsRemaining: extensions)
    }

    private mutating func refusal(_ code: RefusalCode) throws(PackedMistake) -> Refusal {
        switch code {
        case .ticketType: return .unknownTicketType(try Self.code(reader.text()))
        case .allocation: return .unknownAllocation(try Self.code(reader.text()))
        case .hold: return .unknownHold
        case .invalid: return .invalid(try mistakes())
        case .notStarted: return .saleNotStarted(opensAt: WallTime(milliseconds: Int64(try reader.number())))
        case .ended: return .saleEnded(closedAt: WallTime(milliseconds: Int64(try reader.number())))
        case .paused: return .salePaused
        case .poolClosed: return .poolClosed(try Self.code(reader.text()))
        case .buyerLimit: return .buyerLimitReached(remaining: try reader.number())
        case .temporarilyHeld: return .temporarilyHeld(earliest: Timestamp(milliseconds: Int64(try reader.number())))
        case .soldOut: return .soldOut
        case .insufficient: return .insufficientQuantity(available: try reader.number())
        case .expired: return .holdExpired(refundRequired: try reader.byte() == 1)
        case .released: return .holdReleased(refundRequired: try reader.byte() == 1)
        case .purchased: return .alreadyPurchased
        case .returned: return .purchaseReturned(refundRequired: try reader.byte() == 1)
        case .payment: return .paymentConflict(refundRequired: try reader.byte() == 1)
        case .extensionDenied: return .extensionDenied(limit: Int(try reader.byte()))
        case .notPurchased: return .notPurchased
        case .keyReused: return .keyReused
        case .manyHolds: return .tooManyHolds
        case .byShop: return .completedByShop
        case .unknownDebt: return .unknownDebt
        case .cancelled: return .eventCancelled(refundRequired: try reader.byte() == 1)
        case .typeNotStarted:
            let opensAt = WallTime(milliseconds: Int64(try reader.number()))
            return .typeSaleNotStarted(try Self.code(reader.text()), opensAt: opensAt)
        case .typeEnded:
            let closedAt = WallTime(milliseconds: Int64(try reader.number()))
            return .typeSaleEnded(try Self.code(reader.text()), closedAt: closedAt)
        case .typeLimit:
            let remaining = try reader.number()
            return .typeLimitReached(try Self.code(reader.text()), remaining: remaining)
        case .returnTooLarge:
            return .returnTooLarge(try Self.code(reader.text()), remaining: try reader.number())
        case .purchaseErased: return .purchaseErased
        case .correctionOutdated: return .correctionOutdated
        case .unknownCode: return .unknownCode
        case .codeNotForType: return .codeNotForType(try Self.code(reader.text()))
        case .codeNotYet: return .codeNotValidYet(opensAt: WallTime(milliseconds: Int64(try reader.number())))
        case .codeEnded: return .codeNoLongerValid(closedAt: WallTime(milliseconds: Int64(try reader.number())))
        case .codeUsedUp: return .codeUsedUp(remaining: try reader.number())
        case .isLive: return .holdIsLive
        case .queue: return .queue(try reader.queueRefusal())
        case .hasDebt: return .holdHasDebt
        case .gone, .unclaimed: throw PackedMistake()
        }
    }

    private mutating func mistakes() throws(PackedMistake) -> [Mistake] {
        guard let kind = MistakeCode(rawValue: try reader.byte()) else { throw PackedMistake() }
        let line = Int(try reader.byte())
        let most = try reader.number()
        if kind == .queueAdjustment { return QueueAdjustmentMistakes(rawValue: UInt8(line)).mistakes }
        return [try mistake(kind, line: line, most: most)]
    }

    private mutating func mistake(_ kind: MistakeCode, line: Int, most: Int) throws(PackedMistake) -> Mistake {
        switch kind {
        case .lines: return .lines(most: most)
        case .quantity: return .quantity(ofLine: line, most: most)
        case .minimum: return .minimum(ofLine: line, quantity: most)
        case .total: return .tickets(most: most)
        case .buyer: return .noBuyer
        case .queueNeedsBuyer: return .queueNeedsBuyer
        case .queueTakesNoBuyer: return .queueTakesNoBuyer
        case .queueAdjustment: throw PackedMistake()
        case .typeQuantity:
            let least = try reader.number()
            guard least <= most else { throw PackedMistake() }
            return .quantity(ofLine: line, least...most, of: try Self.code(reader.text()))
        case .typeMinimum: return .minimum(ofLine: line, least: most, of: try Self.code(reader.text()))
        }
    }

    private static func code(_ text: String) throws(PackedMistake) -> Code {
        guard let code = Code(kept: text) else { throw PackedMistake() }
        return code
    }
}

extension PackedReader {
    /// The lines of a hold, after a byte with their number.
    mutating func lines() throws(PackedMistake) -> OneOrMore<HeldLine> {
        let count = try byte()
        guard count > 0 else { throw PackedMistake() }
        var lines = OneOrMore(try line())
        for _ in 1..<count { lines.rest.append(try line()) }
        return lines
    }

    private mutating func line() throws(PackedMistake) -> HeldLine {
        let (type, quantity) = (try short(), try short())
        return HeldLine(type: type, quantity: Int32(quantity), price: Int64(try number()))
    }
}
