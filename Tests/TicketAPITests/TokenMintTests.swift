import BoxOffice
import Testing
import TicketAPI
import TicketStore

@Suite("A token proves one hold of one ledger")
struct TokenMintTests {
    private static let ledger: [UInt8] = Array(repeating: 9, count: 16)

    private static func key(_ number: UInt8, _ byte: UInt8) -> TokenKey {
        TokenKey(number: number, secret: Array(repeating: byte, count: 32))
    }

    private static func mint(_ keys: [TokenKey], ledger: [UInt8] = ledger, series: [HoldSeries] = []) -> TokenMint {
        TokenMint(keys: keys, ledger: ledger, series: series)
    }

    @Test("Each hold has one token, which names it and no other", arguments: [1, 2, 255, 1 << 40, (1 << 56) - 1])
    func roundTrip(number: UInt64) {
        let mint = Self.mint([Self.key(1, 1)])
        let token = mint.token(of: HoldID(number))
        #expect(token.utf8.count == TokenMint.length && token == mint.token(of: HoldID(number)))
        #expect(mint.hold(of: token) == HoldID(number))
        #expect(mint.hold(of: mint.token(of: HoldID(number + 1))) != HoldID(number))
    }

    @Test("A text that differs from a token in a character, in its length or in its alphabet is not a token")
    func forged() {
        let mint = Self.mint([Self.key(1, 1)])
        let token = Array(mint.token(of: HoldID(7)))
        for index in token.indices {
            for other: Character in ["A", "B", "_", "-", "+", "/", "=", " ", "\u{0}"] where other != token[index] {
                var forged = token
                forged[index] = other
                #expect(mint.hold(of: String(forged)) == nil, "\(String(forged))")
            }
        }
        let text = String(token)
        for forged in [
            "", String(text.dropLast()), text + "A", text + "=", " " + text.dropFirst(), "ä" + text.dropFirst(2),
        ] {
            #expect(mint.hold(of: forged) == nil, "\(forged)")
        }
    }

    @Test("Another ledger, secret or series makes other tokens")
    func others() {
        let token = Self.mint([Self.key(1, 1)]).token(of: HoldID(7))
        #expect(Self.mint([Self.key(1, 2)]).hold(of: token) == nil)
        #expect(Self.mint([Self.key(2, 1)]).hold(of: token) == nil)
        #expect(Self.mint([Self.key(1, 1)], ledger: Array(repeating: 8, count: 16)).hold(of: token) == nil)
        let series = [HoldSeries(first: HoldID(7), mark: 42)]
        #expect(Self.mint([Self.key(1, 1)], series: series).hold(of: token) == nil)
        let before = Self.mint([Self.key(1, 1)]).token(of: HoldID(6))
        #expect(Self.mint([Self.key(1, 1)], series: series).hold(of: before) == HoldID(6))
    }

    @Test("During a rotation tokens of the old key are accepted, and new ones come from the last key")
    func rotation() {
        let (old, new) = (Self.mint([Self.key(1, 1)]), Self.mint([Self.key(1, 1), Self.key(2, 2)]))
        #expect(new.hold(of: old.token(of: HoldID(7))) == HoldID(7))
        #expect(old.hold(of: new.token(of: HoldID(7))) == nil)
        #expect(Self.mint([Self.key(2, 2)]).hold(of: new.token(of: HoldID(7))) == HoldID(7))
        #expect(Self.key(1, 1).fingerprint != Self.key(1, 2).fingerprint)
        #expect(Self.key(1, 1).fingerprint.count == 16)
    }
}
