internal import ArgumentParser
internal import BoxOffice
internal import StrictJSON

/// What is to be paid back: payments that came and bought nothing.
struct Refunds: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refund",
        abstract: "List payments that bought nothing, and note which were paid back.",
        discussion: """
            EXAMPLES
              holdfast refund list                       of all events, removed ones too
              holdfast refund list friday --unconfirmed  what only a hold's token told of
              holdfast refund paid-back H7 pay-7
            """,
        subcommands: [List.self, PaidBack.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List what is to be paid back.")
        /// Entries that one request asks for.
        private static let page = 1_000

        @Argument(help: "The event; all of them without.")
        var id: Code?

        @Flag(help: "Those that only a hold's token told of, which may be made up and are dropped after seven days.")
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
                            ? "nothing is to be paid back" : Table.lines(rows, right: [4]).joined(separator: "\n"))
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
            abstract: "Note that a payment was paid back: it is off the list, and buys nothing more.")

        @Argument(help: "The hold, as the list has it.")
        var hold: String

        @Argument(help: "The payment reference, as the list has it.")
        var payment: String

        @OptionGroup(title: "Service") var service: ServiceOptions

        func validate() throws {
            guard hold.first == "H", hold.dropFirst().allSatisfy({ ("0"..."9").contains($0) }), hold.count > 1 else {
                throw ValidationError("the hold is written as the list has it, such as H7")
            }
            guard PaymentReference(payment) != nil else {
                throw ValidationError("a payment reference has 1 to 255 bytes and no control characters")
            }
        }

        func run() async throws {
            try await Failure.reported {
                try await service.withClient { client in
                    var writer = JSONWriter(reserving: 64)
                    writer.object { $0.member("payment_reference", payment) }
                    let answer = try await client.ask(
                        .post, "/v1/holds/\(hold)/paid-back", headers: [("Content-Type", "application/json")],
                        body: writer.bytes)
                    guard answer.status == 200 else { throw answer.refusal(of: "\(payment.printable) of \(hold)") }
                    print(service.json ? answer.text : "\(payment.printable) of \(hold) is paid back")
                }
            }
        }
    }
}
