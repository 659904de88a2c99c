internal import ArgumentParser
internal import BoxOffice
internal import StrictJSON
internal import TicketStore

/// The commands for the events of a running service.
struct Events: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "event",
        abstract: "Define, show, pause, cancel and change the events of a running service.",
        discussion: """
            The service is at --url, or at HOLDFAST_URL, or at http://127.0.0.1:8000. A
            change needs an operator's key, in HOLDFAST_KEY or in a file (--key-file).
            `holdfast key create` makes one.

            EXAMPLES
              holdfast event define friday.json saturday.json   make or replace events
              holdfast event show friday
              holdfast event pause friday
              holdfast event cancel friday --reason "The singer is ill"
              holdfast event capacity friday floor +100
              HOLDFAST_URL=https://tickets.example holdfast event list --json
            """,
        subcommands: [
            EventDefine.self, List.self, Show.self, Pause.self, Resume.self, Cancel.self, Reinstate.self,
            EventCapacity.self,
        ])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the events, and the state of their sales.")

        @OptionGroup(title: "Service") var service: ServiceOptions

        func run() async throws {
            try await Failure.reported {
                try await service.withClient { client in
                    let answer = try await client.ask(.get, "/v1/events")
                    guard answer.status == 200 else { throw answer.refusal(of: "the list of events") }
                    if service.json { return print(answer.text) }
                    guard case .array(let events)? = try answer.document().member("events") else {
                        throw answer.refusal(of: "the list of events")
                    }
                    let rows = events.map { event in
                        ["id", "state", "name"].map { (event.member($0)?.text ?? "").printable }
                    }
                    print(Table.lines([["EVENT", "STATE", "NAME"]] + rows).joined(separator: "\n"))
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show an event: its sale, its pools, its ticket types, and what is left.")

        @Argument(help: "The event.")
        var id: Code

        @OptionGroup(title: "Service") var service: ServiceOptions

        func run() async throws {
            try await Failure.reported {
                try await service.withClient { client in
                    let event = try await client.knownEvent(id)
                    if service.json { return print(event.text) }
                    let left = try await client.left(of: id)
                    print(event.sheet(left).joined(separator: "\n"))
                }
            }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stop selling an event for now.",
            discussion: "Nobody gets a new hold. Live holds can still be purchased.")

        @Argument(help: "The event.")
        var id: Code

        @OptionGroup var why: ReasonOption

        @OptionGroup(title: "Service") var service: ServiceOptions

        func run() async throws {
            try await service.pause(id, true, why)
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Sell a paused event again.")

        @Argument(help: "The event.")
        var id: Code

        @OptionGroup var why: ReasonOption

        @OptionGroup(title: "Service") var service: ServiceOptions

        func run() async throws {
            try await service.pause(id, false, why)
        }
    }
}

extension ServiceOptions {
    /// Cancels or reinstates an event (R42 Cancelled event).
    func set(_ id: Code, _ verb: String, _ why: ReasonOption, _ result: String) async throws {
        try await Failure.reported {
            try await withClient { client in
                let answer = try await client.ask(.post, "/v1/events/\(id)/\(verb)\(why.query)")
                guard answer.status == 200 else { throw answer.refusal(of: id.text) }
                let event = try EventOnService(answer)
                print(json ? event.text : "\(id) \(result); its sale is \(event.state.printable)")
            }
        }
    }

    /// Pauses or resumes an event, even if something else of it changed in between.
    fileprivate func pause(_ id: Code, _ isPaused: Bool, _ why: ReasonOption) async throws {
        try await Failure.reported {
            try await withClient { client in
                let wanted = JSONValue.object([JSONValue.Member("paused", .boolean(isPaused))])
                let (event, answer) = try await client.patch(id, ifMatch: "*", wanted, why)
                guard let event else { throw answer.refusal(of: id.text) }
                print(
                    json
                        ? event.text
                        : isPaused ? "\(id) is paused" : "\(id) is not paused; its sale is \(event.state.printable)")
            }
        }
    }
}

extension ServiceClient {
    /// What is left of each type: a number, or a word if the event does not disclose numbers.
    fileprivate func left(of id: Code) async throws -> [String: String] {
        let answer = try await ask(.get, "/v1/events/\(id)/availability")
        guard answer.status == 200, case .array(let types)? = try answer.document().member("types") else {
            throw answer.refusal(of: id.text)
        }
        var left: [String: String] = [:]
        for type in types {
            guard let code = type.member("type")?.text else { continue }
            if case .integer(let free)? = type.member("free") {
                left[code] = grouped(free)
            } else {
                left[code] = (type.member("state")?.text ?? "").printable
            }
        }
        return left
    }
}

extension EventOnService {
    private static func words(_ checkout: EventDefinition.Checkout?) -> String {
        switch checkout {
        case .demo: "by demonstration: nobody pays"
        case .free: "nothing"
        case .url(let address): "at \(address)"
        case nil: "only what costs nothing"
        }
    }

    private static let withoutPaying =
        "anyone with the token, so buyers need not pay (\"completion\": \"shop\" changes that)"

    /// The lines that show the event.
    fileprivate func sheet(_ left: [String: String]) -> [String] {
        let event = definition
        let opens = event.opensAt.map { "from \($0.rfc3339)" } ?? "from the start"
        let closes = event.closesAt.map { "until \($0.rfc3339)" } ?? "without an end"
        let bounds = [
            "\(event.ticketsPerHold) tickets a hold", event.ticketsPerBuyer.map { "\($0) tickets a buyer" },
            event.holdsPerBuyer.map { "\($0) holds a buyer" },
        ]
        var lines = Table.lines([
            ["event", event.id.text], ["name", event.name.printable],
            ["state", state.printable + (isPaused && state != "paused" ? ", and paused" : "")],
            ["revision", tag.printable], ["sale", "\(opens), \(closes)"],
            [
                "holds",
                "for \(grouped(event.holdTime.components.seconds)) s and \(event.clientGrace.components.seconds) s grace, "
                    + "extended \(event.maximumExtensions) times at most",
            ],
            ["limits", bounds.compactMap(\.self).joined(separator: ", ")],
            ["late payment", event.latePayment.rawValue],
            [
                "completed by",
                event.completion == .shop
                    ? "the shop" : event.buyersCompleteForNothing ? Self.withoutPaying : "anyone with the token",
            ],
            ["paid on pages", Self.words(event.checkout)],
            ["disclosed", event.disclosure.rawValue],
        ])
        lines.append("")
        lines += Table.lines(
            [["POOL", "PLACES"]] + event.pools.map { [$0.code.text, showsCapacities ? grouped($0.capacity) : "-"] },
            right: [1])
        let allocations = event.pools.flatMap { pool in
            pool.allocations.map { allocation in
                [
                    allocation.code.text, pool.code.text, grouped(allocation.places),
                    allocation.releasedAt?.rfc3339 ?? "by hand",
                ]
            }
        }
        if !allocations.isEmpty {
            lines.append("")
            lines += Table.lines([["ALLOCATION", "POOL", "PLACES", "RELEASED"]] + allocations, right: [2])
        }
        lines += Self.batches(of: event)
        lines.append("")
        let types = event.types.map { type in
            [
                type.code.text, grouped(type.price), left[type.code.text] ?? "-",
                type.pools.map(\.text).joined(separator: " "), type.name.printable,
            ]
        }
        // Minor units, because the number of decimals differs by currency.
        lines += Table.lines(
            [["TYPE", "PRICE (MINOR \(event.currency))", "LEFT", "POOLS", "NAME"]] + types, right: [1, 2])
        return lines
    }

    /// The batches of access codes.
    private static func batches(of event: EventDefinition) -> [String] {
        guard !event.codes.isEmpty else { return [] }
        let rows = event.codes.map { batch in
            [
                batch.name.text, grouped(batch.count), grouped(batch.tickets),
                batch.isRevoked ? "all" : grouped(batch.revoked.count),
            ]
        }
        return [""] + Table.lines([["CODES", "COUNT", "TICKETS EACH", "REVOKED"]] + rows, right: [1, 2, 3])
    }
}
