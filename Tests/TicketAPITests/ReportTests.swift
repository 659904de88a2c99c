import BoxOffice
import Testing
import TicketAPI
import TicketStore

/// R50 Reports: refusals, which only the process counts, and where a day begins.
@Suite("What a report says besides the facts")
struct ReportTests {
    @Test("Refused holds are counted by event and problem; unknown events and other calls are not")
    func refusals() throws {
        let connection = try TestConnection(CoreStore(places: 1))
        func ask(_ line: String, _ body: String = "") {
            connection.send(
                "\(line) HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nidempotency-key: a-key-of-16-bytes\r\n"
                    + "content-length: \(body.utf8.count)\r\n\r\n\(body)")
        }
        let two = #"{"lines":[{"type":"GA","quantity":2}]}"#
        ask("POST /v1/events/main/holds", two)
        ask("POST /v1/events/main/holds", two)
        ask("POST /v1/events/main/holds", #"{"lines":[{"type":"XX","quantity":2}]}"#)
        ask("POST /v1/events/other/holds", two)
        ask("GET /v1/events/main/availability")
        ask("POST /buy_ticket/GA")
        connection.send("POST /buy_ticket/GA HTTP/1.1\r\nhost: a\r\n\r\n")
        let statuses = connection.statuses
        #expect(statuses == [409, 409, 404, 404, 200, 200, 409])
        let main = try #require(Code("main"))
        let found = connection.service.figures.refusedHolds(of: main).map { "\($0.problem.code) \($0.count)" }
        #expect(found == ["unknown-ticket-type 1", "temporarily-held 1", "insufficient-quantity 2"])
        #expect(try connection.service.figures.refusedHolds(of: #require(Code("other"))).isEmpty)
    }

    @Test("A day begins where the offset says")
    func offsets() {
        let good = ["Z": 0, "z": 0, "+00:00": 0, "+02:00": 120, " 05:45": 345, "-03:30": -210, "+14:00": 840]
        for (text, minutes) in good { #expect(UTCOffset(text)?.minutes == minutes, "\(text)") }
        for text in ["", "2", "+2:00", "+02:60", "+14:01", "-14:01", "+0200", "+02:00 ", "x02:00", "+a2:00", "+02-00"] {
            #expect(UTCOffset(text) == nil, "\(text)")
        }
        #expect(UTCOffset("-03:30")?.text == "-03:30")
        #expect(UTCOffset("Z")?.text == "+00:00")
    }

    @Test("CSV has one row for each figure")
    func csv() throws {
        let event = try #require(Code("hall"))
        var account = ReportAccount(event: event, utcOffset: 0, at: WallTime(milliseconds: 0))
        account.take(
            SaleEntry(
                id: HoldID(1), state: .purchased, currency: "EUR",
                lines: [SoldLine(type: "GA", quantity: 2, price: 1_000)], heldAt: WallTime(milliseconds: 0),
                purchasedAt: WallTime(milliseconds: 40)))
        let lines = String(decoding: ReportDocument.csv(account.report, nil), as: UTF8.self).split(separator: "\r\n")
        #expect(lines.first == "section,name,price,currency,figure,value")
        for row in [
            "holds,,,,made,1", "holds,,,,conversion_permille,1000", "total,,,EUR,gross,2000",
            "type,GA,1000,EUR,sold,2", "day,1970-01-01,,EUR,kept_amount,2000", "hold_to_purchase,,,,p99_ms,40",
        ] {
            #expect(lines.contains(Substring(row)), "\(row)")
        }
        #expect(lines.allSatisfy { $0.split(separator: ",", omittingEmptySubsequences: false).count == 6 })
    }
}
