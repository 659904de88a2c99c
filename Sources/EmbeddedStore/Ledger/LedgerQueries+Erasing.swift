internal import BoxOffice
internal import GRDB
internal import TicketStore

extension LedgerQueries {
    /// Holds that one page looks at: some milliseconds of reading.
    private static let holdsLookedAt: Int64 = 50_000

    /// The holds of a scope that have something to erase (R41 Erasure).
    func erasable(_ scope: ErasureScope, after hold: HoldID?) async throws -> ErasurePage {
        try await read { db in
            let newest = try Int64.fetchOne(db, sql: "SELECT max(id) FROM holds") ?? 0
            var first = min(newest, Int64(clamping: hold?.number ?? 0))
            var last = min(newest, first + Self.holdsLookedAt)
            if case .hold(let only) = scope {
                last = Int64(clamping: only.number)
                first = last - 1
            }
            let (condition, arguments) = try Self.condition(scope, db)
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT h.id, h.at, p.payment, p.hold IS NOT NULL AS sold
                    FROM holds h CROSS JOIN named_holds n ON n.hold = h.id LEFT JOIN purchases p ON p.hold = h.id
                    WHERE h.id > :first AND h.id <= :last AND \(condition) AND (
                      h.buyer IS NOT NULL OR n.buyer IS NOT NULL OR n.note IS NOT NULL
                      OR p.payment IS NOT NULL AND unicode(p.payment) <> 1
                      OR EXISTS (SELECT 1 FROM part_returns r WHERE r.hold = h.id AND r.reason IS NOT NULL)
                      OR EXISTS (SELECT 1 FROM corrections c WHERE c.hold = h.id
                        AND (c.buyer IS NOT NULL OR c.note IS NOT NULL))
                      OR EXISTS (SELECT 1 FROM refunds r WHERE r.hold = h.id AND unicode(r.payment) <> 1))
                    ORDER BY h.id LIMIT :most
                    """,
                arguments: ["first": first, "last": last, "most": ErasurePage.most] + arguments)
            let moments = try Moments(db)
            var holds: [ErasableHold] = []
            for row in rows {
                if case .event(_, let moment) = scope, moments.wall(row["at"]) >= moment { continue }
                let number: Int64 = row["id"]
                let reported = try String.fetchAll(
                    db, sql: "SELECT DISTINCT payment FROM refunds WHERE hold = ?", arguments: [number])
                let payments = Set(reported + ((row["payment"] as String?).map { [$0] } ?? []))
                holds.append(
                    ErasableHold(
                        hold: HoldID(UInt64(clamping: number)), isSold: row["sold"],
                        references: payments.sorted().compactMap { PaymentReference($0) }))
            }
            if case .hold = scope { return ErasurePage(holds: holds, behind: nil) }
            let end = rows.count == ErasurePage.most ? rows.last.map { $0["id"] as Int64 } ?? last : last
            return ErasurePage(holds: holds, behind: end < newest ? HoldID(UInt64(clamping: end)) : nil)
        }
    }

    private static func condition(_ scope: ErasureScope, _ db: Database) throws -> (String, StatementArguments) {
        switch scope {
        case .hold: return ("1", [:])
        case .buyer(let buyer, nil): return ("n.buyer = :buyer", ["buyer": buyer.text])
        case .buyer(let buyer, let event?):
            return ("n.buyer = :buyer AND h.event IN (\(try numbers(of: event, db)))", ["buyer": buyer.text])
        case .event(let event, _): return ("h.event IN (\(try numbers(of: event, db)))", [:])
        }
    }

    /// Of all events that ever had the code.
    private static func numbers(of event: Code, _ db: Database) throws -> String {
        try Int64.fetchAll(
            db, sql: "SELECT DISTINCT event FROM definitions WHERE json_extract(document, '$.id') = ?",
            arguments: [event.text]
        ).map(String.init).joined(separator: ", ")
    }
}
