internal import ArgumentParser
internal import BoxOffice
internal import StrictJSON

/// Changes how many places a pool has.
struct EventCapacity: AsyncParsableCommand {
    /// How often the command tries again after another change came in between.
    private static let tries = 5

    static let configuration = CommandConfiguration(
        commandName: "capacity",
        abstract: "Change how many places a pool of an event has.",
        usage: "holdfast event capacity <id> <pool> <number> [<options>]",
        discussion: """
            NUMBER is the new number of places, or the difference to the present one (+100
            or -100). Places that are held or sold stay so, even if they are more.

            EXAMPLES
              holdfast event capacity friday floor 5000
              holdfast event capacity friday floor +100
              holdfast event capacity friday floor -100
            """)

    @Argument(help: "The event.")
    var id: Code

    @Argument(help: "The pool.")
    var pool: Code

    // A list, because only a list accepts "-100", which looks like an option.
    @Argument(parsing: .allUnrecognized, help: "Places: 5000, +100 or -100.")
    var number: [String]

    @OptionGroup var why: ReasonOption

    @OptionGroup(title: "Service") var service: ServiceOptions

    func validate() throws {
        guard number.count == 1, change != nil else {
            throw ValidationError("NUMBER must be one whole number of places, such as 5000, +100 or -100")
        }
    }

    func run() async throws {
        try await Failure.reported {
            try await service.withClient { client in
                for _ in 0..<Self.tries {
                    let before = try await client.knownEvent(id)
                    let (old, new) = try places(in: before.definition)
                    let wanted = JSONValue.object([
                        .init("pools", .object([.init(pool.text, .integer(Int64(new)))]))
                    ])
                    let (event, answer) = try await client.patch(id, ifMatch: before.tag, wanted, why)
                    if let event {
                        print(
                            service.json ? event.text : "\(id): \(pool) has \(grouped(new)) places, had \(grouped(old))"
                        )
                        return
                    }
                    // Another change came first. "+100" is added to the new number.
                    guard answer.status == 412 else { throw answer.refusal(of: id.text) }
                }
                throw Failure(
                    "\(id): the event changed \(Self.tries) times in between, so nothing was done; try again",
                    status: Failure.atWork)
            }
        }
    }

    private enum Change {
        case to(Int)
        case by(Int)
    }

    private var change: Change? {
        guard let text = number.first, let first = text.first, let value = Int(text), text.utf8.count <= 12 else {
            return nil
        }
        return first == "+" || first == "-" ? .by(value) : .to(value)
    }

    /// The number of places that the pool has, and the one that it gets.
    private func places(in definition: EventDefinition) throws -> (old: Int, new: Int) {
        guard let old = definition.pools.first(where: { $0.code == pool })?.capacity else {
            // A merge patch would make a new pool, and nobody would notice the typing error.
            let pools = definition.pools.map(\.code.text).joined(separator: ", ")
            throw Failure("\(id) has no pool \(pool); it has \(pools)", status: Failure.atWork)
        }
        let new =
            switch change {
            case .to(let number): number
            case .by(let number): old + number
            case nil: old
            }
        guard new >= 0 else {
            throw Failure("\(id): \(pool) has only \(grouped(old)) places", status: Failure.atWork)
        }
        return (old, new)
    }
}
