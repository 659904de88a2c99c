import BoxOffice
import StrictJSON
import Testing
import TicketStore
import Workload

@Suite("An event's document")
struct EventDocumentTests {
    static let wrongName = "must have 1 to 200 characters, none of them a control character"
    static let sample = """
        {
          "id": "main",
          "name": "Summer Festival",
          "currency": "EUR",
          "hold_seconds": 300,
          "grace_seconds": 2,
          "max_extensions": 3,
          "late_payment": "reacquire",
          "sale": { "opens_at": null, "closes_at": null },
          "limits": { "tickets_per_hold": 10, "tickets_per_buyer": null, "holds_per_buyer": null },
          "disclose": "counts",
          "pools": { "floor": 44000, "lounge": 1000, "day": 5000 },
          "types": [
            { "code": "GA", "name": "General admission", "price": 8900, "pools": ["floor"] },
            { "code": "VIP", "name": "Lounge", "price": 24900, "pools": ["lounge"] },
            { "code": "ONE_DAY", "name": "One day", "price": 4900, "pools": ["day"] }
          ]
        }
        """

    static func code(_ text: String) throws -> Code { try #require(Code(text)) }

    @Test("The contract's sample is read as it is meant")
    func sampleIsRead() throws {
        let (floor, lounge, day) = (try Self.code("floor"), try Self.code("lounge"), try Self.code("day"))
        let expected = EventDefinition(
            id: try Self.code("main"), name: "Summer Festival",
            pools: [
                .init(code: floor, capacity: 44_000), .init(code: lounge, capacity: 1_000),
                .init(code: day, capacity: 5_000),
            ],
            types: [
                .init(code: try Self.code("GA"), name: "General admission", price: 8_900, pools: [floor]),
                .init(code: try Self.code("VIP"), name: "Lounge", price: 24_900, pools: [lounge]),
                .init(code: try Self.code("ONE_DAY"), name: "One day", price: 4_900, pools: [day]),
            ])
        #expect(try EventDocument.read(Self.sample.utf8) == expected)
    }

    @Test("What a former version kept is read without a member that had no meaning there")
    func kept() throws {
        let former = Self.sample("\"disclose\": \"counts\"", "\"disclose\": \"counts\", \"parts\": 3")
        #expect(try EventDocument.readKept(Array(former.utf8)) == EventDocument.read(Self.sample.utf8))
    }

    @Test("Each member goes where it belongs")
    func everyMember() throws {
        let read = try EventDocument.read(
            #"""
            {"types":[{"pools":["b","a"],"price":7,"name":"é","code":"t"}],"pools":{"b":2,"a":0},"disclose":"buckets",
            "limits":{"holds_per_buyer":6,"tickets_per_buyer":5,"tickets_per_hold":4},
            "sale":{"closes_at":"2026-11-24T05:44:59.124+01:00","opens_at":"2026-11-24T04:44:59.123Z"},
            "late_payment":"strict","max_extensions":0,"grace_seconds":0,"hold_seconds":1,"currency":"JPY",
            "name":"N","id":"e"}
            """#.utf8)
        let (a, b) = (try Self.code("a"), try Self.code("b"))
        #expect(
            read
                == EventDefinition(
                    id: try Self.code("e"), name: "N", currency: "JPY", holdTime: .seconds(1), clientGrace: .zero,
                    maximumExtensions: 0, latePayment: .strict, opensAt: WallTime(milliseconds: 1_795_495_499_123),
                    closesAt: WallTime(milliseconds: 1_795_495_499_124), ticketsPerHold: 4, ticketsPerBuyer: 5,
                    holdsPerBuyer: 6, disclosure: .buckets,
                    pools: [.init(code: b, capacity: 2), .init(code: a, capacity: 0)],
                    types: [.init(code: try Self.code("t"), name: "é", price: 7, pools: [b, a])]))
    }

    @Test("What is left out has its default")
    func defaults() throws {
        let pool = try Self.code("p")
        let expected = EventDefinition(
            id: try Self.code("e"), pools: [.init(code: pool, capacity: 1)],
            types: [.init(code: try Self.code("t"), pools: [pool])])
        let required = #""id":"e","pools":{"p":1},"types":[{"code":"t","pools":["p"]}]"#
        #expect(try EventDocument.read("{\(required)}".utf8) == expected)
        #expect(try EventDocument.read("{\(required),\"sale\":{},\"limits\":{}}".utf8) == expected)
    }

    /// The sample with one part of it replaced.
    static func sample(_ part: String, _ other: String) -> String {
        let parts = sample.split(separator: part, omittingEmptySubsequences: false)
        return parts.count == 2 ? parts.joined(separator: other) : "the part is not there once: \(part)"
    }

    @Test(
        "Each mistake is reported with its location, and none that only follows from another",
        arguments: [
            // Missing, unknown, of the wrong kind.
            ("\"id\": \"main\",", "", "/id is required"), ("\"id\": \"main\"", "\"id\": 1", "/id must be a string"),
            ("\"main\"", "\"ma in\"", "/id must be 1 to 32 of A-Z a-z 0-9 _ -"),
            ("\"main\"", "null", "/id must be a string"),
            ("\"name\": \"Summer Festival\"", "\"name\": null", "/name must be a string"),
            ("\"EUR\"", "978", "/currency must be a string"),
            ("300", "\"300\"", "/hold_seconds must be a whole number"),
            ("300", "300.0", "/hold_seconds must be a whole number, without fraction and exponent"),
            ("300", "null", "/hold_seconds must be a whole number"),
            ("\"grace_seconds\": 2", "\"grace_seconds\": true", "/grace_seconds must be a whole number"),
            ("\"max_extensions\": 3", "\"max_extensions\": []", "/max_extensions must be a whole number"),
            (
                "\"reacquire\"", "\"reaquire\"",
                "/late_payment must be \"reacquire\" or \"strict\"; did you mean reacquire?"
            ),
            ("\"reacquire\"", "1", "/late_payment must be \"reacquire\" or \"strict\""),
            (
                "\"disclose\": \"counts\"", "\"parts\": 3",
                "/parts must be left out: one server decides all of an event"
            ),
            ("\"counts\"", "\"all\"", "/disclose must be \"counts\" or \"buckets\""),
            ("{ \"opens_at\": null, \"closes_at\": null }", "null", "/sale must be an object"),
            ("\"opens_at\": null", "\"opens_at\": 5", "/sale/opens_at must be a string"),
            (
                "\"opens_at\": null", "\"opens_at\": \"2026-02-30T00:00:00Z\"",
                "/sale/opens_at must be a moment as in 2026-11-24T05:44:59Z"
            ),
            ("\"closes_at\"", "\"closed_at\"", "/sale/closed_at is not known here; did you mean closes_at?"),
            (
                "\"tickets_per_hold\": 10", "\"tickets_per_hold\": null",
                "/limits/tickets_per_hold must be a whole number"
            ),
            (
                "\"holds_per_buyer\": null", "\"holds_per_buyer\": \"\"",
                "/limits/holds_per_buyer must be a whole number"
            ),
            (
                "{ \"floor\": 44000, \"lounge\": 1000, \"day\": 5000 }", "[]",
                "/pools must be an object of codes and numbers"
            ),
            ("\"pools\": { \"floor\": 44000, \"lounge\": 1000, \"day\": 5000 },", "", "/pools is required"),
            ("\"floor\": 44000", "\"floor\": \"x\"", "/pools/floor must be a whole number"),
            ("\"floor\": 44000", "\"floor\": 1, \"a/b\": 1", "/pools/a~1b must be named by 1 to 32 of A-Z a-z 0-9 _ -"),
            (
                "\"floor\": 44000", "\"floor\": 1, \"~\": -1",
                "/pools/~0 must be named by 1 to 32 of A-Z a-z 0-9 _ -\n/pools/~0 must be from 0 to 100000000"
            ),
            ("\"types\": [", "\"types\": [1,", "/types/0 must be an object"),
            ("\"code\": \"GA\", ", "", "/types/0/code is required"),
            ("\"VIP\"", "\"V.I.P\"", "/types/1/code must be 1 to 32 of A-Z a-z 0-9 _ -"),
            ("\"Lounge\"", "{}", "/types/1/name must be a string"),
            ("24900", "249e2", "/types/1/price must be a whole number, without fraction and exponent"),
            ("[\"lounge\"]", "\"lounge\"", "/types/1/pools must be an array"),
            (", \"pools\": [\"lounge\"]", "", "/types/1/pools is required"),
            (
                "[\"lounge\"]", "[\"lounge\", 1, \"\"]",
                "/types/1/pools/1 must be a string\n/types/1/pools/2 must be 1 to 32 of A-Z a-z 0-9 _ -"
            ),
            ("\"price\": 8900", "\"prise\": 8900", "/types/0/prise is not known here; did you mean price?"),
            ("\"disclose\": \"counts\"", "\"x~/y\": 1", "/x~0~1y is not known here"),
            // What the definition itself refuses.
            ("\"Summer Festival\"", "\"\"", "/name \(EventDocumentTests.wrongName)"),
            ("Summer Festival", String(repeating: "ü", count: 201), "/name \(EventDocumentTests.wrongName)"),
            ("Summer Festival", "a\\u0000b", "/name \(EventDocumentTests.wrongName)"),
            ("Summer Festival", "a\\nb", "/name \(EventDocumentTests.wrongName)"),
            ("Summer Festival", "a\\u001bb", "/name \(EventDocumentTests.wrongName)"),
            ("Summer Festival", "a\u{7f}", "/name \(EventDocumentTests.wrongName)"),
            ("Summer Festival", "a\u{85}b", "/name \(EventDocumentTests.wrongName)"),
            ("Summer Festival", "a\u{2028}b", "/name \(EventDocumentTests.wrongName)"),
            ("Summer Festival", "a\u{202e}b", "/name \(EventDocumentTests.wrongName)"),
            ("General admission", "\\t", "/types/0/name \(EventDocumentTests.wrongName)"),
            ("\"EUR\"", "\"eur\"", "/currency must be three capital letters, as in EUR"),
            ("300", "0", "/hold_seconds must be from 1 to 86400"),
            ("300", "86401", "/hold_seconds must be from 1 to 86400"),
            ("300", "9223372036854775807", "/hold_seconds must be from 1 to 86400"),
            ("300", "-9223372036854775808", "/hold_seconds must be from 1 to 86400"),
            ("\"grace_seconds\": 2", "\"grace_seconds\": 61", "/grace_seconds must be from 0 to 60"),
            ("\"max_extensions\": 3", "\"max_extensions\": -1", "/max_extensions must be from 0 to 100"),
            (
                "\"max_extensions\": 3", "\"max_extensions\": 9223372036854775807",
                "/max_extensions must be from 0 to 100"
            ),
            (
                "\"max_extensions\": 3", "\"max_extensions\": -9223372036854775808",
                "/max_extensions must be from 0 to 100"
            ),
            (
                "300,\n  \"grace_seconds\": 2,\n  \"max_extensions\": 3",
                "9223372036854775807, \"grace_seconds\": 9223372036854775807, \"max_extensions\": 0",
                "/hold_seconds must be from 1 to 86400\n/grace_seconds must be from 0 to 60"
            ),
            (
                "\"opens_at\": null, \"closes_at\": null",
                "\"opens_at\": \"2026-01-01T00:00:00Z\", \"closes_at\": \"2026-01-01T01:00:00+01:00\"",
                "/sale/closes_at must be later than opens_at"
            ),
            ("\"tickets_per_hold\": 10", "\"tickets_per_hold\": 0", "/limits/tickets_per_hold must be from 1 to 1000"),
            (
                "\"tickets_per_buyer\": null", "\"tickets_per_buyer\": 0",
                "/limits/tickets_per_buyer must be 1 or more, or null"
            ),
            (
                "\"holds_per_buyer\": null", "\"holds_per_buyer\": 0",
                "/limits/holds_per_buyer must be 1 or more, or null"
            ),
            ("44000", "100000001", "/pools/floor must be from 0 to 100000000"),
            ("\"VIP\"", "\"GA\"", "/types/1/code is taken by an earlier type"),
            ("\"General admission\"", "\"\"", "/types/0/name \(EventDocumentTests.wrongName)"),
            ("8900", "-1", "/types/0/price must be from 0 to 1000000000000 minor units"),
            ("[\"lounge\"]", "[]", "/types/1/pools must name from 1 to 4 pools"),
            ("[\"lounge\"]", "[\"Lounge\"]", "/types/1/pools/0 is not a pool of this event"),
            ("[\"lounge\"]", "[\"lounge\", \"lounge\"]", "/types/1/pools/1 is named twice"),
        ])
    func oneMistake(part: String, other: String, told: String) {
        let error = #expect(throws: DocumentError.self) { try EventDocument.read(Self.sample(part, other).utf8) }
        #expect(error?.description == told)
    }

    @Test("A name has 200 characters of any kind, joined and turned ones included")
    func names() throws {
        for name in [String(repeating: "ü", count: 200), "Fête 🎉👩‍👩‍👧", "ערב \u{200f}טוב", "می‌خواهم", "\u{a0}"] {
            #expect(try EventDocument.read(Self.sample("Summer Festival", name).utf8).name == name)
        }
    }

    @Test("A currency that ISO 4217 does not know is allowed, and warned of")
    func currencies() throws {
        for code in ["EUR", "JPY", "XTS", "ZWG", "CHF"] {
            #expect(try EventDocument.read(Self.sample("EUR", code).utf8).warnings.isEmpty)
        }
        let warnings = try EventDocument.read(Self.sample("EUR", "EUX").utf8).warnings
        #expect(warnings.map(\.pointer) == ["/currency"])
        #expect(warnings.first?.what.contains("ISO 4217") == true)
    }

    @Test("Without its capacities a definition names its pools, and none can read it as one")
    func hidden() throws {
        let definition = try EventDocument.read(Self.sample.utf8)
        var writer = JSONWriter(layout: .compact)
        EventDocument.write(definition, showsCapacities: false, to: &writer)
        let text = String(decoding: writer.bytes, as: UTF8.self)
        #expect(text.contains(#""pools":{"floor":null,"lounge":null,"day":null}"#))
        #expect(throws: DocumentError.self) { try EventDocument.read(writer.bytes) }
    }

    @Test(
        "All mistakes are reported at once, in the order of the document",
        arguments: [
            ("[]", "the document must be an object"),
            ("{}", "/id is required\n/pools is required\n/types is required"),
            (
                #"{"id":"e","pools":{},"types":[]}"#,
                "/pools must name from 1 to 64 pools\n/types must name from 1 to 1024 ticket types"
            ),
            (
                #"""
                {"types": [{"code": "A", "price": -1, "pools": ["x", "y z"]}, {"code": "A", "nmae": 1}, "B"],
                 "pools": {"x": -1, "y z": 1}, "hold_seconds": 0, "grace": 1, "sale": {"opens_at": ""}}
                """#,
                """
                /types/0/price must be from 0 to 1000000000000 minor units
                /types/0/pools/1 must be 1 to 32 of A-Z a-z 0-9 _ -
                /types/1/code is taken by an earlier type
                /types/1/nmae is not known here; did you mean name?
                /types/1/pools is required
                /types/2 must be an object
                /pools/x must be from 0 to 100000000
                /pools/y z must be named by 1 to 32 of A-Z a-z 0-9 _ -
                /hold_seconds must be from 1 to 86400
                /grace is not known here
                /sale/opens_at must be a moment as in 2026-11-24T05:44:59Z
                /id is required
                """
            ),
        ])
    func allMistakes(text: String, told: String) {
        let error = #expect(throws: DocumentError.self) { try EventDocument.read(text.utf8) }
        #expect(error?.description == told)
    }

    @Test("What is not JSON is reported as that, with its position")
    func syntax() {
        let error = #expect(throws: DocumentError.self) {
            try EventDocument.read(Self.sample("\"id\": \"main\"", "\"pools\": {}").utf8)
        }
        guard case .syntax(let syntax) = error else { return #expect(Bool(false), "it was read as JSON") }
        #expect(syntax.pointer?.text == "/pools")
        #expect(error?.description == "line 12, column 3 (byte 335): the member \"pools\" is there twice")
    }

    @Test("A document of nothing but mistakes is answered soon and briefly", .timeLimit(.minutes(1)))
    func hostile() {
        let texts = [
            "{\"types\":[" + repeatElement("0", count: 400_000).joined(separator: ",") + "]}",
            "{" + (0..<70_000).map { "\"n\($0)\":0" }.joined(separator: ",") + "}",
            "{\"id\":\"e\",\"types\":[],\"pools\":{" + (0..<70_000).map { "\"n\($0)\":-1" }.joined(separator: ",")
                + "}}",
            "{\"id\":\"e\",\"pools\":{\"a\":1},\"types\":["
                + repeatElement("{\"code\":\"a\",\"price\":-1,\"pools\":[\"b\"]}", count: 20_000).joined(separator: ",")
                + "]}",
        ]
        for text in texts {
            let error = #expect(throws: DocumentError.self) { try EventDocument.read(text.utf8) }
            guard case .mistakes(let mistakes) = error else { return #expect(Bool(false), "\(error as Any)") }
            #expect(mistakes.count == Mistakes.most + 1)
        }
    }

    @Test("The limits that are asked for are those that count")
    func limits() {
        var limits = Limits()
        limits.poolsPerEvent = 2
        let error = #expect(throws: DocumentError.self) { try EventDocument.read(Self.sample.utf8, limits: limits) }
        #expect(error == .mistakes([JSONMistake("/pools", "must name from 1 to 2 pools")]))
    }

    @Test("The largest definition that the limits allow fits")
    func largest() throws {
        let pools = try (0..<64).map { EventDefinition.Pool(code: try Self.longCode("p", $0), capacity: 100_000_000) }
        let types = try (0..<1_024).map { number in
            EventDefinition.TicketType(
                code: try Self.longCode("t", number), name: String(repeating: "\u{1f39f}", count: 200),
                price: 1_000_000_000_000, pools: pools.prefix(4).map(\.code))
        }
        let definition = EventDefinition(id: try Self.longCode("e", 0), pools: pools, types: types)
        for layout in [JSONWriter.Layout.compact, .indented] {
            #expect(try EventDocument.read(EventDocument.write(definition, layout: layout)) == definition)
        }
    }

    private static func longCode(_ letter: String, _ number: Int) throws -> Code {
        let digits = "\(number)"
        return try code(letter + String(repeating: "_", count: 31 - digits.utf8.count) + digits)
    }

    @Test("The sample is written as people would write it")
    func written() throws {
        let text = String(decoding: EventDocument.write(try EventDocument.read(Self.sample.utf8)), as: UTF8.self)
        #expect(text.hasPrefix("{\n  \"id\": \"main\",\n  \"name\": \"Summer Festival\",\n  \"currency\": \"EUR\",\n"))
        #expect(text.contains("\n  \"sale\": {\n    \"opens_at\": null,\n    \"closes_at\": null\n  },\n"))
        #expect(text.hasSuffix("      ]\n    }\n  ]\n}\n"))
    }

    @Test("Any definition without mistakes survives being written", arguments: [20_261_124 as UInt64])
    func roundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1_000 {
            let definition = try Self.definition(using: &random)
            try #require(definition.mistakes() == [])
            for layout in [JSONWriter.Layout.compact, .indented] {
                #expect(try EventDocument.read(EventDocument.write(definition, layout: layout)) == definition)
            }
        }
    }

    private static func definition(using random: inout SeededGenerator) throws -> EventDefinition {
        let pools = try (0..<Int.random(in: 1...8, using: &random)).map { number in
            EventDefinition.Pool(
                code: try code("pool-\(number)"), capacity: .random(in: 0...100_000_000, using: &random))
        }
        func isOfNames(_ character: Character) -> Bool {
            let name = EventDefinition(id: pools[0].code, name: String(character), pools: [], types: [])
            return !name.mistakes().contains { $0.pointer == "/name" }
        }
        func name(_ random: inout SeededGenerator) -> String? {
            // Whatever an encoder could get wrong and a name may have.
            let text = String(random.text(upTo: 50).filter { isOfNames($0) })
            return text.isEmpty || random.chance(33) ? nil : text
        }
        let window = RFC3339.first...RFC3339.last - 1
        let opens = Int64.random(in: window, using: &random)
        let types = try (0..<Int.random(in: 1...8, using: &random)).map { number in
            var type = EventDefinition.TicketType(
                code: try code("T_\(number)"), name: name(&random),
                price: .random(in: 0...1_000_000_000_000, using: &random),
                pools: pools.shuffled(using: &random).prefix(Int.random(in: 1...4, using: &random)).map(\.code))
            if random.chance(20) { type.opensAt = WallTime(milliseconds: opens) }
            if random.chance(20) { type.leastPerHold = 1 }
            if random.chance(20) { type.mostPerHold = .random(in: 1 ... .max, using: &random) }
            if random.chance(20) { type.ticketsPerBuyer = .random(in: 1 ... .max, using: &random) }
            return type
        }
        return EventDefinition(
            id: try code("e\(Int.random(in: 0...999, using: &random))"), name: name(&random),
            currency: ["EUR", "USD", "JPY"].randomElement(using: &random) ?? "EUR",
            holdTime: .seconds(Int.random(in: 1...86_400, using: &random)),
            clientGrace: .seconds(Int.random(in: 0...60, using: &random)),
            maximumExtensions: .random(in: 0...5, using: &random),
            latePayment: .allCases.randomElement(using: &random) ?? .strict,
            opensAt: random.chance(50) ? WallTime(milliseconds: opens) : nil,
            closesAt: random.chance(50)
                ? WallTime(milliseconds: .random(in: opens + 1...window.upperBound + 1, using: &random)) : nil,
            ticketsPerHold: .random(in: 1...1_000, using: &random),
            ticketsPerBuyer: random.chance(50) ? .random(in: 1 ... .max, using: &random) : nil,
            holdsPerBuyer: random.chance(50) ? .random(in: 1 ... .max, using: &random) : nil,
            disclosure: .allCases.randomElement(using: &random) ?? .buckets,
            pools: pools, types: types)
    }
}
