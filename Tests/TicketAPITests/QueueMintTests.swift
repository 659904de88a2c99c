import BoxOffice
import Testing
import TicketAPI
import TicketStore

@Suite("What people in a queue carry: tokens, passes (Q6 Pass) and receipts")
struct QueueMintTests {
    private static let ledger: [UInt8] = Array(repeating: 9, count: 16)
    private let main = QueueName(event: Code("main")!, commitment: Array(repeating: 1, count: 32))
    private let entry = SignedEntry(number: 51_234, joinedAt: WallTime(milliseconds: 1_780_300_800_123))
    private var pass: SignedPass { SignedPass(entry, position: 7, end: Timestamp(milliseconds: 1_234_567)) }

    private static func key(_ number: UInt8, _ byte: UInt8) -> TokenKey {
        TokenKey(number: number, secret: Array(repeating: byte, count: 32))
    }

    private func mint(_ keys: [TokenKey] = [key(1, 1)], ledger: [UInt8] = ledger) -> QueueMint {
        TokenMint(keys: keys, ledger: ledger).queues
    }

    @Test("A token says what it was made from, and so does a pass", arguments: [0, 1, 255, UInt32.max])
    func roundTrip(number: UInt32) {
        let entry = SignedEntry(number: number, joinedAt: WallTime(milliseconds: Int64(number)))
        let token = mint().token(of: entry, in: main)
        #expect(token.utf8.count == QueueMint.tokenLength && mint().entry(of: token, in: main) == entry)
        let pass = SignedPass(entry, position: number, end: Timestamp(milliseconds: Int64(number)))
        let text = mint().pass(pass, in: main)
        #expect(text.utf8.count == QueueMint.passLength && mint().pass(of: text, in: main) == pass)
    }

    @Test("Another queue, even of the same event, another ledger and another secret know neither")
    func foreign() {
        let (token, text) = (mint().token(of: entry, in: main), mint().pass(pass, in: main))
        let others = [
            QueueName(event: Code("main2")!, commitment: main.commitment),
            QueueName(event: main.event, commitment: Array(repeating: 2, count: 32)),
        ]
        for other in others {
            #expect(mint().entry(of: token, in: other) == nil)
            #expect(mint().pass(of: text, in: other) == nil)
        }
        for stranger in [mint([Self.key(1, 2)]), mint([Self.key(2, 1)]), mint(ledger: [8])] {
            #expect(stranger.entry(of: token, in: main) == nil)
            #expect(stranger.pass(of: text, in: main) == nil)
        }
        let rotated = mint([Self.key(1, 1), Self.key(2, 2)])
        #expect(rotated.entry(of: token, in: main) == entry)
        #expect(rotated.pass(of: text, in: main) == pass)
    }

    @Test("A text that differs in one character or in its length is neither token nor pass")
    func forged() {
        let (token, text) = (mint().token(of: entry, in: main), mint().pass(pass, in: main))
        for index in 0..<QueueMint.passLength {
            for other: Character in ["A", "B", "_", "+", "=", " "] {
                if let forged = replacing(index, of: token, with: other) {
                    #expect(mint().entry(of: forged, in: main) == nil, "\(forged)")
                }
                if let forged = replacing(index, of: text, with: other) {
                    #expect(mint().pass(of: forged, in: main) == nil, "\(forged)")
                }
            }
        }
        for wrong in ["", token, token + "A", String(text.dropLast(4)), text + "AAAA"] {
            #expect(mint().pass(of: wrong, in: main) == nil)
        }
        #expect(mint().entry(of: text, in: main) == nil)
    }

    private func replacing(_ index: Int, of text: String, with other: Character) -> String? {
        var characters = Array(text)
        guard index < characters.count, characters[index] != other else { return nil }
        characters[index] = other
        return String(characters)
    }

    @Test(
        "Names of entries are read as they are written, and nothing else is one",
        arguments: [
            ("E0.main", true), ("E51234.a-b_C", true), ("E4294967295.x", true), ("E4294967296.x", false),
            ("e1.main", false), ("E01.main", false), ("E+1.main", false), ("E1", false), ("E1.", false),
            ("E1.a.b", false), ("E.main", false), ("E-1.main", false), ("", false),
        ])
    func names(text: String, isName: Bool) {
        let read = SignedEntry.read(text)
        #expect((read != nil) == isName)
        if let read {
            #expect(SignedEntry(number: read.number, joinedAt: entry.joinedAt).name(in: read.event) == text)
        }
    }

    @Test("Anybody can check a receipt, and a changed one, or one of another service, is none")
    func receipts() throws {
        let text = mint().receipt(of: entry, in: main)
        let receipt = try #require(QueueReceipt(text))
        #expect(receipt.queue == main && receipt.entry == entry)
        #expect(receipt.isSigned(by: mint().receiptKeys))
        #expect(receipt.isSigned(by: mint([Self.key(1, 1), Self.key(2, 2)]).receiptKeys))
        #expect(!receipt.isSigned(by: mint([Self.key(2, 2)]).receiptKeys))
        #expect(!receipt.isSigned(by: ["", "zz", String(mint().receiptKeys[0].dropLast(2))]))
        for (from, to) in [("main", "mine"), (" 51234 ", " 1 "), ("2026", "2025"), ("0101", "0102")] {
            var parts = text.split(separator: " ").map(String.init)
            let signature = parts.removeLast()
            var line = parts.joined(separator: " ") + " "
            let range = try #require(line.firstRange(of: from))
            line.replaceSubrange(range, with: to)
            let changed = try #require(QueueReceipt(line + signature))
            #expect(!changed.isSigned(by: mint().receiptKeys), "\(line)")
        }
        for wrong in ["", "main", text + " x", text + "\n", text.replacing(" ", with: "  "), text.dropLast() + "+"] {
            #expect(QueueReceipt(String(wrong)) == nil, "\(wrong)")
        }
    }
}
