internal import BoxOffice
internal import NIOCore
internal import TicketStore

/// A hold as `pack_record` wrote it (`Lua/holds.lua`).
struct PackedRecord {
    var state: HoldState
    var isLate: Bool
    var extensions: UInt8
    var heldAt: WallTime
    var buyer: String?
    var lines: OneOrMore<HeldLine>
    /// The terms of its event under which it was made.
    var terms: UInt16 = 0
    /// The partial returns of the purchase, oldest first (R39 Partial return).
    var returns: [PackedReturn] = []
    /// What operators noted about it (R40 Corrections).
    var note: String?
    var payment: String?
    /// When it was purchased, or when a payment for it was first owed back.
    var endedAt = WallTime(milliseconds: 0)
    var returnedAt: WallTime?
    /// When its buyer and payment were erased (R41 Erasure).
    var erasedAt: WallTime?
    /// The access code that it was made with (R46 Access codes).
    var code = HeldCode.none
    /// Under which name it was sold (R48 Operator keys).
    var seller: Seller?
    /// The checks of the sale that did not count for it (R43 Override).
    var override: Override

    init(_ reader: inout PackedReader) throws(PackedMistake) {
        let head = try reader.byte()
        // An earlier release had a state of its own for a hold whose payment was owed back.
        let wasOwed = head == RecordMark.owed.rawValue
        guard let state = wasOwed ? .held : HoldState(rawValue: head % RecordMark.first) else {
            throw PackedMistake()
        }
        self.state = state
        let flags = try reader.byte()
        (isLate, override) = (flags % 2 == 1, Override(rawValue: flags / 16))
        extensions = try reader.byte()
        _ = try reader.number()
        heldAt = WallTime(milliseconds: Int64(try reader.number()))
        let name = try reader.text()
        buyer = name.isEmpty ? nil : name
        lines = try reader.lines()
        // Lua counts from 1.
        if RecordMark.withTerms.isSet(in: head) { terms = try reader.short() - 1 }
        if RecordMark.returns.isSet(in: head) {
            let count = try reader.short()
            for _ in 0..<count {
                let part = try PackedReturn(&reader, lines: lines.count)
                returns.append(part)
                for (line, quantity) in part.quantities.enumerated() { lines[line].returned += quantity }
            }
        }
        if RecordMark.note.isSet(in: head) { note = try reader.longText() }
        if RecordMark.erased.isSet(in: head) {
            erasedAt = WallTime(milliseconds: Int64(try reader.number()))
            try reader.skipNumber()
        }
        if RecordMark.code.isSet(in: head) {
            let low = try reader.short()
            code = HeldCode(packed: UInt32(try reader.short()) << 16 | UInt32(low))
        }
        // The entry of the queue that made it.
        if flags % 4 >= 2 { _ = try reader.bytes(4) }
        if state == .returned { lines.returnAll() }
        guard state != .held && state != .released || wasOwed else { return }
        endedAt = WallTime(milliseconds: Int64(try reader.number()))
        let returned = try reader.number()
        if state == .returned { returnedAt = WallTime(milliseconds: Int64(returned)) }
        let text = try reader.text()
        payment = text.isEmpty ? nil : text
        if !reader.isAtEnd { seller = Seller(try reader.longText()) }
    }

    func soldLines(of entry: EventDirectory.Entry) -> [SoldLine] {
        let types = entry.catalogue.types
        return lines.map { line in
            let index = Int(line.type)
            let type = types.indices.contains(index) ? types[index] : nil
            return SoldLine(
                type: type?.code.text ?? "", allocation: type?.allocation?.text, quantity: Int(line.quantity),
                price: line.price, returned: Int(line.returned))
        }.map { $0 }
    }

    /// The access code that it was made with.
    func saleCode(of entry: EventDirectory.Entry) -> SaleCode? {
        guard !code.isNone, entry.batches.indices.contains(code.batch) else { return nil }
        return SaleCode(batch: entry.batches[code.batch], number: code.number)
    }

    func purchase(_ hold: HoldID, of entry: EventDirectory.Entry) -> PurchaseRecord {
        var purchase = PurchaseRecord(
            hold: hold, event: entry.catalogue.code.text, currency: entry.catalogue.currency(ofTerms: terms),
            lines: soldLines(of: entry), buyer: buyer, payment: payment.flatMap { PaymentReference($0)?.text },
            isLate: isLate, purchasedAt: endedAt, returnedAt: returnedAt, erasedAt: erasedAt, note: note,
            soldBy: seller)
        (purchase.code, purchase.override) = (saleCode(of: entry), override)
        return purchase
    }
}

/// A partial return, as `pack_returns` wrote it (`Lua/holds.lua`).
struct PackedReturn {
    var key: KeyFact
    var at: WallTime
    /// How many tickets of each line came back.
    var quantities: [UInt16] = []

    init(_ reader: inout PackedReader, lines: Int) throws(PackedMistake) {
        let (high, low) = (try reader.half(), try reader.half())
        key = KeyFact(key: IdempotencyKey(high: high, low: low), fingerprint: try reader.half())
        at = WallTime(milliseconds: Int64(try reader.number()))
        for _ in 0..<lines { quantities.append(try reader.short()) }
    }
}

/// An entry in the list of debts, as `owe` wrote it (`Lua/debts.lua`). It counts while the use of its payment says the
/// same.
struct PackedRefund {
    var hold: UInt64
    var askedAt: WallTime
    var payment: String
    var reason = DebtReason.placesGone
    var isConfirmed = true
    /// An earlier release wrote it.
    private var isOld = false

    init(_ bytes: ByteBuffer) throws(PackedMistake) {
        var reader = PackedReader(bytes)
        hold = try reader.count()
        askedAt = WallTime(milliseconds: Int64(try reader.number()))
        payment = try reader.text()
        isOld = reader.isAtEnd
        guard !isOld else { return }
        reason = DebtReason(rawValue: try reader.byte()) ?? .placesGone
        isConfirmed = try reader.byte() == 1
    }

    /// Whether the payment is still owed for the hold of `event`.
    ///
    /// - Parameters:
    ///   - use: what became of the payment, as the event keeps it.
    ///   - since: unconfirmed debts from before this moment do not count any more.
    func counts(by use: ByteBuffer?, event: EventNumber, since: WallTime) throws(PackedMistake) -> Bool {
        guard let use else { return false }
        if isOld { return use.readableBytesView.elementsEqual("\(event).\(hold)".utf8) }
        guard let debt = try PackedDebt(use) else { return false }
        return debt.event == event && debt.hold == hold && debt.wall == askedAt && debt.isConfirmed == isConfirmed
            && (isConfirmed || askedAt > since)
    }
}

/// A debt, as it is kept as the use of its payment.
struct PackedDebt {
    var event: EventNumber
    var hold: UInt64
    var wall: WallTime
    var reason: DebtReason
    var isConfirmed: Bool
    /// When it was reported, by the server's clock.
    var ticks: Int

    /// `nil` if the payment bought something or was paid back.
    init?(_ use: ByteBuffer) throws(PackedMistake) {
        var reader = PackedReader(use)
        guard try reader.byte() == UInt8(ascii: "!") else { return nil }
        event = EventNumber(try reader.count())
        hold = try reader.count()
        wall = WallTime(milliseconds: Int64(try reader.number()))
        reason = DebtReason(rawValue: try reader.byte()) ?? .placesGone
        isConfirmed = try reader.byte() == 1
        ticks = try reader.number()
    }
}

extension AuditRecord {
    /// An entry as `save_notes` wrote it.
    ///
    /// - Parameter code: the code of the event.
    init(packed bytes: ByteBuffer, event: EventNumber, code: String?) throws(PackedMistake) {
        var reader = PackedReader(bytes)
        let score = try reader.count()
        let at = WallTime(milliseconds: Int64(try reader.number()))
        var texts: [String] = []
        for _ in 0..<4 { texts.append(try reader.longText()) }
        var (reason, differences, leftOut) = ("", "", 0)
        if !reader.isAtEnd {
            reason = try reader.longText()
            differences = try reader.longText()
            leftOut = try reader.number()
        }
        self.init(
            sequence: AuditNumber(score: score, event: event).sequence, at: at, event: code,
            note: AuditNote(
                key: texts[0], name: texts[1], action: texts[2], subject: texts[3],
                reason: reason.isEmpty ? nil : reason, differencesText: differences.isEmpty ? nil : differences,
                leftOut: leftOut))
    }
}

/// A step of a recount.
enum TallyStep {
    case counted(Tally)
    /// More holds had ended than one call counts: take the step again.
    case unsettled
    /// Another recount of the event is under way.
    case busy
    /// The server was away meanwhile, or this recount made no step for too long: begin again.
    case interrupted

    init(_ bytes: ByteBuffer) throws(PackedMistake) {
        let reply = try CallReply(bytes)
        switch reply.status {
        case .decided: self = .counted(try Tally(reply))
        case .again: self = .unsettled
        case .busy: self = .busy
        case .interrupted: self = .interrupted
        case .noEvent, .inParts, .tooMany: throw PackedMistake()
        }
    }
}

/// What a recount found in the holds of an event, and what the event said when the recount began.
struct Tally {
    /// The reply to the first step.
    let reply: CallReply
    /// The hold at which the next step begins; 0 if all holds were counted.
    var next: UInt64
    var facts: UInt64
    /// Payments that do not lead to the hold that they bought.
    var strayed: Int
    /// Holds that got a number and have no record.
    var missing: Int
    var held: [Int] = []
    var sold: [Int] = []

    fileprivate init(_ reply: CallReply) throws(PackedMistake) {
        var reader = reply.reader
        next = try reader.count()
        facts = try reader.count()
        strayed = try reader.number()
        missing = try reader.number()
        for _ in reply.pools {
            held.append(try reader.number())
            sold.append(try reader.number())
        }
        self.reply = reply
    }

    mutating func add(_ step: Tally) {
        next = step.next
        strayed += step.strayed
        missing += step.missing
        // Pools that were made meanwhile had nothing when the recount began.
        for pool in held.indices where step.held.indices.contains(pool) {
            held[pool] += step.held[pool]
            sold[pool] += step.sold[pool]
        }
    }

    func counts(of entry: EventDirectory.Entry) -> [PoolCount] {
        zip(entry.catalogue.pools, reply.pools.indices).map { known, pool in
            let kept = reply.pools[pool]
            return PoolCount(
                event: entry.catalogue.code, pool: known.name,
                capacity: known.allocation == nil ? kept.capacity : known.capacity, held: held[pool], sold: sold[pool],
                isClosed: kept.isClosed)
        }
    }

    /// The first contradiction, in a sentence; `nil` if there is none.
    func brokenRule(of entry: EventDirectory.Entry) -> String? {
        for (known, index) in zip(entry.catalogue.pools, reply.pools.indices) {
            let kept = reply.pools[index]
            let pool = "pool \(known.name) of \(entry.catalogue.code)"
            if kept.held != held[index] {
                return "\(pool) says \(kept.held) places are held, its holds say \(held[index])"
            }
            if kept.sold != sold[index] {
                return "\(pool) says \(kept.sold) places are sold, its purchases say \(sold[index])"
            }
        }
        if missing > 0 { return "\(missing) holds of \(entry.catalogue.code) are not there" }
        return strayed > 0 ? "\(strayed) payments of \(entry.catalogue.code) do not lead to their purchases" : nil
    }
}
