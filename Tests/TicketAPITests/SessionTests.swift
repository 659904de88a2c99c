import NIOCore
import Testing
import TicketAPI

/// R54 Sign-in, in virtual time.
@Suite("Sessions of operators")
struct SessionTests {
    private func session(_ key: String, at milliseconds: Int64) -> SessionTable.Session {
        SessionTable.Session(
            credential: "hfk_\(key)", key: key, formToken: "form", begunAt: moment(milliseconds))
    }

    private func moment(_ milliseconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(0) + .milliseconds(milliseconds)
    }

    @Test("A session lasts twelve hours, and not a millisecond longer")
    func life() {
        var table = SessionTable()
        table.begin("a", session("anna", at: 1_000))
        let end: Int64 = 1_000 + 12 * 3_600_000
        #expect(table.session("a", at: moment(end - 1))?.key == "anna")
        #expect(table.session("a", at: moment(end)) == nil)
        #expect(table.session("b", at: moment(1_000)) == nil)
        // The next one to begin takes it away.
        table.begin("b", session("ben", at: end))
        #expect(table.count == 1)
    }

    @Test("Signing out ends one session, or all of a key")
    func ending() {
        var table = SessionTable()
        let now = moment(5)
        for id in ["a", "b", "c"] { table.begin(id, session("anna", at: 5)) }
        table.begin("d", session("ben", at: 5))
        table.end("a")
        #expect(table.session("a", at: now) == nil)
        #expect(table.session("b", at: now) != nil)
        table.endAll(of: "anna")
        #expect(table.session("b", at: now) == nil)
        #expect(table.session("c", at: now) == nil)
        #expect(table.session("d", at: now) != nil)
    }

    @Test("A session remembers the last twenty things that were searched for, each for itself and as long as it lasts")
    func searches() {
        var table = SessionTable()
        let now = moment(5)
        for id in ["a", "b"] { table.begin(id, session("anna", at: 5)) }
        for number in 1...21 { #expect(table.note(search: "buyer \(number)", in: "a", at: now) == number) }
        #expect(table.note(search: String(repeating: "x", count: 5_000), in: "b", at: now) == 1)
        #expect(table.search(1, in: "a", at: now) == nil)
        #expect(table.search(2, in: "a", at: now) == "buyer 2")
        #expect(table.search(21, in: "a", at: now) == "buyer 21")
        for strange in [0, -1, 22, Int.min, Int.max] { #expect(table.search(strange, in: "a", at: now) == nil) }
        #expect(table.search(1, in: "b", at: now)?.count == SessionTable.searchBytes)
        table.end("a")
        #expect(table.search(21, in: "a", at: now) == nil)
        #expect(table.note(search: "x", in: "a", at: now) == nil)
        #expect(table.note(search: "x", in: "b", at: moment(5 + 12 * 3_600_000)) == nil)
    }

    @Test("A form that may count once counts once in its session, unless it was refused; the last twenty are known")
    func forms() {
        var table = SessionTable()
        let now = moment(5)
        for id in ["a", "b"] { table.begin(id, session("anna", at: 5)) }
        #expect(table.send(form: "1", in: "a", at: now) == true)
        #expect(table.send(form: "1", in: "a", at: now) == false)
        #expect(table.send(form: "1", in: "b", at: now) == true)
        table.forget(form: "1", in: "a")
        #expect(table.send(form: "1", in: "a", at: now) == true)
        for number in 2...20 { #expect(table.send(form: "\(number)", in: "a", at: now) == true) }
        #expect(table.send(form: "1", in: "a", at: now) == false)
        #expect(table.send(form: "21", in: "a", at: now) == true)
        #expect(table.send(form: "1", in: "a", at: now) == true)
    }

    @Test("A key has twenty sessions, and all keys together a thousand; the oldest gives way")
    func bounds() {
        var table = SessionTable()
        for number in 0...20 { table.begin("a\(number)", session("anna", at: Int64(number))) }
        let now = moment(5_000)
        #expect(table.count == 20)
        #expect(table.session("a0", at: now) == nil)
        #expect(table.session("a1", at: now) != nil)
        for number in 0..<980 { table.begin("b\(number)", session("key\(number)", at: 100 + Int64(number))) }
        #expect(table.count == 1_000)
        table.begin("c", session("carl", at: 5_000))
        #expect(table.count == 1_000)
        #expect(table.session("a1", at: now) == nil)
        #expect(table.session("a2", at: now) != nil)
        #expect(table.session("c", at: now) != nil)
    }
}
