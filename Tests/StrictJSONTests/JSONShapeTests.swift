import BoxOffice
import StrictJSON
import Testing
import TicketStore

@Suite("Shapes")
struct JSONShapeTests {
    struct Order: Equatable {
        var type: Code
        var quantity: Int
        var buyer: Buyer?
        var until: WallTime?
        var isGift: Bool
    }

    static let order = JSONShape.object { object -> Order? in
        let type = object.required("type", as: .code)
        let quantity = object.required("quantity", as: .integer(in: 1...10))
        let buyer = object.optional("buyer", as: .reference(BuyerKind.self))
        let until = object.nullable("until", as: .moment)
        let isGift = object.optional("is_gift", as: .boolean) ?? false
        guard let type, let quantity else { return nil }
        return Order(type: type, quantity: quantity, buyer: buyer, until: until, isGift: isGift)
    }

    @Test("What is there is taken, what may be left out may be")
    func taken() throws {
        let type = try #require(Code("GA"))
        #expect(
            try Self.order.read(#"{"quantity":10,"type":"GA"}"#.utf8)
                == Order(type: type, quantity: 10, buyer: nil, until: nil, isGift: false))
        #expect(
            try Self.order.read(
                #"{"type":"GA","quantity":1,"buyer":"b","until":"1970-01-01T00:00:01Z","is_gift":true}"#.utf8)
                == Order(
                    type: type, quantity: 1, buyer: Buyer("b"), until: WallTime(milliseconds: 1_000), isGift: true))
        #expect(try Self.order.read(#"{"type":"GA","quantity":1,"until":null}"#.utf8).until == nil)
    }

    @Test(
        "Every mistake is reported, in the order of the document",
        arguments: [
            ("[]", "the document must be an object"), ("null", "the document must be an object"),
            ("{}", "/type is required\n/quantity is required"),
            (
                #"{"quantity":0,"x":1,"type":"G A"}"#,
                "/quantity must be from 1 to 10\n/x is not known here\n/type must be 1 to 32 of A-Z a-z 0-9 _ -"
            ),
            (
                #"{"type":1,"quantity":"1","buyer":null,"until":1,"is_gift":0}"#,
                """
                /type must be a string
                /quantity must be a whole number
                /buyer must be a string
                /until must be a string
                /is_gift must be true or false
                """
            ),
            (
                #"{"type":"","quantity":1.0,"buyer":"","until":"soon","is_gift":null}"#,
                """
                /type must be 1 to 32 of A-Z a-z 0-9 _ -
                /quantity must be a whole number, without fraction and exponent
                /buyer must have 1 to 255 bytes and no control characters
                /until must be a moment as in 2026-11-24T05:44:59Z
                /is_gift must be true or false
                """
            ),
            (#"{"type":"a","quantity":1e0}"#, "/quantity must be a whole number, without fraction and exponent"),
            (#"{"type":"a","quantity":9223372036854775808}"#, "/quantity must be a number of 64 bits"),
            (#"{"type":"a","quantity":11}"#, "/quantity must be from 1 to 10"),
            (
                #"{"typ":"a","Quantity":1}"#,
                """
                /typ is not known here; did you mean type?
                /Quantity is not known here; did you mean quantity?
                /type is required
                /quantity is required
                """
            ),
            (#"{"type":"a","quantity":1,"types":"a"}"#, "/types is not known here"),
            (#"{"type":"a","quantity":1,"isGift":true}"#, "/isGift is not known here; did you mean is_gift?"),
            (#"{"type":"a","quantity":1,"a/b~\u001b[2J":1}"#, #"/a~1b~0\u{1b}[2J is not known here"#),
            ("{", "line 1, column 2 (byte 1): a name in quotation marks was expected"),
        ])
    func mistakes(text: String, told: String) {
        let error = #expect(throws: DocumentError.self) { try Self.order.read(text.utf8) }
        #expect(error?.description == told)
    }

    @Test("A list is read to its end, and its count is checked")
    func lists() throws {
        let list = JSONShape<[Order]>.list(of: Self.order, count: 1...3)
        #expect(
            try list.read(#"[{"type":"a","quantity":1},{"type":"b","quantity":2}]"#.utf8).map(\.quantity) == [1, 2])
        func error(_ text: String) -> String? {
            #expect(throws: DocumentError.self) { try list.read(text.utf8) }?.description
        }
        #expect(error("[]") == "the document must have from 1 to 3 elements")
        #expect(error("[1,2,3,4]") == "the document must have from 1 to 3 elements")
        #expect(error("{}") == "the document must be an array")
        #expect(
            error(#"[1,{"type":"a","quantity":1},{"quantity":0}]"#)
                == "/0 must be an object\n/2/quantity must be from 1 to 10\n/2/type is required")
    }

    @Test("A reader can tell null from nothing, note mistakes of its own, and never ends without one or a value")
    func ownMistakes() throws {
        let shape = JSONShape<Bool>.object { object in
            let hasIt = object.has("it")
            if object.nullable("it", as: .integer) == 7 { object.note("it", "must not be 7") }
            if object.optional("whole", as: .boolean) == true { object.note("is wrong as a whole") }
            return object.optional("nothing", as: .boolean) == nil ? hasIt : nil
        }
        #expect(try shape.read("{}".utf8) == false)
        #expect(try shape.read(#"{"it":null}"#.utf8) == true)
        let error = #expect(throws: DocumentError.self) { try shape.read(#"{"it":7,"whole":true}"#.utf8) }
        #expect(error == .mistakes([JSONMistake("", "is wrong as a whole"), JSONMistake("/it", "must not be 7")]))
        let silent = #expect(throws: DocumentError.self) { try shape.read(#"{"nothing":true}"#.utf8) }
        #expect(silent == .mistakes([JSONMistake("", "does not say what it must")]))
    }

    @Test("An error lists no more mistakes than the bound, and says that there are more")
    func bound() {
        func told(_ count: Int) -> [JSONMistake] {
            let members = (0..<count).map { ",\"x\($0)\":0" }.joined()
            let error = #expect(throws: DocumentError.self) {
                try Self.order.read(#"{"type":"a","quantity":1\#(members)}"#.utf8)
            }
            guard case .mistakes(let mistakes) = error else { return [] }
            return mistakes
        }
        #expect(told(100).count == 100)
        #expect(told(100).last?.pointer == "/x99")
        #expect(told(101).count == 101)
        #expect(told(101).last == JSONMistake("", "has more mistakes than these"))
        #expect(told(5_000).count == 101)
    }

    @Test(
        "A typing mistake is recognised, another word is not",
        arguments: [
            ("hold_second", "hold_seconds"), ("holdSeconds", "hold_seconds"), ("hold-seconds", "hold_seconds"),
            ("HOLD_SECONDS", "hold_seconds"), ("grcae_seconds", "grace_seconds"), ("naem", "name"), ("nme", "name"),
            ("names", "name"), ("idd", "id"), ("x", nil), ("it", nil), ("colour", nil), ("", nil), ("seconds", nil),
            (String(repeating: "name", count: 20), nil),
        ])
    func slips(text: String, meant: String?) {
        let words = ["id", "name", "hold_seconds", "grace_seconds"]
        #expect(didYouMean(text, among: words) == (meant.map { "; did you mean \($0)?" } ?? ""))
    }
}
