package import BoxOffice
internal import StrictJSON

/// Recomputes a draw from the public document of its queue (Q3 Draw), without a service and without secrets of ours.
package struct DrawCheck: Sendable {
    /// Why a document, or what it says, is not right.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        init(_ description: String) { self.description = description }
    }

    package let event: Code
    package let count: Int
    package let beacon: String?
    /// The name under which it was announced; `nil` if none was, or the document does not say so.
    package let announced: String?
    /// Whether a public value came that nobody knew before people had joined.
    package let isWitnessed: Bool
    private let commitment: [UInt8]
    private let keys: [String]
    /// The position of each number that was drawn.
    private let positions: [UInt32]

    /// The longest document that is read.
    package static let mostBytes = 1 << 20

    /// Reads the document that `GET /v1/events/{event}/queue` answered after the draw, and draws again.
    ///
    /// - Throws: ``Failure`` if it is no such document, or if secret, commitment and seed do not belong together.
    package init(_ text: [UInt8]) throws(Failure) {
        let document: JSONValue
        do {
            document = try JSONValue.read(text, limits: JSONLimits(bytes: Self.mostBytes, depth: 32))
        } catch {
            throw Failure("it is no JSON: \(error)")
        }
        let draw = document[member: "draw"]
        guard let draw, let event = document[member: "event"]?.string.flatMap({ Code($0) }),
            let commitment = draw[member: "commitment"]?.string.flatMap({ [UInt8](hexDigits: $0[...]) })
        else { throw Failure("it is no document of a queue, as GET /v1/events/{event}/queue answers it") }
        guard let secret = draw[member: "secret"]?.string.flatMap({ [UInt8](hexDigits: $0[...]) }),
            case .integer(let count)? = draw[member: "count"], let seed = draw[member: "seed"]?.string
        else { throw Failure("nothing has been drawn yet: the document has no secret") }
        guard secret.count == QueueDraw.secretBytes, (0...Int64(Limits.queueEntries)).contains(count) else {
            throw Failure("its secret or its count cannot be one")
        }
        guard QueueDraw.commitment(to: secret) == commitment else {
            throw Failure("the secret is not the one that was committed to: its SHA-256 is another")
        }
        let beacon = draw[member: "beacon"]?.string
        // With several spellings an operator could choose among several draws.
        guard beacon.map({ BeaconText(value: $0)?.text == $0 }) ?? true else {
            throw Failure("the beacon's value is not in its one spelling, small letters and digits alone")
        }
        let own = QueueDraw.seed(secret: secret, count: Int(count), event: event, beacon: beacon ?? "")
        guard own.hexDigits == seed.lowercased() else {
            throw Failure(
                "the seed does not follow from secret, count, event and beacon: it should be \(own.hexDigits)")
        }
        self.event = event
        self.count = Int(count)
        self.beacon = beacon
        announced = draw[member: "beacon_name"]?.string
        isWitnessed = draw[member: "witnessed"] == .boolean(true)
        self.commitment = commitment
        if case .array(let list)? = document[member: "receipt_keys"] {
            keys = list.compactMap(\.string)
        } else {
            keys = []
        }
        positions = QueueDraw.positions(seed: own, count: Int(count))
    }

    /// Where a number stands; it may have joined after the draw.
    package func position(of number: UInt32) -> UInt32 {
        Int(number) < positions.count ? positions[Int(number)] : number
    }

    /// Checks a receipt, and says where its number stands.
    ///
    /// - Throws: ``Failure`` if it is none, of another queue, or not signed by the service of the document.
    package func check(receipt text: String) throws(Failure) -> (number: UInt32, joinedAt: String, position: UInt32) {
        guard let receipt = QueueReceipt(text) else { throw Failure("the receipt cannot be read") }
        guard receipt.queue == QueueName(event: event, commitment: commitment) else {
            throw Failure("the receipt is of another queue")
        }
        guard receipt.isSigned(by: keys) else {
            throw Failure("the receipt was not signed with a key of the document")
        }
        let number = receipt.entry.number
        return (number, receipt.joinedAt, position(of: number))
    }
}

extension JSONValue {
    fileprivate subscript(member name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    fileprivate var string: String? {
        if case .string(let text) = self { text } else { nil }
    }
}
