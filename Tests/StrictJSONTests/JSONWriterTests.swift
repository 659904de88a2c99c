import Foundation
import StrictJSON
import Testing
import Workload

@Suite("Writing JSON")
struct JSONWriterTests {
    @Test(
        "Strings are escaped where they must be, and nowhere else",
        arguments: [
            ("", #""""#), ("plain", #""plain""#), ("\"", #""\"""#), ("\\", #""\\""#), ("a\"b\\c", #""a\"b\\c""#),
            ("\u{8}\t\n\u{c}\r", #""\b\t\n\f\r""#), ("\0\u{1}\u{f}\u{10}\u{1f}", #""\u0000\u0001\u000f\u0010\u001f""#),
            (" /<>&'", "\" /<>&'\""), ("\u{7f}\u{80}\u{2028}\u{2029}", "\"\u{7f}\u{80}\u{2028}\u{2029}\""),
            ("é€\u{1d11e}\n", "\"é€\u{1d11e}\\n\""),
        ])
    func strings(text: String, written: String) {
        var bytes = [UInt8]()
        JSONWriter.append(text, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == written)
    }

    @Test("Integers are written to their ends, into any collection of bytes")
    func integers() {
        var bytes = ContiguousArray<UInt8>()
        JSONWriter.append(Int64.min, to: &bytes)
        JSONWriter.append(UInt64.max, to: &bytes)
        JSONWriter.append(UInt8(0), to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "-9223372036854775808184467440737095516150")
    }

    @Test("Commas, brackets and lines stand where they must in both layouts")
    func layout() {
        func write(_ layout: JSONWriter.Layout) -> String {
            var writer = JSONWriter(layout: layout)
            writer.object { writer in
                writer.member("a\"", "x")
                writer.member("none", String?.none)
                writer.member("n", 3)
                writer.member("yes", true)
                writer.member("at") { $0.value(rfc3339: 0) }
                writer.member("empty") { $0.object { _ in } }
                writer.member("list") { value in
                    value.array { list in
                        list.value(Int?.none)
                        list.array { _ in }
                        list.object { $0.member("deep", false) }
                        list.value("end")
                    }
                }
            }
            return String(decoding: writer.bytes, as: UTF8.self)
        }
        #expect(
            write(.compact)
                == #"{"a\"":"x","none":null,"n":3,"yes":true,"at":"1970-01-01T00:00:00.000Z","empty":{},"#
                + #""list":[null,[],{"deep":false},"end"]}"#)
        #expect(
            write(.indented) == #"""
                {
                  "a\"": "x",
                  "none": null,
                  "n": 3,
                  "yes": true,
                  "at": "1970-01-01T00:00:00.000Z",
                  "empty": {},
                  "list": [
                    null,
                    [],
                    {
                      "deep": false
                    },
                    "end"
                  ]
                }

                """#)
    }

    @Test("Another reader understands the same strings", arguments: [20_261_124 as UInt64])
    func foundationAgrees(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1_000 {
            // The other reader drops a byte order mark from the beginning of a string and from behind any escape.
            let texts = (0..<4).map { _ in random.text(upTo: 20) }.filter { !$0.unicodeScalars.contains("\u{feff}") }
            var writer = JSONWriter()
            writer.array { list in
                for text in texts { list.value(text) }
            }
            let read = try JSONSerialization.jsonObject(with: Data(writer.bytes)) as? [String] ?? []
            #expect(read.map { Array($0.utf8) } == texts.map { Array($0.utf8) })
        }
    }
}

@Suite("JSON Pointers")
struct JSONPointerTests {
    @Test("Tokens are escaped, and found again")
    func tokens() {
        let pointer = JSONPointer.root.appending("a/b").appending(0).appending("~1").appending("").appending("é")
        #expect(pointer.text == "/a~1b/0/~01//é")
        #expect(JSONPointer.tokens(of: pointer.text) == ["a/b", "0", "~1", "", "é"])
        #expect(JSONPointer.tokens(of: "") == [])
        #expect(pointer.below("~/").text == "/~0~1/a~1b/0/~01//é")
    }
}
