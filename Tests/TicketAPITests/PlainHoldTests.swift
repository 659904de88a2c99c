import BoxOffice
import StrictJSON
import Testing
import TicketAPI
import TicketStore
import Workload

@Suite("The quick reader of holds reads as the complete one")
struct PlainHoldTests {
    private func plain(_ text: [UInt8]) -> BuyerRequests.Hold? {
        text.withUnsafeBytes { PlainHold.read($0) }
    }

    private func strict(_ text: [UInt8]) -> BuyerRequests.Hold? {
        try? BuyerRequests.hold.read(text)
    }

    @Test(
        "Both readers read common bodies, and alike",
        arguments: [
            #"{"lines":[{"type":"GA","quantity":1}]}"#,
            #"{"lines":[{"type":"GA","quantity":2,"min_quantity":1},{"quantity":1000,"type":"a-B_9"}],"buyer":"anna@example"}"#,
            #"{"buyer": "b c", "lines": [ {"quantity": 10, "type": "VIP"} ] }"#,
            "\r\n{ \t\"lines\" :\n[{\"type\" : \"GA\" , \"quantity\" : 1 } ] , \"buyer\":\"~\" }\n",
        ])
    func common(text: String) {
        let read = plain(Array(text.utf8))
        #expect(read != nil)
        #expect(read == strict(Array(text.utf8)))
    }

    @Test(
        "The quick reader leaves wrong and unusual bodies to the complete one",
        arguments: [
            "", "{}", "[]", #"{"lines":[]}"#, #"{"lines":[{"type":"GA"}]}"#, #"{"lines":[{"quantity":1}]}"#,
            #"{"lines":[{"type":"GA","quantity":0}]}"#, #"{"lines":[{"type":"GA","quantity":01}]}"#,
            #"{"lines":[{"type":"GA","quantity":-1}]}"#, #"{"lines":[{"type":"GA","quantity":1.0}]}"#,
            #"{"lines":[{"type":"GA","quantity":1e1}]}"#, #"{"lines":[{"type":"GA","quantity":1001}]}"#,
            #"{"lines":[{"type":"GA","quantity":"1"}]}"#, #"{"lines":[{"type":"","quantity":1}]}"#,
            #"{"lines":[{"type":"G A","quantity":1}]}"#, #"{"lines":[{"type":"\u0047A","quantity":1}]}"#,
            #"{"lines":[{"type":"GA","quantity":1,"quantity":1}]}"#,
            #"{"lines":[{"type":"GA","quantity":1,"seat":3}]}"#,
            #"{"lines":[{"type":"GA","quantity":1},]}"#, #"{"lines":[{"type":"GA","quantity":1}],}"#,
            #"{"lines":[{"type":"GA","quantity":1}],"lines":[{"type":"GA","quantity":1}]}"#,
            #"{"lines":[{"type":"GA","quantity":1}],"buyer":""}"#,
            #"{"lines":[{"type":"GA","quantity":1}],"buyer":null}"#,
            #"{"lines":[{"type":"GA","quantity":1}],"buyer":"Bürger"}"#, #"{"lines":[{"type":"GA","quantity":1}]} x"#,
            #"{"lines":[{"type":"GA","quantity":1}]}{}"#, #"{"lines":[{"type":"GA","quantity":1}]"#,
            #"{"lines":{"type":"GA","quantity":1}}"#, #"{lines:[{"type":"GA","quantity":1}]}"#,
            #"{"buyer":"x"}"#, #"{"lines":[{"type":"GA","quantity":1}],"x":1}"#,
            #"{"lines":[{"type":"GA","quantity":1}],"override":["window"]}"#,
        ])
    func otherwise(text: String) {
        #expect(plain(Array(text.utf8)) == nil)
    }

    @Test(
        "An override names checks, each once; everything else is reported with its place",
        arguments: [
            (#"["window"]"#, []), (#"["queue","limits","pause","window"]"#, []), ("[]", ["/override"]),
            ("null", ["/override"]), (#""window""#, ["/override"]),
            (#"["window","Pause",3,"window"]"#, ["/override/1", "/override/2", "/override/3"]),
            (#"["window","pause","limits","queue","window"]"#, ["/override"]),
        ])
    func overrides(text: String, pointers: [String]) throws {
        let body = Array(#"{"lines":[{"type":"GA","quantity":1}],"override":\#(text)}"#.utf8)
        do throws(DocumentError) {
            let hold = try BuyerRequests.hold.read(body)
            #expect(pointers.isEmpty && !hold.override.isEmpty)
        } catch {
            guard case .mistakes(let mistakes) = error else { throw error }
            #expect(mistakes.map { "\($0.pointer)" } == pointers)
        }
    }

    @Test("The quick reader reads as many lines as a hold may have, and no more")
    func lines() {
        func body(_ count: Int) -> [UInt8] {
            let lines = repeatElement(#"{"type":"GA","quantity":1}"#, count: count).joined(separator: ",")
            return Array(#"{"lines":[\#(lines)]}"#.utf8)
        }
        let most = Limits().linesPerHold
        #expect(plain(body(most))?.lines.count == most)
        #expect(plain(body(most)) == strict(body(most)))
        #expect(plain(body(most + 1)) == nil)
    }

    @Test("Both readers read bodies with a changed byte or piece alike")
    func mutations() {
        var random = SeededGenerator(seed: 20_261_124)
        let seeds = [
            #"{"lines":[{"type":"GA","quantity":12,"min_quantity":3}],"buyer":"anna"}"#,
            #"{ "buyer" : "b", "lines":[{"quantity":1,"type":"A"},{"type":"B","quantity":999}]}"#,
        ].map { Array($0.utf8) }
        let pieces = [
            "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "1", "9", " ", "\n", "-", ".", "e", "null", "\\u0041",
            "\"lines\"",
            "\"type\":\"X\"", "\u{0}", "ü", "\"buyer\":\"z\"", "true",
        ].map { Array($0.utf8) }
        var read = 0
        for _ in 0..<100_000 {
            var text = seeds[random.number(in: 0...1)]
            for _ in 0..<random.number(in: 1...3) {
                let place = random.number(in: 0...text.count - 1)
                let end = min(text.count, place + random.number(in: 0...2))
                text.replaceSubrange(place..<end, with: pieces[random.number(in: 0...pieces.count - 1)])
            }
            guard let hold = plain(text) else { continue }
            read += 1
            #expect(hold == strict(text), "\(String(decoding: text, as: UTF8.self))")
        }
        #expect(read > 1_000)
    }
}
