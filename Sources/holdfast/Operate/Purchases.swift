internal import ArgumentParser
internal import Foundation
internal import StrictJSON

/// The commands for purchases.
struct Purchases: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purchase",
        abstract: "Look at purchases, correct and return them.",
        discussion: """
            EXAMPLES
              holdfast purchase show P7
              holdfast purchase correct P7 --buyer ann@example.org
              holdfast purchase return P7                          all that is left of it
              holdfast purchase return P7 --line GA=1 --reason 'One of them is ill'
            """,
        subcommands: [Show.self, Correct.self, Return.self])

    struct Return: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Return a purchase or a part of it. Its places come free at once.")

        @Argument(help: "The purchase, such as P7.")
        var purchase: String

        @Option(
            name: .customLong("line"),
            help: "A type and how many of its tickets to return, such as GA=1. Repeat it for other types.")
        var lines: [TypeQuantity] = []

        @Option(help: "Why, for the audit.")
        var reason: String?

        @Option(help: "The key of an earlier try that got no answer, so that nothing is returned twice.")
        var key: String?

        @OptionGroup(title: "Service") var service: ServiceOptions

        func validate() throws {
            guard purchase.first == "P", purchase.count > 1, purchase.dropFirst().allSatisfy(\.isASCIIDigit) else {
                throw ValidationError("the purchase must be written as in the list, such as P7")
            }
            if key != nil, lines.isEmpty { throw ValidationError("--key applies only to --line") }
        }

        func run() async throws {
            try await Failure.reported {
                try await service.withClient { client in
                    let key = key ?? UUID().uuidString
                    var headers = [("Content-Type", "application/json")]
                    if !lines.isEmpty { headers.append(("Idempotency-Key", key)) }
                    let answer: ServiceAnswer
                    do {
                        answer = try await client.ask(
                            .post, "/v1/purchases/\(purchase)/return", headers: headers, body: body)
                    } catch let failure as Failure where !lines.isEmpty {
                        throw Failure("\(failure)\nask again with --key \(key)", status: failure.status)
                    }
                    guard answer.status == 200 else {
                        throw answer.refusal(of: purchase)
                    }
                    print(service.json ? answer.text : try Self.sentence(answer.document(), of: purchase))
                }
            }
        }

        private var body: [UInt8] {
            var writer = JSONWriter(reserving: 128)
            writer.object { body in
                if let reason { body.member("reason", reason) }
                guard !lines.isEmpty else { return }
                body.member("lines") { value in
                    value.array { list in
                        for line in lines {
                            list.object { item in
                                item.member("type", line.type)
                                if let allocation = line.allocation { item.member("allocation", allocation) }
                                item.member("quantity", line.quantity)
                            }
                        }
                    }
                }
            }
            return writer.bytes
        }

        private static func sentence(_ hold: JSONValue, of purchase: String) throws -> String {
            func number(_ value: JSONValue?) -> Int64 {
                if case .integer(let number)? = value { number } else { 0 }
            }
            var (bought, returned) = (Int64(0), Int64(0))
            if case .array(let lines)? = hold.member("lines") {
                for line in lines {
                    bought += number(line.member("quantity"))
                    returned += number(line.member("returned"))
                }
            }
            let currency = (hold.member("currency")?.text ?? "").printable
            let (gone, kept) = (number(hold.member("returned_total")), number(hold.member("kept_total")))
            return "\(purchase): returned \(returned) of \(bought) tickets for \(grouped(gone)) \(currency), "
                + "kept \(bought - returned) for \(grouped(kept)) \(currency)"
        }
    }

    /// `GA=1`, or `GA/guests=1` for tickets from an allocation.
    struct TypeQuantity: ExpressibleByArgument {
        let type: String
        let allocation: String?
        let quantity: Int

        init?(argument: String) {
            let parts = argument.split(separator: "=", omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, let quantity = Int(parts[1]), quantity >= 1 else { return nil }
            let names = parts[0].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            (type, self.quantity) = (String(names[0]), quantity)
            allocation = names.count == 2 ? String(names[1]) : nil
        }
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}
