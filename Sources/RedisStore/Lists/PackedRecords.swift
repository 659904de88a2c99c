internal import BoxOffice
internal import NIOCore
internal import TicketStore

/// A hold as `pack_record` wrote it (`Lua/holds.lua`).
struct PackedRecord {
    var state: HoldState
    var isLate: Bool
    var buyer: String?
    var lines: OneOrMore<HeldLine>
    /// Which of its event's terms it was made under.
    var terms: UInt16 = 0
    var payment: String?
    /// When it was purchased, or a refund of it was first owed.
    var endedAt = WallTime(milliseconds: 0)
    var returnedAt: WallTime?

    init(_ reader: inout PackedReader) throws(PackedMistake) {
        let head = try reader.byte()
        // A release before this one wrote a state of its own for holds for which a payment was owed back.
        let wasOwed = head == RecordMark.owed.rawValue
        guard let state = wasOwed ? .held : HoldState(rawValue: head % RecordMark.withTerms.rawValue) else {
            throw PackedMistake()
        }
        self.state = state
        isLate = try reader.byte() == 1
        _ = try reader.byte()
        _ = try reader.number()
        _ = try reader.number()
        let name = try reader.text()
        buyer = name.isEmpty ? nil : name
        lines = try reader.lines()
        // Lua counts from 1.
        if head >= RecordMark.withTerms.rawValue { terms = try reader.short() - 1 }
        guard state != .held && state != .released || wasOwed else { return }
        endedAt = WallTime(milliseconds: Int64(try reader.number()))
        let returned = try reader.number()
        if state == .returned { returnedAt = WallTime(milliseconds: Int64(returned)) }
        let text = try reader.text()
        payment = text.isEmpty ? nil : text
    }

    func soldLines(of entry: EventDirectory.Entry) -> [SoldLine] {
        let types = entry.catalogue.types
        return lines.map { line in
            let index = Int(line.type)
            let code = types.indices.contains(index) ? types[index].code.text : ""
            return SoldLine(type: code, quantity: Int(line.quantity), price: line.price)
        }.map { $0 }
    }

    func purchase(_ hold: HoldID, of entry: EventDirectory.Entry) -> PurchaseRecord {
        PurchaseRecord(
            hold: hold, event: entry.catalogue.code.text, currency: entry.catalogue.currency(ofTerms: terms),
            lines: soldLines(of: entry), buyer: buyer, payment: payment, isLate: isLate, purchasedAt: endedAt,
            returnedAt: returnedAt)
    }
}

/// An entry of the list of debts, as `owe` wrote it (`Lua/debts.lua`). It counts while the payment's use says the same.
struct PackedRefund {
    var hold: UInt64
    var askedAt: WallTime
    var payment: String
    var reason = DebtReason.placesGone
    var isConfirmed = true
    /// A release before this one wrote it.
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

    /// Whether it still is owed for that hold of `event`.
    ///
    /// - Parameters:
    ///   - use: what became of the payment, as the event has it.
    ///   - since: unconfirmed ones from then on count.
    func counts(by use: ByteBuffer?, event: UInt64, since: WallTime) throws(PackedMistake) -> Bool {
        guard let use else { return false }
        if isOld { return use.readableBytesView.elementsEqual("\(event).\(hold)".utf8) }
        guard let debt = try PackedDebt(use) else { return false }
        return debt.event == event && debt.hold == hold && debt.wall == askedAt && debt.isConfirmed == isConfirmed
            && (isConfirmed || askedAt > since)
    }
}

/// A debt as it stands with its payment.
struct PackedDebt {
    var event: UInt64
    var hold: UInt64
    var wall: WallTime
    var isConfirmed: Bool

    /// `nil` if the payment bought something or was paid back.
    init?(_ use: ByteBuffer) throws(PackedMistake) {
        var reader = PackedReader(use)
        guard try reader.byte() == UInt8(ascii: "!") else { return nil }
        event = try reader.count()
        hold = try reader.count()
        wall = WallTime(milliseconds: Int64(try reader.number()))
        _ = try reader.byte()
        isConfirmed = try reader.byte() == 1
    }
}

extension AuditRecord {
    /// An entry as `save_notes` wrote it.
    init(packed bytes: ByteBuffer, event: UInt64) throws(PackedMistake) {
        var reader = PackedReader(bytes)
        let score = try reader.count()
        let at = WallTime(milliseconds: Int64(try reader.number()))
        var texts: [String] = []
        for _ in 0..<4 { texts.append(try reader.longText()) }
        self.init(
            sequence: AuditNumber(score: score, event: event).sequence, at: at,
            note: AuditNote(key: texts[0], name: texts[1], action: texts[2], subject: texts[3]))
    }
}

/// A step of a recount.
enum TallyStep {
    case counted(Tally)
    /// More came free by itself than one call counts: begin again.
    case unsettled
    /// Somebody else's recount of the event is under way.
    case busy
    /// The server was away meanwhile, or this one made no step for long: it is to begin anew.
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

/// What a recount found of the holds of an event, beside what the event said when it began.
struct Tally {
    /// That of the first step.
    let reply: CallReply
    /// Where the next step goes on; 0 if all was counted.
    var next: UInt64
    var facts: UInt64
    /// Payments that do not lead back to the hold that they bought.
    var strayed: Int
    /// Holds that were given and are not there.
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
        // Pools that were made meanwhile had nothing when it began.
        for pool in held.indices where step.held.indices.contains(pool) {
            held[pool] += step.held[pool]
            sold[pool] += step.sold[pool]
        }
    }

    func counts(of entry: EventDirectory.Entry) -> [PoolCount] {
        zip(entry.catalogue.pools, reply.pools.indices).map { known, pool in
            let kept = reply.pools[pool]
            let promised = held[pool] + sold[pool]
            return PoolCount(
                event: entry.catalogue.code, pool: known.code, capacity: kept.capacity,
                free: max(0, kept.capacity - promised), held: held[pool], sold: sold[pool],
                oversubscribed: max(0, promised - kept.capacity), isClosed: kept.isClosed)
        }
    }

    /// The first rule that is broken, in a sentence.
    func brokenRule(of entry: EventDirectory.Entry) -> String? {
        for (known, pool) in zip(entry.catalogue.pools, reply.pools.indices) {
            let kept = reply.pools[pool]
            let place = "pool \(known.code) of \(entry.catalogue.code)"
            if kept.held != held[pool] {
                return "\(place) says \(kept.held) places are held, its holds say \(held[pool])"
            }
            if kept.sold != sold[pool] {
                return "\(place) says \(kept.sold) places are sold, its purchases say \(sold[pool])"
            }
        }
        if missing > 0 { return "\(missing) holds of \(entry.catalogue.code) are not there" }
        return strayed > 0 ? "\(strayed) payments of \(entry.catalogue.code) do not lead to their purchases" : nil
    }
}
