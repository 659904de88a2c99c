import StrictJSON
import Testing
import Workload

@Suite("Reading JSON")
struct JSONReaderTests {
    @Test(
        "What RFC 8259 allows is read without loss",
        arguments: [
            ("null", .null), ("true", .boolean(true)), ("false", .boolean(false)),
            (" \t\r\n1 \t\r\n", .integer(1)), ("\u{feff}1", .integer(1)), ("\u{feff} {}", .object([])),
            ("0", .integer(0)), ("-0", .integer(0)), ("-1", .integer(-1)), ("10", .integer(10)),
            ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
            ("9223372036854775808", .number("9223372036854775808")),
            ("-9223372036854775809", .number("-9223372036854775809")),
            ("1.0", .number("1.0")), ("0.5", .number("0.5")), ("-0.0", .number("-0.0")), ("1e2", .number("1e2")),
            ("0e+1", .number("0e+1")), ("1E-2", .number("1E-2")), ("123.456e78", .number("123.456e78")),
            ("1e99999", .number("1e99999")),
            ("\"\"", .string("")), ("\"a\"", .string("a")),
            (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{c}\n\r\t")),
            (#""\u0061\u00e9\u20AC\u0000""#, .string("aé€\0")),
            (#""\uD834\uDd1e""#, .string("\u{1d11e}")), (#""x\udbff\udfffy""#, .string("x\u{10ffff}y")),
            (#""\\u0061""#, .string("\\u0061")), ("\"\u{7f}\u{2028}\u{2029}\"", .string("\u{7f}\u{2028}\u{2029}")),
            ("\"é€\u{1d11e}\u{feff}\u{ffff}\"", .string("é€\u{1d11e}\u{feff}\u{ffff}")),
            ("[]", .array([])), ("[ ]", .array([])),
            ("[1 , [2],\n3]", .array([.integer(1), .array([.integer(2)]), .integer(3)])),
            ("{}", .object([])), ("{ }", .object([])), (#"{"":0}"#, .object([.init("", .integer(0))])),
            (
                #"{ "b" : 1 , "a":{"b":[]}, "c\u0000":null}"#,
                .object([
                    .init("b", .integer(1)), .init("a", .object([.init("b", .array([]))])), .init("c\0", .null),
                ])
            ),
        ] as [(String, JSONValue)])
    func valid(text: String, value: JSONValue) throws {
        #expect(try JSONValue.read(text.utf8) == value)
    }

    @Test(
        "Anything else is refused at the byte where it goes wrong",
        arguments: [
            // Values.
            ("", 0, "the text ends where a value was expected"), (" ", 1, "the text ends where a value was expected"),
            ("nul", 0, "a value was expected"), ("True", 0, "a value was expected"),
            ("truth", 0, "a value was expected"), ("nullx", 4, "nothing may follow the value"),
            ("'a'", 0, "a value was expected"), ("// x\n1", 0, "a value was expected"),
            ("\u{a0}1", 0, "a value was expected"), ("1\u{c}", 1, "nothing may follow the value"),
            ("1 2", 2, "nothing may follow the value"), ("{}}", 2, "nothing may follow the value"),
            ("1\0", 1, "nothing may follow the value"), ("\u{feff}\u{feff}1", 0, "a value was expected"),
            ("1\u{feff}", 1, "nothing may follow the value"), ("\u{feff}x", 0, "a value was expected"),
            // Numbers.
            ("01", 0, "a number must not begin with a needless 0"),
            ("-01", 0, "a number must not begin with a needless 0"),
            ("00", 0, "a number must not begin with a needless 0"),
            ("-", 1, "a digit must follow the minus sign"), ("--1", 1, "a digit must follow the minus sign"),
            ("-a", 1, "a digit must follow the minus sign"), ("1.", 2, "a digit must follow the decimal point"),
            ("1.e1", 2, "a digit must follow the decimal point"), ("-.5", 1, "a digit must follow the minus sign"),
            (".5", 0, "a value was expected"), ("+1", 0, "a value was expected"),
            ("1e", 2, "the exponent needs a digit"),
            ("1e+", 3, "the exponent needs a digit"), ("1E-x", 3, "the exponent needs a digit"),
            ("1e1.5", 3, "nothing may follow the value"), ("0x1", 1, "nothing may follow the value"),
            ("1_000", 1, "nothing may follow the value"), ("NaN", 0, "a value was expected"),
            ("Infinity", 0, "a value was expected"), ("-Infinity", 1, "a digit must follow the minus sign"),
            ("１", 0, "a value was expected"),
            // Strings.
            ("\"", 1, "the text ends inside a string"), ("\"a", 2, "the text ends inside a string"),
            ("\"\\", 2, "the text ends inside a string"), ("\"\\\"", 3, "the text ends inside a string"),
            ("\"a\nb\"", 2, "a control character in a string must be escaped"),
            ("\"\0\"", 1, "a control character in a string must be escaped"),
            ("\"\u{1f}\"", 1, "a control character in a string must be escaped"),
            (#""\x""#, 1, "there is no such escape"), (#""\U0061""#, 1, "there is no such escape"),
            (#""\'""#, 1, "there is no such escape"), ("\"\\\n\"", 1, "there is no such escape"),
            (#""\u""#, 1, "four hexadecimal digits must follow \\u"),
            (#""\u00g0""#, 1, "four hexadecimal digits must follow \\u"),
            (#""a\u123"#, 2, "four hexadecimal digits must follow \\u"),
            (#""\ud800""#, 1, "a surrogate stands without its other half"),
            (#""\udc00""#, 1, "a surrogate stands without its other half"),
            (#""\ud800\n""#, 1, "a surrogate stands without its other half"),
            (#""\ud800\u0061""#, 1, "a surrogate stands without its other half"),
            (#""\ud800\ud800""#, 1, "a surrogate stands without its other half"),
            (#""\udc00\ud800""#, 1, "a surrogate stands without its other half"),
            (#""\ud800\u""#, 7, "four hexadecimal digits must follow \\u"),
            // Arrays.
            ("[", 1, "the text ends where a value was expected"),
            ("[1", 2, "the text ends where a comma or ] was expected"), ("[,", 1, "a value was expected"),
            ("[1,", 3, "the text ends where a value was expected"), ("[1,]", 2, "no comma may stand before ]"),
            ("[1,,2]", 3, "a value was expected"), ("[1 2]", 3, "a comma or ] was expected"),
            ("[1}", 2, "a comma or ] was expected"), ("]", 0, "a value was expected"),
            // Objects.
            ("{", 1, "a name in quotation marks was expected"), ("{1:1}", 1, "a name in quotation marks was expected"),
            ("{a:1}", 1, "a name in quotation marks was expected"),
            ("{'a':1}", 1, "a name in quotation marks was expected"), ("{\"a\"}", 4, "a colon was expected"),
            ("{\"a\" 1}", 5, "a colon was expected"), ("{\"a\":}", 5, "a value was expected"),
            ("{\"a\":1", 6, "the text ends where a comma or } was expected"),
            ("{\"a\":1,}", 6, "no comma may stand before }"),
            ("{\"a\":1,,}", 7, "a name in quotation marks was expected"),
            ("{\"a\":1]", 6, "a comma or } was expected"), ("{\"a\"::1}", 5, "a value was expected"),
        ])
    func invalid(text: String, offset: Int, what: String) {
        let error = #expect(throws: JSONError.self) { try JSONValue.read(text.utf8) }
        #expect(error?.what == what)
        #expect(error?.offset == offset)
    }

    @Test(
        "Bytes that are not UTF-8 are refused where they begin",
        arguments: [
            [0x80], [0xbf], [0xc0, 0x80], [0xc1, 0xbf], [0xc2], [0xc2, 0x41], [0xc3, 0xc3], [0xe0, 0x80, 0x80],
            [0xe0, 0x9f, 0xbf], [0xe2, 0x82], [0xe2, 0x82, 0x22], [0xed, 0xa0, 0x80], [0xed, 0xbf, 0xbf],
            [0xf0, 0x80, 0x80, 0x80], [0xf0, 0x8f, 0xbf, 0xbf], [0xf0, 0x9d, 0x84], [0xf4, 0x90, 0x80, 0x80],
            [0xf5, 0x80, 0x80, 0x80], [0xff], [0xfe],
        ] as [[UInt8]])
    func notUTF8(bytes: [UInt8]) {
        for tail in [[0x22], [0x7a, 0x22], []] as [[UInt8]] {
            let error = #expect(throws: JSONError.self) { try JSONValue.read([0x22, 0x61] + bytes + tail) }
            #expect(error?.what == "the bytes are not valid UTF-8")
            #expect(error?.offset == 2)
        }
    }

    @Test("UTF-8 is taken at the ends of each of its ranges, as Swift itself takes it")
    func utf8Ranges() throws {
        for value: UInt32 in [0x80, 0x7ff, 0x800, 0xfff, 0x1000, 0xcfff, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff] {
            let text = String(try #require(Unicode.Scalar(value)))
            #expect(try JSONValue.read("\"\(text)\"".utf8) == .string(text))
        }
    }

    @Test("A name that is there twice is refused with its pointer, in narrow and in wide objects")
    func duplicates() {
        expectDuplicate(#"{"a":1,"a":1}"#, pointer: "/a", offset: 7)
        expectDuplicate(#"{"a":1,"\u0061":1}"#, pointer: "/a", offset: 7)
        expectDuplicate(#"{"":1,"":1}"#, pointer: "/", offset: 6)
        expectDuplicate(#"{"x":[0,{"b/~":1,"c":2,"b/~":1}]}"#, pointer: "/x/1/b~1~0", offset: 23)
        for count in [15, 16, 17, 18, 100] {
            let names = (0..<count).map { "\"n\($0)\":0" }.joined(separator: ",")
            #expect(throws: Never.self) { try JSONValue.read("{\(names)}".utf8) }
            for again in [0, count / 2, count - 1] {
                expectDuplicate("{\(names),\"n\(again)\":0}", pointer: "/n\(again)", offset: names.utf8.count + 2)
            }
        }
    }

    private func expectDuplicate(_ text: String, pointer: String, offset: Int) {
        let error = #expect(throws: JSONError.self) { try JSONValue.read(text.utf8) }
        #expect(error?.pointer?.text == pointer)
        #expect(error?.offset == offset)
        #expect(error?.what.hasSuffix("is there twice") == true)
    }

    @Test("The bound on bytes counts all of them, and holds from the first byte beyond it")
    func byteLimit() throws {
        let limits = JSONLimits(bytes: 8)
        #expect(try JSONValue.read("[1,2,3 ]".utf8, limits: limits) == .array([.integer(1), .integer(2), .integer(3)]))
        let error = #expect(throws: JSONError.self) { try JSONValue.read("[1,2,3 ] ".utf8, limits: limits) }
        #expect(error?.description == "line 1, column 9 (byte 8): the text is longer than 8 bytes")
    }

    @Test("The bound on depth counts arrays and objects, and holds however deep the text goes on")
    func depthLimit() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(throws: Never.self) { try JSONValue.read(nested(16).utf8) }
        let error = #expect(throws: JSONError.self) { try JSONValue.read(nested(17).utf8) }
        #expect(error?.offset == 16)
        let mixed = String(repeating: #"{"a":["#, count: 8) + "[" + String(repeating: "]", count: 9)
        #expect(throws: JSONError.self) { try JSONValue.read(mixed.utf8) }
        #expect(throws: JSONError.self) { try JSONValue.read(String(repeating: "[", count: 60_000).utf8) }
        #expect(throws: JSONError.self) { try JSONValue.read(String(repeating: #"{"a":"#, count: 12_000).utf8) }
        let deepest = JSONLimits(depth: JSONLimits.deepest)
        #expect(throws: Never.self) { try JSONValue.read(nested(JSONLimits.deepest).utf8, limits: deepest) }
    }

    @Test("An error names its position by byte, line and column, the column in characters")
    func places() {
        let error = #expect(throws: JSONError.self) { try JSONValue.read("{\r\n  \"é\": 1,\n  \"ü€\" 2}".utf8) }
        #expect(error?.description == "line 3, column 8 (byte 24): a colon was expected")
    }

    @Test("An error's text holds nothing that steers a terminal, and no more of a name than a line has room for")
    func printable() {
        let name = #"\u001b[31m\u202e"# + String(repeating: "x", count: 1_000)
        let error = #expect(throws: JSONError.self) { try JSONValue.read("{\"\(name)\":1,\"\(name)\":1}".utf8) }
        let text = error?.description ?? ""
        #expect(text.contains(#"\u{1b}[31m\u{202e}xxx"#))
        #expect(text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x202e })
        #expect(text.utf8.count < 160)
    }

    @Test("Any kind of bytes can be read")
    func collections() throws {
        #expect(try JSONValue.read([0x31]) == .integer(1))
        #expect(try JSONValue.read([0x5b, 0x31, 0x5d][1...1]) == .integer(1))
        #expect(try JSONValue.read(repeatElement(0x31, count: 3)) == .integer(111))
    }

    @Test("Random values are read as they were written", arguments: [20_261_124 as UInt64])
    func roundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            let value = JSONValue.random(depth: 4, using: &random)
            for layout in [JSONWriter.Layout.compact, .indented] {
                var writer = JSONWriter(layout: layout)
                writer.value(value)
                #expect(try JSONValue.read(writer.bytes, limits: JSONLimits(bytes: 1 << 20)) == value)
            }
        }
    }

    @Test(
        "Damaged texts are refused or read, and what is read can be written and read again",
        arguments: [20_261_124 as UInt64]
    )
    func damage(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var refused = 0
        for _ in 0..<5_000 {
            var writer = JSONWriter()
            writer.value(JSONValue.random(depth: 3, using: &random))
            var bytes = writer.bytes
            for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes.remove(at: place)
                case 1: bytes.insert(.random(in: 0 ... .max, using: &random), at: place)
                case 2: bytes[place] = Array("{}[],:\"\\u0-e.".utf8).randomElement(using: &random) ?? 0
                default: bytes.removeSubrange(place...)
                }
            }
            do throws(JSONError) {
                let value = try JSONValue.read(bytes)
                var writer = JSONWriter()
                writer.value(value)
                #expect(try JSONValue.read(writer.bytes) == value)
            } catch {
                refused += 1
                #expect((0...bytes.count).contains(error.offset) && error.line >= 1 && error.column >= 1)
            }
        }
        #expect(refused > 1_000)
    }

    @Test("Very many members cost their share of time and no more", .timeLimit(.minutes(1)))
    func wide() throws {
        let members = (0..<60_000).map { "\"\($0)\":0" }.joined(separator: ",")
        #expect(throws: Never.self) { try JSONValue.read("{\(members)}".utf8, limits: JSONLimits(bytes: 1 << 20)) }
        // Names that are the worst to compare: marks that Unicode wants sorted.
        let marks = String(repeating: "\u{301}\u{323}", count: 7_000)
        let hostile = (0..<40).map { "\"\(marks)\($0)\":0" }.joined(separator: ",")
        #expect(throws: Never.self) { try JSONValue.read("{\(hostile)}".utf8, limits: JSONLimits(bytes: 2 << 20)) }
    }
}

extension JSONValue {
    static func random(depth: Int, using random: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 10 : 6), using: &random) {
        case 0: return .null
        case 1: return .boolean(.random(using: &random))
        case 2: return .integer(.random(in: .min ... .max, using: &random))
        case 3: return .integer(.random(in: -10...10, using: &random))
        case 4: return .number(["1.5", "-0.0", "1e400", "9223372036854775808"].randomElement(using: &random) ?? "0.0")
        case 5: return .string(random.text(upTo: 12))
        case 6, 7:
            return .array(
                (0..<Int.random(in: 0...5, using: &random)).map { _ in .random(depth: depth - 1, using: &random) })
        default:
            var names = Set<String>()
            let members = (0..<Int.random(in: 0...20, using: &random)).compactMap { _ -> Member? in
                let name = random.text(upTo: 6)
                return names.insert(name).inserted ? Member(name, .random(depth: depth - 1, using: &random)) : nil
            }
            return .object(members)
        }
    }
}
