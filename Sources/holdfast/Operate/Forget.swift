internal import ArgumentParser
internal import BoxOffice
internal import StrictJSON
internal import TicketStore

/// Erases who bought and how it was paid (R41 Erasure).
struct Forget: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Erase a buyer, or who made a purchase, or an event's old sales; sums and places stay.",
        discussion: """
            Without --apply it only shows what it would do. Erased are buyer and payment references; what was sold, for how
            much, when, and who did what stays. A payment that comes again is still recognised. Nothing brings back what was
            erased, except a backup: `docs/operating.md` says what to do about those.

            A live hold is not erased, and neither is one for which a payment is owed back: `holdfast refund list`.

            EXAMPLES
              holdfast forget --buyer ann@example.org
              holdfast forget --buyer ann@example.org --apply
              holdfast forget --purchase P12 --apply
              holdfast forget --event main --before 2026-01-01T00:00:00Z --apply

            The exit status is 1 if something was in the way.
            """)

    @Option(help: "The buyer, written as in the purchases.")
    var buyer: String?

    @Option(help: "A purchase, such as P12.")
    var purchase: String?

    @Option(help: "The event: with --buyer only what they have of it, with --before its old sales.")
    var event: Code?

    @Option(help: "Everything of the event that was held before this moment, such as 2026-01-01T00:00:00Z.")
    var before: String?

    @Flag(help: "Erase it.")
    var apply = false

    @OptionGroup(title: "Service") var service: ServiceOptions

    func validate() throws {
        switch (buyer, purchase, event, before) {
        case (_?, nil, _, nil), (nil, nil, _?, _?), (nil, _?, nil, nil): break
        default: throw ValidationError("name --buyer, or --purchase, or --event with --before")
        }
        if let buyer, Buyer(buyer) == nil {
            throw ValidationError("a buyer must have 1 to 255 bytes and no control characters")
        }
        if let purchase, purchase.first != "P" || UInt64(purchase.dropFirst()) == nil {
            throw ValidationError("a purchase must be written as in the lists, such as P12")
        }
        if let before, WallTime(rfc3339: before) == nil {
            throw ValidationError("--before must be a moment, such as 2026-01-01T00:00:00Z")
        }
    }

    func run() async throws {
        try await Failure.reported {
            try await service.withClient { client in
                if let purchase { return try await erase(purchase, client) }
                try await sweep(client)
            }
        }
    }

    private func erase(_ purchase: String, _ client: ServiceClient) async throws {
        var writer = JSONWriter(reserving: 32)
        writer.object { $0.member("dry_run", !apply) }
        let answer = try await ask(client, "/v1/purchases/\(purchase)/erase", writer, what: purchase)
        if service.json { return print(answer.text) }
        print(apply ? "\(purchase) is erased" : "\(purchase) would be erased; --apply does it")
    }

    /// Asks for one page after the other, until there is none.
    private func sweep(_ client: ServiceClient) async throws {
        var (holds, purchases) = (Int64(0), Int64(0))
        var inTheWay: [String] = []
        var cursor: String?
        repeat {
            var writer = JSONWriter(reserving: 256)
            writer.object { writer in
                if let buyer { writer.member("buyer", buyer) }
                if let event { writer.member("event", event.text) }
                if let before { writer.member("before", before) }
                if let cursor { writer.member("cursor", cursor) }
                writer.member("dry_run", !apply)
            }
            let answer = try await ask(client, "/v1/erasures", writer, what: "what is to be erased")
            if service.json { print(answer.text) }
            let document = try answer.document()
            guard case .integer(let some)? = document.member("holds"),
                case .integer(let sold)? = document.member("purchases"),
                case .array(let obstacles)? = document.member("in_the_way")
            else { throw answer.refusal(of: "what is to be erased") }
            holds += some
            purchases += sold
            inTheWay += obstacles.map { obstacle in
                let hold = (obstacle.member("hold")?.text ?? "").printable
                let isLive = obstacle.member("reason")?.text == "hold_is_live"
                return "\(hold): " + (isLive ? "the hold is live" : "a payment is owed back for it")
            }
            cursor = document.member("next_cursor")?.text
        } while cursor != nil
        if !service.json {
            print(
                "\(grouped(holds)) holds, \(grouped(purchases)) of them purchases, "
                    + (apply ? "are erased" : "would be erased" + (holds > 0 ? "; --apply does it" : "")))
            for line in inTheWay { print(line) }
        }
        guard inTheWay.isEmpty else {
            throw Failure(
                "\(inTheWay.count) holds \(apply ? "were not" : "would not be") erased", status: Failure.atWork)
        }
    }

    private func ask(
        _ client: ServiceClient, _ path: String, _ body: JSONWriter, what: String
    ) async throws -> ServiceAnswer {
        let answer = try await client.ask(
            .post, path, headers: [("Content-Type", "application/json")], body: body.bytes)
        guard answer.status == 200 else { throw answer.refusal(of: what) }
        return answer
    }
}
