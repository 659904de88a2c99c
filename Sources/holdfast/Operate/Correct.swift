internal import ArgumentParser
internal import StrictJSON

/// Corrects the buyer or the note of a hold or a purchase on a running service (R40 Corrections).
struct CorrectionOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The right buyer: 1 to 255 bytes.", valueName: "text"))
    var buyer: String?

    @Flag(help: "Take the buyer out.")
    var noBuyer = false

    @Option(help: ArgumentHelp("A note for colleagues, which buyers do not see: 1 to 500 bytes.", valueName: "text"))
    var note: String?

    @Flag(help: "Take the note out.")
    var noNote = false

    @OptionGroup var reason: ReasonOption
    @OptionGroup(title: "Service") var service: ServiceOptions

    func validate() throws {
        if buyer != nil, noBuyer { throw ValidationError("--buyer and --no-buyer contradict each other") }
        if note != nil, noNote { throw ValidationError("--note and --no-note contradict each other") }
        if buyer == nil, note == nil, !noBuyer, !noNote {
            throw ValidationError("name what is to be corrected: --buyer, --note, --no-buyer or --no-note")
        }
    }

    /// - Parameter name: of the hold or the purchase, at the end of `path`.
    func correct(_ path: String, _ name: String) async throws {
        try await Failure.reported {
            try await service.withClient { client in
                let answer = try await client.ask(
                    .patch, path + reason.query, headers: [("Content-Type", "application/merge-patch+json")],
                    body: body)
                guard answer.status == 200 else { throw answer.refusal(of: name) }
                let document = try answer.document()
                let (buyer, note) = (document.member("buyer")?.text, document.member("note")?.text)
                print(
                    service.json
                        ? answer.text
                        : "\(name): buyer \(buyer?.printable ?? "none"), note \(note?.printable ?? "none")")
            }
        }
    }

    private var body: [UInt8] {
        var writer = JSONWriter(reserving: 128)
        writer.object { body in
            if buyer != nil || noBuyer { body.member("buyer", buyer) }
            if note != nil || noNote { body.member("note", note) }
        }
        return writer.bytes
    }
}

extension Purchases {
    struct Correct: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Correct the buyer of a purchase, or the note about it.",
            discussion: """
                Places and payment stay. The limits of a buyer count the purchase for the new buyer.

                EXAMPLES
                  holdfast purchase correct P7 --buyer ann@example.org --reason 'Mistyped at the box office'
                  holdfast purchase correct P7 --note 'Comes with a wheelchair'
                """)

        @Argument(help: "The purchase, such as P7.")
        var purchase: String

        @OptionGroup var correction: CorrectionOptions

        func validate() throws {
            guard purchase.isName("P") else {
                throw ValidationError("the purchase must be written as in the list, such as P7")
            }
        }

        func run() async throws {
            try await correction.correct("/v1/purchases/\(purchase)", purchase)
        }
    }
}

extension Holds {
    struct Correct: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Correct the buyer of a live hold or of its purchase, or the note about it.")

        @Argument(help: "The hold, such as H12.")
        var hold: String

        @OptionGroup var correction: CorrectionOptions

        func validate() throws {
            guard hold.isName("H") else {
                throw ValidationError("the hold must be written as in answers, such as H12")
            }
        }

        func run() async throws {
            try await correction.correct("/v1/holds/\(hold)", hold)
        }
    }
}

extension String {
    /// Whether it is this letter and a number, as holds and purchases are called.
    fileprivate func isName(_ letter: Character) -> Bool {
        first == letter && count > 1 && dropFirst().allSatisfy { ("0"..."9").contains($0) }
    }
}
