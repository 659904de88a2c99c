import BoxOffice
import Testing
import TicketAPI

/// The texts of access codes (R46 Access codes).
@Suite("A text proves one access code of one event")
struct AccessCodeMintTests {
    private static func mint(_ secrets: UInt8...) -> AccessCodeMint {
        let keys = secrets.map { TokenKey(number: $0, secret: Array(repeating: $0, count: 32)) }
        return TokenMint(keys: keys, ledger: Array(repeating: 9, count: 16)).codes
    }

    private static func code(_ text: String) throws -> Code { try #require(Code(text)) }

    private static func batches(_ names: String...) throws -> [EventDefinition.CodeBatch] {
        try names.map { .init(name: try code($0), count: 10_000, tickets: 1) }
    }

    @Test("A text has four groups of letters that nobody confuses, and is read in any case, with or without hyphens")
    func form() throws {
        let (main, club, mint) = (try Self.code("main"), try Self.code("club"), Self.mint(1))
        let batches = try Self.batches("friends", "club")
        for number in [1, 2, 9_999, 10_000] {
            let text = mint.text(of: number, in: club, of: main)
            #expect(text.wholeMatch(of: /([0-9A-HJKMNP-TV-Z]{5}-){3}[0-9A-HJKMNP-TV-Z]{5}/) != nil, "\(text)")
            let wanted = AccessCode(batch: club, number: number)
            let bare = text.filter { $0 != "-" }
            let confused = String(text.map { $0 == "0" ? "o" : $0 == "1" ? "l" : $0 })
            for written in [text, text.lowercased(), bare, bare.lowercased(), " " + bare + " ", confused] {
                #expect(mint.find(written, among: batches, of: main) == wanted, "\(written)")
            }
        }
    }

    @Test("A text with another letter, of another event or batch, or under another secret, is not a code")
    func forged() throws {
        let (main, club, mint) = (try Self.code("main"), try Self.code("club"), Self.mint(1))
        let batches = try Self.batches("club")
        let text = mint.text(of: 7, in: club, of: main)
        for index in text.indices where text[index] != "-" {
            for other: Character in ["0", "7", "Z", "U", "*", "é"] where other != text[index] {
                let forged = text.replacingCharacters(in: index...index, with: [other])
                #expect(mint.find(forged, among: batches, of: main) == nil, "\(forged)")
            }
        }
        for wrong in ["", "-", String(text.dropLast()), text + "0", String(repeating: "0", count: 20)] {
            #expect(mint.find(wrong, among: batches, of: main) == nil, "\(wrong)")
        }
        #expect(mint.find(text, among: batches, of: club) == nil)
        #expect(mint.find(text, among: try Self.batches("friends"), of: main) == nil)
        #expect(mint.find(text, among: [], of: main) == nil)
        #expect(Self.mint(2).find(text, among: batches, of: main) == nil)
    }

    @Test("A new key makes other texts, and those of a key that is kept stay good")
    func rotated() throws {
        let (main, club) = (try Self.code("main"), try Self.code("club"))
        let batches = try Self.batches("club")
        let old = Self.mint(1).text(of: 7, in: club, of: main)
        let new = Self.mint(1, 2).text(of: 7, in: club, of: main)
        #expect(old != new)
        for text in [old, new] {
            #expect(Self.mint(1, 2).find(text, among: batches, of: main) == AccessCode(batch: club, number: 7))
        }
        #expect(Self.mint(2).find(old, among: batches, of: main) == nil)
    }
}

extension String {
    fileprivate func replacingCharacters(in range: ClosedRange<Index>, with characters: [Character]) -> String {
        var text = self
        text.replaceSubrange(range, with: characters)
        return text
    }
}
