internal import BoxOffice
internal import StrictJSON
internal import TicketStore

/// The recount as JSON.
enum SalesDocuments {
    static func recount(_ recount: Recount, took: Duration) -> [UInt8] {
        var writer = JSONWriter(reserving: 1_024)
        let holds = recount.broken == nil && recount.pools.allSatisfy(\.balances)
        writer.object { writer in
            writer.member("holds_true", holds)
            writer.member("broken", recount.broken)
            writer.member("facts", recount.facts)
            writer.member("took_ms", took.inMilliseconds)
            writer.member("events") { writer in
                writer.array { writer in
                    var rest = recount.pools[...]
                    while let event = rest.first?.event {
                        let pools = rest.prefix { $0.event == event }
                        rest = rest.dropFirst(pools.count)
                        writer.object { writer in
                            writer.member("event", event.text)
                            writer.member("pools") { writer in
                                writer.array { writer in
                                    for pool in pools {
                                        writer.object { writer in
                                            writer.numbers(of: pool)
                                            writer.member("balanced", pool.balances)
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        return writer.bytes
    }

    static func paidBack(_ payment: PaymentReference, of hold: HoldID) -> [UInt8] {
        var writer = JSONWriter(reserving: 128)
        writer.object { writer in
            writer.member("hold", hold.public)
            writer.member("payment_reference", payment.text)
            writer.member("state", "paid_back")
        }
        return writer.bytes
    }

}

extension JSONWriter {
    /// The numbers of a pool or an allocation, as members of an object.
    mutating func numbers(of pool: PoolCount) {
        member("pool", pool.pool.whole.text)
        if let allocation = pool.pool.allocation { member("allocation", allocation.text) }
        member("capacity", pool.capacity)
        member("free", pool.free)
        member("held", pool.held)
        member("sold", pool.sold)
        member("oversubscribed", pool.oversubscribed)
    }

    /// - Parameter codes: makes the texts of access codes, for callers who may see them (R46 Access codes).
    mutating func purchase(_ purchase: PurchaseRecord, codes: AccessCodeMint?) {
        object { writer in
            writer.member("id", purchase.hold.purchase)
            writer.member("hold", purchase.hold.public)
            writer.member("event", purchase.event)
            writer.member("state", purchase.state)
            writer.lines(purchase.lines, showsReturned: true)
            writer.member("total", purchase.total)
            writer.member("returned_total", purchase.returnedTotal)
            writer.member("kept_total", purchase.keptTotal)
            writer.member("currency", purchase.currency)
            writer.member("buyer", purchase.buyer)
            writer.member("payment_reference", purchase.payment)
            writer.member("late", purchase.isLate)
            writer.member("purchased_at", purchase.purchasedAt)
            writer.member("returned_at", purchase.returnedAt)
            writer.member("erased_at", purchase.erasedAt)
            writer.member("note", purchase.note)
            writer.member("sold_by", purchase.soldBy?.text)
            writer.door(purchase.code, purchase.override, of: purchase.event, codes)
        }
    }

    /// What a hold was made with at the door, as members of an object: its access code, and what did not count for it.
    mutating func door(_ code: SaleCode?, _ override: Override, of event: String, _ codes: AccessCodeMint?) {
        member("code") { writer in
            guard let code else { return writer.value(nil as String?) }
            writer.object { writer in
                writer.member("batch", code.batch)
                writer.member("number", code.number)
                if let codes, let batch = Code(code.batch), let event = Code(event) {
                    writer.member("text", codes.text(of: code.number, in: batch, of: event))
                }
            }
        }
        member("override") { writer in
            writer.array { writer in
                for check in override.checks { writer.value("\(check)") }
            }
        }
    }

    mutating func refund(_ refund: RefundRecord) {
        object { writer in
            writer.member("hold", refund.hold.public)
            writer.member("event", refund.event)
            writer.member("payment_reference", refund.payment)
            writer.member("reason", refund.reason.word)
            writer.member("confirmed", refund.isConfirmed)
            writer.member("asked_at", refund.askedAt)
            writer.lines(refund.lines)
            writer.member("total", refund.total)
            writer.member("currency", refund.currency)
            writer.member("buyer", refund.buyer)
        }
    }

    mutating func lines(_ lines: [SoldLine], showsReturned: Bool = false) {
        member("lines") { writer in
            writer.array { writer in
                for line in lines {
                    writer.object { writer in
                        writer.member("type", line.type)
                        if let allocation = line.allocation { writer.member("allocation", allocation) }
                        writer.member("quantity", line.quantity)
                        writer.member("price", line.price)
                        if showsReturned { writer.member("returned", line.returned) }
                    }
                }
            }
        }
    }
}

extension DebtReason {
    /// The state in lists.
    var word: String {
        switch self {
        case .placesGone: "places_gone"
        case .late: "late"
        case .alreadyPurchased: "already_purchased"
        case .released: "released"
        case .returned: "returned"
        case .eventRemoved: "event_removed"
        case .notOnSale: "not_on_sale"
        case .eventCancelled: "event_cancelled"
        }
    }
}

extension AccessCodeMint {
    /// The text of the access code that a purchase was made with; `nil` if it was made with none.
    fileprivate func text(of purchase: PurchaseRecord) -> String? {
        guard let code = purchase.code, let batch = Code(code.batch), let event = Code(purchase.event) else {
            return nil
        }
        return text(of: code.number, in: batch, of: event)
    }
}

extension PurchaseRecord {
    var state: String { returnedAt == nil ? "purchased" : "returned" }
}

/// A format of the export of all purchases.
package enum ExportForm: Sendable {
    /// One row for each line of a purchase (RFC 4180). A spreadsheet calculates a field that begins like a formula, and some
    /// fields come from buyers: unless formulas are kept, such a field gets an apostrophe in front.
    case csv(keepsFormulas: Bool)
    /// One JSON object for each purchase, as in the list.
    case ndjson

    /// The format that an `Accept` names; nil for a page of JSON.
    init?(accept: String?, keepsFormulas: Bool = false) {
        let types = (accept ?? "").split(separator: ",").map { part in
            (part.split(separator: ";").first ?? "").filter { $0 != " " }.lowercased()
        }
        if types.contains("text/csv") {
            self = .csv(keepsFormulas: keepsFormulas)
        } else if types.contains("application/x-ndjson") {
            self = .ndjson
        } else {
            return nil
        }
    }

    var mediaType: String {
        switch self {
        case .csv: "text/csv; charset=utf-8; header=present"
        case .ndjson: "application/x-ndjson"
        }
    }

    var suffix: String {
        switch self {
        case .csv: "csv"
        case .ndjson: "ndjson"
        }
    }

    var head: [UInt8] {
        switch self {
        case .csv:
            Array(
                """
                purchase,hold,event,state,type,quantity,price,total,currency,buyer,payment_reference,late,purchased_at,\
                returned_at,allocation,returned,returned_total,kept_total,note,sold_by,code_batch,\
                code_number,code_text,override,erased_at\r\n
                """.utf8)
        case .ndjson: []
        }
    }

    func write(_ purchase: PurchaseRecord, codes: AccessCodeMint?, to text: inout [UInt8]) {
        switch self {
        case .ndjson:
            var writer = JSONWriter(reserving: 384)
            writer.purchase(purchase, codes: codes)
            text += writer.bytes
            text.append(UInt8(ascii: "\n"))
        case .csv(let keepsFormulas):
            for line in purchase.lines {
                let fields: [String] = [
                    purchase.hold.purchase, purchase.hold.public, purchase.event, purchase.state, line.type,
                    "\(line.quantity)", "\(line.price)", "\(line.total)", purchase.currency,
                    purchase.buyer ?? "", purchase.payment ?? "", purchase.isLate ? "true" : "false",
                    purchase.purchasedAt.rfc3339, purchase.returnedAt?.rfc3339 ?? "", line.allocation ?? "",
                    "\(line.returned)", "\(line.returnedTotal)", "\(line.total - line.returnedTotal)",
                    purchase.note ?? "", purchase.soldBy?.text ?? "", purchase.code?.batch ?? "",
                    purchase.code.map { "\($0.number)" } ?? "", codes?.text(of: purchase) ?? "",
                    purchase.override.checks.map { "\($0)" }.joined(separator: " "), purchase.erasedAt?.rfc3339 ?? "",
                ]
                Self.write(fields, keepsFormulas: keepsFormulas, to: &text)
            }
        }
    }

    /// A row of CSV.
    package static func write(_ fields: [String], keepsFormulas: Bool, to text: inout [UInt8]) {
        let written = fields.map { quoted(keepsFormulas ? $0 : neutralised($0)) }
        text += Array((written.joined(separator: ",") + "\r\n").utf8)
    }

    /// Characters that make a spreadsheet read a field as a formula (OWASP, CSV Injection), also in the wide forms of East
    /// Asian keyboards.
    private static let formulaStarts: Set<Unicode.Scalar> = [
        "=", "+", "-", "@", "\t", "\r", "\n", "\u{ff1d}", "\u{ff0b}", "\u{ff0d}", "\u{ff20}",
    ]

    private static func neutralised(_ field: String) -> String {
        field.unicodeScalars.first.map(formulaStarts.contains) ?? false ? "'" + field : field
    }

    /// A field as CSV writes it, in quotes if it needs them.
    private static func quoted(_ field: String) -> String {
        let needsQuotes = field.utf8.contains { [0x22, 0x2c, 0x0a, 0x0d].contains($0) }
        return needsQuotes
            ? "\""
                + field.split(separator: "\"", omittingEmptySubsequences: false)
                .joined(separator: "\"\"") + "\"" : field
    }
}
