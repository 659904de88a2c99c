internal import BoxOffice
internal import Foundation
internal import GRDB
internal import TicketStore

/// Writes a sale of a store of another kind as a ledger (R51 Moving a sale).
///
/// Such a store knows what became of each hold, and not what happened when. So the facts are not those that happened:
/// each hold comes with all that is left of its life at once. Their moments follow the time of day, so lists say what
/// they said before; the clock of live holds stands at the moment of the export. The table `moves` has the last of
/// these facts.
struct ArchiveWriter {
    private let queue: DatabaseQueue
    private let sale: any MovedSale
    /// The clock of the new ledger at its end.
    private let end: Timestamp
    private var office = BoxOffice(limits: Limits())
    private var next: UInt64 = 1
    private var lastHold: UInt64 = 0
    private var numbering = HoldNumbering()
    /// By number of the event.
    private var events: [UInt32: Event] = [:]
    private var erased: [(hold: HoldID, at: WallTime)] = []

    /// What was written of an event.
    private struct Event {
        /// The last one of the sale.
        var definition: EventDefinition
        var isPaused: Bool
        var isRemoved = false
        var isCancelled = false
        /// Definitions by the numbers of their terms for holds.
        var byTerms: [UInt16: EventDefinition] = [:]
        /// The terms that the next hold gets.
        var terms: UInt16
    }

    /// - Parameter end: what the clock of the new ledger shows at its end.
    init(_ sale: any MovedSale, to path: String, endingAt end: Timestamp) throws {
        self.sale = sale
        self.end = end
        var configuration = Configuration()
        // If the process dies, the file is not published.
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF") }
        queue = try DatabaseQueue(path: path, configuration: configuration)
        try LedgerSchema.migrator.migrate(queue)
    }

    mutating func write() async throws {
        try writeBindings()
        try await writeChanges()
        try await writeHolds()
        try await writeDebts()
        try finishEvents()
        let notes = try await writeNotes()
        try await writeKeys()
        try writeEnd(max(next - 1, notes))
        try queue.close()
    }

    /// A cancellation is final after this time, in milliseconds, and a move makes it final (R42 Cancelled event).
    private static let finalAfter = Limits.cancellationUndone.inMilliseconds

    private func moment(_ wall: WallTime) -> Timestamp {
        Timestamp(milliseconds: min(max(0, wall.milliseconds - ahead), end.milliseconds))
    }

    /// How far the time of day is ahead of the ledger's clock.
    private var ahead: Int64 { sale.exportedAt.milliseconds - end.milliseconds }

    // MARK: Facts

    /// Adds a fact to `batch` under the next number.
    private mutating func add(
        _ fact: Fact, at moment: Timestamp, _ catalogue: EventCatalogue? = nil, to batch: inout Ledger.Batch
    ) {
        batch.add(.init(recorded: RecordedFact(sequence: next, at: moment, fact: fact), catalogue: catalogue))
        next += 1
    }

    /// The connection's own function waits differently in a task.
    private func writing<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try queue.write(body)
    }

    private func write(_ batch: Ledger.Batch) throws {
        try writing { try FactWriter($0).write(batch) }
    }

    private func writeBindings() throws {
        try writing { db in
            try db.execute(
                sql: "INSERT INTO ledger (one, id, made_at, key_secret) VALUES (1, ?, ?, ?)",
                arguments: [Data(sale.identity), sale.exportedAt.milliseconds, Data(sale.keySecret)])
            try db.execute(sql: "INSERT INTO wall_clock (at, ahead) VALUES (0, ?)", arguments: [ahead])
            for series in sale.series where series.first.number < Self.firstOfOthers {
                try db.execute(
                    sql: "INSERT INTO series (first, mark, began_at) VALUES (?, ?, ?)",
                    arguments: [
                        Int64(clamping: series.first.number), Int64(bitPattern: series.mark),
                        sale.exportedAt.milliseconds,
                    ])
            }
            for (number, fingerprint) in sale.tokenKeys {
                try db.execute(
                    sql: "INSERT INTO token_keys VALUES (?, ?)", arguments: [Int64(number), Data(fingerprint)])
            }
        }
    }

    // MARK: Events

    private mutating func writeChanges() async throws {
        var batch = Ledger.Batch()
        for change in try await sale.changes() {
            switch change {
            case .defined(let definition, let isPaused): try define(definition, isPaused, &batch)
            case .removed(let code):
                guard let event = office.catalogue(of: code)?.event, office.restoreRemoval(of: event) else { continue }
                events[event]?.isRemoved = true
                add(.removed(event: event), at: end, to: &batch)
            case .cancelled(let code):
                if let event = office.catalogue(of: code)?.event { events[event]?.isCancelled = true }
            case .reinstated(let code):
                if let event = office.catalogue(of: code)?.event { events[event]?.isCancelled = false }
            }
        }
        try write(batch)
    }

    private mutating func define(_ definition: EventDefinition, _ isPaused: Bool, _ batch: inout Ledger.Batch) throws {
        office.restore(definition, paused: isPaused, sequence: next)
        guard let catalogue = office.catalogue(of: definition.id),
            let terms = office.terms(of: catalogue.event, at: next + 1)
        else { throw LedgerError.damaged("event \(definition.id) cannot be defined") }
        add(.defined(definition, paused: isPaused), at: end, catalogue, to: &batch)
        var event = events[catalogue.event] ?? Event(definition: definition, isPaused: isPaused, terms: terms)
        (event.definition, event.isPaused, event.terms) = (definition, isPaused, terms)
        event.byTerms[terms] = definition
        events[catalogue.event] = event
    }

    /// Makes the next hold of the event have these terms, where they are not those of the last definition. Types and
    /// pools stay.
    private mutating func setTerms(of index: UInt32, to terms: UInt16, _ batch: inout Ledger.Batch) throws {
        guard let event = events[index] else { throw LedgerError.damaged("there is no event \(index)") }
        // A removed event has no definition any more. Nothing of it was sold, and its holds have ended.
        guard event.terms != terms, !event.isRemoved, let like = event.byTerms[terms] else { return }
        var definition = event.definition
        (definition.holdTime, definition.clientGrace) = (like.holdTime, like.clientGrace)
        (definition.maximumExtensions, definition.latePayment) = (like.maximumExtensions, like.latePayment)
        definition.currency = like.currency
        let last = event.definition
        try define(definition, event.isPaused, &batch)
        events[index]?.definition = last
    }

    /// Puts the last definition in force, and cancels what was cancelled.
    private mutating func finishEvents() throws {
        var batch = Ledger.Batch()
        for (index, event) in events.sorted(by: { $0.key < $1.key }) where !event.isRemoved {
            if event.byTerms[event.terms] != event.definition { try define(event.definition, event.isPaused, &batch) }
            guard event.isCancelled else { continue }
            add(.cancelled(event: index), at: end.advanced(by: .milliseconds(-Self.finalAfter)), to: &batch)
        }
        try write(batch)
    }

    // MARK: Holds

    private mutating func writeHolds() async throws {
        // The closure cannot change `self` while it is being called.
        var writer = self
        try await sale.holds { holds in
            var batch = Ledger.Batch()
            for hold in holds { try writer.write(hold, &batch) }
            try writer.write(batch)
        }
        self = writer
        numbering.finish()
    }

    private mutating func write(_ hold: MovedHold, _ batch: inout Ledger.Batch) throws {
        try setTerms(of: hold.event, to: hold.terms, &batch)
        lastHold += 1
        let id = HoldID(lastHold)
        numbering.add(hold.id, as: id)
        let deadline = end.advanced(by: hold.left)
        let held = moment(hold.heldAt)
        let lines = OneOrMore(
            HeldLine(type: hold.lines.first.type, quantity: hold.lines.first.quantity, price: hold.lines.first.price),
            hold.lines.rest.map { HeldLine(type: $0.type, quantity: $0.quantity, price: $0.price) })
        add(
            .held(
                id,
                HeldFact(
                    event: hold.event, code: hold.code, lines: lines, deadline: deadline, buyer: hold.buyer, key: nil,
                    override: hold.override)),
            at: held, to: &batch)
        for _ in 0..<hold.extensions { add(.extended(id, deadline: deadline, key: nil), at: held, to: &batch) }
        if let note = hold.note {
            add(.corrected(id, Correction.State(buyer: hold.buyer, note: note)), at: held, to: &batch)
        }
        if let erasedAt = hold.erasedAt { erased.append((id, erasedAt)) }
        switch hold.state {
        case .held: return
        case .released: add(.released(id), at: held, to: &batch)
        case .purchased, .returned:
            let bought = hold.purchasedAt.map(moment) ?? held
            add(
                .purchased(
                    id, payment: hold.payment, late: hold.isLate, settles: false, seller: hold.seller),
                at: bought, to: &batch)
            for part in hold.parts { add(.returnedPart(id, part.part), at: moment(part.at), to: &batch) }
            let returned = hold.parts.flatMap { $0.part.lines.map { Int($0.quantity) } }.reduce(0, +)
            guard hold.state == .returned, returned < lines.reduce(0, { $0 + Int($1.quantity) }) else { return }
            add(.returned(id), at: hold.returnedAt.map(moment) ?? bought, to: &batch)
        }
    }

    // MARK: Everything else

    /// Writes debts and erasures. A debt with an erased payment is from before the erasure of its hold, any other one
    /// is from after it.
    private mutating func writeDebts() async throws {
        var writer = self
        try await sale.debts { debts in
            var batch = Ledger.Batch()
            for debt in debts where debt.payment.isErased { writer.write(debt, &batch) }
            try writer.write(batch)
        }
        var batch = Ledger.Batch()
        for (hold, at) in writer.erased { writer.add(.erased(hold, references: []), at: writer.moment(at), to: &batch) }
        // An erasure reads what was written before.
        try writer.write(batch)
        try await sale.debts { debts in
            var batch = Ledger.Batch()
            for debt in debts where !debt.payment.isErased { writer.write(debt, &batch) }
            try writer.write(batch)
        }
        self = writer
    }

    private mutating func write(_ debt: MovedDebt, _ batch: inout Ledger.Batch) {
        let (hold, at) = (numbering.kept(debt.hold), moment(debt.askedAt))
        add(
            .refundOwed(hold, payment: debt.payment, debt.reason, isConfirmed: debt.isConfirmed || debt.isPaidBack),
            at: at, to: &batch)
        if debt.isPaidBack { add(.paidBack(hold, payment: debt.payment), at: at, to: &batch) }
    }

    /// - Returns: the number of the last note.
    private func writeNotes() async throws -> UInt64 {
        var sequence: UInt64 = 0
        try await sale.notes { notes in
            try writing { db in
                for note in notes {
                    sequence += 1
                    try write(note, sequence, db)
                }
            }
        }
        return sequence
    }

    private func write(_ record: AuditRecord, _ sequence: UInt64, _ db: Database) throws {
        let event = record.event.flatMap { Code($0) }.flatMap { code in
            events.filter { $0.value.definition.id == code }.keys.max()
        }
        let note = record.note
        try db.execute(
            sql: """
                INSERT INTO audit (seq, at, key, name, action, subject, event, reason, differences, left_out)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                Int64(clamping: sequence), moment(record.at).milliseconds, note.key, note.name, note.action,
                note.subject,
                event.map { Int64($0) }, note.reason, note.differencesText, note.leftOut,
            ])
    }

    /// The key of a hold has the number of the hold's fact, and that of an extension the number of the extension's.
    private func writeKeys() async throws {
        var used: [HoldID: Int] = [:]
        try await sale.keys { keys in
            try writing { db in
                for use in keys where use.counts {
                    let hold = numbering.kept(use.hold)
                    let number = Int64(clamping: hold.number)
                    var sequence = try Int64.fetchOne(
                        db, sql: "SELECT seq FROM holds WHERE id = ?", arguments: [number])
                    if use.isExtension {
                        used[hold, default: 0] += 1
                        sequence = try Int64.fetchOne(
                            db, sql: "SELECT seq FROM extensions WHERE hold = ? AND number = ?",
                            arguments: [number, used[hold]])
                    }
                    guard let sequence else { continue }
                    // The digest of a request to extend contains the hold's number.
                    let print = use.isExtension ? Fingerprint.ofExtending(hold) : use.key.fingerprint
                    try db.execute(
                        sql: "INSERT INTO keys (seq, at, hold, fingerprint, high, low) VALUES (?, ?, ?, ?, ?, ?)",
                        arguments: [
                            sequence, max(0, end.advanced(by: .zero - use.age).milliseconds), number,
                            Int64(bitPattern: print), Int64(bitPattern: use.key.key.high),
                            Int64(bitPattern: use.key.key.low),
                        ])
                }
            }
        }
    }

    /// - Parameter last: the number of the last fact or note.
    private func writeEnd(_ last: UInt64) throws {
        try writing { db in
            try MovedNumbers.write(numbering, db)
            // Above all numbers of a ledger, so that the series of holds to come are below it.
            if let known = numbering.stretches.last?.known.number, known > lastHold {
                try db.execute(
                    sql: "INSERT INTO moved_series VALUES (?, ?)",
                    arguments: [
                        Int64(clamping: Self.firstOfOthers), Int64(bitPattern: sale.series.last?.mark ?? 0),
                    ])
            }
            try db.execute(sql: "INSERT INTO clock_mark (one, at) VALUES (1, ?)", arguments: [end.milliseconds])
            try db.execute(
                sql: "INSERT INTO moves (one, through, at) VALUES (1, ?, ?)",
                arguments: [Int64(clamping: last), end.milliseconds])
        }
    }

    /// The first number that a store on Redis gives (`HoldID.init(event:hold:)` there).
    private static let firstOfOthers: UInt64 = 1 << 42
}
