internal import ArgumentParser
internal import BoxOffice
internal import StrictJSON

/// The commands for debts: payments that bought nothing (R23 Debts).
struct Refunds: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refund",
        abstract: "List payments that bought nothing, and record which were paid back.",
        discussion: """
            EXAMPLES
              holdfast refund list                       for all events, removed ones included
              holdfast refund list friday --unconfirmed  payments that only a token reported
              holdfast refund paid-back H7 pay-7
            """,
        subcommands: [List.self, PaidBack.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the payments to pay back.")
        /// The number of entries in one request.
        private static let page = 1_000

        @Argument(help: "The event (default: all events).")
        var id: Code?

        @Flag(help: "List payments that only a token reported. They may be false, and are dropped after seven days.")
        var unconfirmed = false

        @OptionGroup(title: "Service") var service: ServiceOptions

        func run() async throws {
            try await Failure.reported {
                try await service.withClient { client in
                    let list = (id.map { "/v1/events/\($0)" } ?? "/v1") + "/reconciliation"
                    let path = list + (unconfirmed ? "/unconfirmed" : "")
                    var rows = [["HOLD", "EVENT", "PAYMENT", "REASON", "AMOUNT", "CURRENCY", "SINCE"]]
                    var cursor = ""
                    repeat {
                        let answer = try await client.ask(.get, "\(path)?limit=\(Self.page)\(cursor)")
                        guard answer.status == 200 else { throw answer.refusal(of: "the list of refunds") }
                        if service.json { print(answer.text) }
                        let document = try answer.document()
                        guard case .array(let refunds)? = document.member("refunds") else {
                            throw answer.refusal(of: "the list of refunds")
                        }
                        rows += refunds.map(Self.row)
                        cursor = document.member("next_cursor")?.text.map { "&cursor=\($0)" } ?? ""
                    } while !cursor.isEmpty
                    if service.json { return }
                    print(
                        rows.count == 1
                            ? "There is nothing to pay back." : Table.lines(rows, right: [4]).joined(separator: "\n"))
                }
            }
        }

        private static func row(_ refund: JSONValue) -> [String] {
            func text(_ name: String) -> String { (refund.member(name)?.text ?? "").printable }
            var amount = ""
            if case .integer(let total)? = refund.member("total") { amount = grouped(total) }
            return [
                text("hold"), text("event"), text("payment_reference"), text("reason"), amount, text("currency"),
                text("asked_at"),
            ]
        }
    }

    struct PaidBack: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "paid-back",
            abstract: "Record that a payment was paid back. It leaves the list, and buys nothing any more.")

        @Argument(help: "The hold, as the list shows it.")
        var hold: String

        @Argument(help: "The payment reference, as the list shows it.")
        var payment: String

        @OptionGroup var why: ReasonOption

        @OptionGroup(title: "Service") var service: ServiceOptions

        func validate() throws {
            guard hold.first == "H", hold.dropFirst().allSatisfy({ ("0"..."9").contains($0) }), hold.count > 1 else {
                throw ValidationError("the hold must be written as in the list, such as H7")
            }
            guard PaymentReference(payment) != nil else {
                throw ValidationError("a payment reference must have 1 to 255 bytes and no control characters")
            }
        }

        func run() async throws {
            try await Failure.reported {
                try await service.withClient { client in
                    var writer = JSONWriter(reserving: 64)
                    writer.object { $0.member("payment_reference", payment) }
                    let answer = try await client.ask(
                        .post, "/v1/holds/\(hold)/paid-back\(why.query)",
                        headers: [("Content-Type", "application/json")],
                        body: writer.bytes)
                    guard answer.status == 200 else { throw answer.refusal(of: "\(payment.printable) of \(hold)") }
                    print(service.json ? answer.text : "\(payment.printable) of \(hold) is paid back")
                }
            }
        }
    }
}
