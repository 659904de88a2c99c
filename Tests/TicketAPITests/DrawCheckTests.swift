import BoxOffice
import Foundation
import Testing
import TicketAPI
import TicketStore

@Suite("Q3 Draw: anybody can draw again and find what somebody changed")
struct DrawCheckTests {
    private let main = Code("main")!
    private let secret = [UInt8](repeating: 3, count: 32)

    /// A document as the service answers it, with members of the draw replaced; `nil` leaves one out.
    private func document(
        _ changes: [String: Any?] = [:], event: String = "main", keys: Any = [String]()
    ) throws -> [UInt8] {
        let seed = QueueDraw.seed(secret: secret, count: 40, event: main, beacon: "314")
        var draw: [String: Any] = [
            "commitment": QueueDraw.commitment(to: secret).hexDigits, "count": 40, "secret": secret.hexDigits,
            "beacon": "314", "witnessed": true, "seed": seed.hexDigits,
        ]
        for (name, value) in changes { draw[name] = value }
        return Array(try JSONSerialization.data(withJSONObject: ["event": event, "draw": draw, "receipt_keys": keys]))
    }

    @Test("A right document is drawn again, and its numbers have their positions")
    func right() throws {
        let check = try DrawCheck(try document())
        #expect(check.event == main && check.count == 40 && check.beacon == "314" && check.isWitnessed)
        #expect(Set((0..<40).map { check.position(of: $0) }) == Set(0..<40))
        #expect(check.position(of: 40) == 40 && check.position(of: .max) == .max)
    }

    @Test("Each changed member is found")
    func changed() throws {
        let other = String(repeating: "0", count: 64)
        for (name, value, word) in [
            ("secret", other, "not the one that was committed to"), ("commitment", other, "not the one"),
            ("seed", other, "the seed does not follow"), ("count", 41, "the seed does not follow"),
            ("beacon", "315", "the seed does not follow"), ("beacon", "3 1 4", "not in its one spelling"),
            ("beacon", "", "not in its one spelling"), ("beacon", NSNull(), "the seed does not follow"),
            ("secret", NSNull(), "nothing has been drawn"), ("secret", "00", "cannot be one"),
            ("count", -1, "cannot be one"), ("count", 5_000_001, "cannot be one"),
            ("count", "40", "nothing has been drawn"),
            ("commitment", "x", "no document of a queue"), ("commitment", nil, "no document of a queue"),
        ] as [(String, Any?, String)] {
            let failure = #expect(throws: DrawCheck.Failure.self) { try DrawCheck(try document([name: value])) }
            #expect(failure?.description.contains(word) == true, "\(name) \(failure?.description ?? "")")
        }
        let elsewhere = #expect(throws: DrawCheck.Failure.self) { try DrawCheck(try document(event: "mine")) }
        #expect(elsewhere?.description.contains("does not follow") == true)
        for text in ["", "{", "[]", "{}", #"{"event":"main"}"#, #"{"event":"ma in","draw":{}}"#] {
            #expect(throws: DrawCheck.Failure.self) { try DrawCheck(Array(text.utf8)) }
        }
    }

    @Test("A receipt of another queue, or of another service, is none of this draw")
    func receipts() throws {
        let mint = TokenMint(keys: [TokenKey(number: 1, secret: secret)], ledger: secret).queues
        let name = QueueName(event: main, commitment: QueueDraw.commitment(to: secret))
        let entry = SignedEntry(number: 7, joinedAt: WallTime(milliseconds: 1_780_300_800_123))
        let check = try DrawCheck(try document(keys: mint.receiptKeys))
        let found = try check.check(receipt: mint.receipt(of: entry, in: name))
        #expect(found.number == 7 && found.position == check.position(of: 7))
        let other = QueueName(event: main, commitment: secret)
        for (text, word) in [
            (mint.receipt(of: entry, in: other), "of another queue"), ("main 7", "cannot be read"),
            (mint.receipt(of: entry, in: name).replacing("main 7", with: "main 8"), "was not signed"),
        ] {
            let failure = #expect(throws: DrawCheck.Failure.self) { try check.check(receipt: text) }
            #expect(failure?.description.contains(word) == true, "\(text)")
        }
        let keyless = try DrawCheck(try document())
        #expect(throws: DrawCheck.Failure.self) { try keyless.check(receipt: mint.receipt(of: entry, in: name)) }
    }
}
