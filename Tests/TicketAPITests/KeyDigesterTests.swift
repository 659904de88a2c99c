import BoxOffice
import Testing
import TicketAPI

@Suite("Idempotency keys become digests")
struct KeyDigesterTests {
    private let uuid = "6c3e6f7e-2f0b-4d53-9f6b-0a4f8f1d3b52"
    private let digester = KeyDigester(secret: (0..<32).map { $0 })

    private func key(_ text: String, isAnonymous: Bool = false) throws -> KeyText {
        try #require(KeyText(text, isAnonymous: isAnonymous))
    }

    private func holding(_ event: String, _ buyer: String?) throws -> KeyDigester.Scope {
        .holding(try #require(Code(event)), buyer.flatMap { Buyer($0) })
    }

    @Test("A digest is the same in every process and release: ledgers keep them")
    func vectors() throws {
        let held = digester.digest(try key(uuid), in: try holding("main", "ann"), of: "")
        #expect(held.description == "8fe42f297ed2415564acd3222f3c927e")
        let extended = digester.digest(try key(uuid), in: .extending(HoldID(7)), of: "")
        #expect(extended.description == "dad25dc06862362cb10c64f99fbedadb")
    }

    @Test("What belongs to another secret, scope, caller or key is another digest, however they are joined")
    func apart() throws {
        let other = KeyDigester(secret: (1...32).map { $0 })
        var digests = [other.digest(try key("a b"), in: try holding("main", "ann"), of: "")]
        for (event, buyer, caller, text) in [
            ("main", "ann", "", "a b"), ("main", "ann a", "", "b"), ("main", nil, "", "ann a b"),
            ("main", "a", "nn", "a b"),
            ("mainann", nil, "", "a b"), ("main", nil, "ann", "a b"), ("main", "ann", "a", " b"),
            ("main", "ann", "", "a  b"),
        ] {
            digests.append(digester.digest(try key(text), in: try holding(event, buyer), of: caller))
        }
        digests.append(digester.digest(try key("a b"), in: .extending(HoldID(1)), of: ""))
        digests.append(digester.digest(try key("a b"), in: .extending(HoldID(256)), of: ""))
        #expect(Set(digests).count == digests.count)
    }

    @Test("A key is the same quoted or bare, and an anonymous caller's has 16 characters at least")
    func form() throws {
        let scope = try holding("main", nil)
        #expect(
            digester.digest(try key(uuid), in: scope, of: "")
                == digester.digest(try key("\"\(uuid)\""), in: scope, of: ""))
        let long = String(repeating: "x", count: 255)
        for text in ["x", "\"x\"", "a b", "~", "'", uuid, long, "\"\(long)\"", "\"x"] {
            #expect(KeyText(text, isAnonymous: false) != nil, "\(text)")
        }
        for text in ["", "\"\"", "ä", "a\tb", "\"a\"b\"", "\"a\\b\"", long + "x"] {
            #expect(KeyText(text, isAnonymous: false) == nil, "\(text)")
        }
        for (text, isOne) in [
            ("0123456789abcde", false), ("0123456789abcdef", true), ("\"0123456789abcde\"", false),
            ("\"0123456789abcdef\"", true), (uuid, true), ("order-1", false),
        ] {
            #expect((KeyText(text, isAnonymous: true) != nil) == isOne, "\(text)")
        }
    }
}
