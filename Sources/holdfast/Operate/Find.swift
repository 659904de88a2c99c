internal import ArgumentParser
internal import BoxOffice
internal import StrictJSON
internal import TicketAPI

/// Finds holds and purchases of a running service (R47 Search).
struct Find: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Find holds and purchases by what you know of them.",
        discussion: """
            The newest hold comes first. Times are as in RFC 3339, and mean when the hold was made.

            EXAMPLES
              holdfast find --buyer ann@example.org
              holdfast find --payment pay-7
              holdfast find --event friday --state held --type VIP
              holdfast find --event friday --from 2026-11-24T18:00:00Z --most 1000
              holdfast hold show H12
              holdfast purchase show P12
            """)

    /// The most holds in one request.
    private static let page = 1_000

    @Option(help: "Only holds of this buyer.")
    var buyer: String?

    @Option(help: "Only the hold of this payment reference.")
    var payment: String?

    @Option(help: "Only holds of this event.")
    var event: Code?

    @Option(help: "Only holds in this state: held, purchased, released, expired or returned.")
    var state: String?

    @Option(help: "Only holds with this ticket type of the event.")
    var type: Code?

    @Option(help: "Only holds that were made at this moment or later.")
    var from: String?

    @Option(help: "Only holds that were made before this moment.")
    var to: String?

    @Option(help: "How many holds to list at most.")
    var most = 100

    @OptionGroup(title: "Service") var service: ServiceOptions

    func validate() throws {
        if most < 1 { throw ValidationError("--most must be 1 or more") }
        if type != nil, event == nil { throw ValidationError("--type needs --event: each event has its own types") }
    }

    func run() async throws {
        try await Failure.reported {
            try await service.withClient { client in
                var rows = [["HOLD", "EVENT", "STATE", "TICKETS", "TOTAL", "CURRENCY", "BUYER", "PAYMENT", "HELD AT"]]
                var cursor = ""
                repeat {
                    let left = min(most - rows.count + 1, Self.page)
                    let answer = try await client.ask(.get, "/v1/search?limit=\(left)\(query)\(cursor)")
                    guard answer.status == 200 else { throw answer.refusal(of: "the search") }
                    let document = try answer.document()
                    guard case .array(let holds)? = document.member("holds") else {
                        throw answer.refusal(of: "the search")
                    }
                    if service.json { print(answer.text) }
                    rows += holds.map(Self.row)
                    // A page may be short although there are more.
                    cursor = document.member("next_cursor")?.text.map { "&cursor=\($0)" } ?? ""
                } while !cursor.isEmpty && rows.count <= most
                if service.json { return }
                if rows.count == 1 { return print("Nothing was found.") }
                print(Table.lines(rows, right: [3, 4]).joined(separator: "\n"))
                if !cursor.isEmpty { print("There are more; --most lists more of them.") }
            }
        }
    }

    private var query: String {
        let members = [
            ("buyer", buyer), ("payment_reference", payment), ("event", event?.text), ("state", state),
            ("type", type?.text), ("from", from), ("to", to),
        ]
        return members.map { name, value in value.map { "&\(name)=\($0.percentEncoded)" } ?? "" }.joined()
    }

    private static func row(_ hold: JSONValue) -> [String] {
        func text(_ name: String, of value: JSONValue? = nil) -> String {
            ((value ?? hold).member(name)?.text ?? "").printable
        }
        let payment = hold.member("purchase").map { text("payment_reference", of: $0) } ?? ""
        return [
            text("id"), text("event"), text("state"), grouped(hold.tickets), grouped(hold.integer("total")),
            text("currency"),
            text("buyer"), payment, text("held_at"),
        ]
    }
}

/// The commands for single holds.
struct Holds: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hold", abstract: "Look at a hold, and correct it.", subcommands: [Show.self, Correct.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a hold, with its purchase if it was purchased.")

        @Argument(help: "The hold, such as H12.")
        var hold: String

        @OptionGroup(title: "Service") var service: ServiceOptions

        func run() async throws {
            try await Failure.reported {
                try await service.withClient { client in
                    let answer = try await client.ask(.get, "/v1/search?hold=\(hold.percentEncoded)")
                    guard answer.status == 200, case .array(let holds)? = try answer.document().member("holds") else {
                        throw answer.refusal(of: hold.printable)
                    }
                    guard let found = holds.first else {
                        throw Failure("there is no hold \(hold.printable)", status: Failure.atWork)
                    }
                    print(service.json ? found.written : found.sheet.joined(separator: "\n"))
                }
            }
        }
    }
}

extension Purchases {
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a purchase, returned or not.")

        @Argument(help: "The purchase, such as P12.")
        var purchase: String

        @OptionGroup(title: "Service") var service: ServiceOptions

        func run() async throws {
            try await Failure.reported {
                try await service.withClient { client in
                    let answer = try await client.ask(.get, "/v1/purchases/\(purchase.percentEncoded)")
                    guard answer.status == 200 else { throw answer.refusal(of: purchase.printable) }
                    print(service.json ? answer.text : try answer.document().sheet.joined(separator: "\n"))
                }
            }
        }
    }
}

extension JSONValue {
    fileprivate func integer(_ name: String) -> Int64 {
        guard case .integer(let number)? = member(name) else { return 0 }
        return number
    }

    /// The tickets of all lines.
    fileprivate var tickets: Int64 {
        guard case .array(let lines)? = member("lines") else { return 0 }
        return lines.reduce(0) { $0 + $1.integer("quantity") }
    }

    /// The value as JSON.
    fileprivate var written: String {
        var writer = JSONWriter(reserving: 512)
        writer.value(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// The lines that show a hold or a purchase: a member and its value in each.
    fileprivate var sheet: [String] {
        guard case .object(let members) = self else { return [] }
        let rows = members.flatMap { member -> [[String]] in
            let name = member.name.printable.map { $0 == "_" ? " " : "\($0)" }.joined()
            switch member.value {
            case .null: return []
            case .string(let text): return [[name, text.printable]]
            case .integer(let number): return [[name, grouped(number)]]
            case .boolean(let isTrue): return [[name, isTrue ? "yes" : "no"]]
            case .array(let elements): return elements.map { [name, $0.text?.printable ?? $0.line] }
            default: return [[name, member.value.member("id")?.text?.printable ?? member.value.part]]
            }
        }
        return Table.lines(rows)
    }

    /// A line of a hold or a purchase.
    private var line: String {
        func text(_ name: String) -> String { (member(name)?.text ?? "").printable }
        let type = text("type") + (member("allocation") == nil ? "" : "/" + text("allocation"))
        let returned = integer("returned")
        return "\(integer("quantity")) × \(type) at \(grouped(integer("price")))"
            + (returned > 0 ? ", \(grouped(returned)) returned" : "")
    }

    /// An access code as its batch, its number and, for those who may see it, its text; anything else as JSON.
    private var part: String {
        guard let batch = member("batch")?.text else { return written.printable }
        let text = member("text")?.text.map { " " + $0 } ?? ""
        return "\(batch) \(integer("number"))\(text)".printable
    }
}
