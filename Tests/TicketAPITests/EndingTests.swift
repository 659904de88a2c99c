import BoxOffice
import Testing
import TicketAPI

@Suite("A connection ends behind its last answer, and in time")
struct EndingTests {
    private static let live = "/health/live"
    private static let left = request("GET", "/remaining_tickets")
    private static let buy = request("POST", "/buy_ticket/GA", body: "")

    @Test("After Connection: close the answer says so, and what came behind is not carried out")
    func close() throws {
        for target in ["/remaining_tickets", "/v1/events/main/availability", Self.live] {
            let store = try CoreStore()
            let connection = try TestConnection(store)
            connection.send(request("GET", target, ["Connection: close"]) + Self.buy + Self.buy)
            #expect(connection.answers().map(\.closes) == [true])
            #expect(connection.socket.outputIsClosed && !connection.socket.isClosed && store.submitted == 0)
        }
    }

    @Test("Behind its last answer the service reads two more seconds or one megabyte from a connection")
    func lingering() throws {
        func ended() throws -> TestConnection {
            let connection = try TestConnection(try CoreStore())
            connection.send(request("GET", "/remaining_tickets", ["Connection: close"]))
            #expect(connection.statuses == [200])
            return connection
        }
        // The first second shows that the answer has left.
        var connection = try ended()
        connection.pass(2)
        #expect(!connection.socket.isClosed)
        connection.pass(1)
        #expect(connection.socket.isClosed)

        connection = try ended()
        connection.send(String(repeating: "x", count: 1 << 20))
        #expect(!connection.socket.isClosed && connection.received() == "")
        connection.send("x")
        #expect(connection.socket.isClosed)

        connection = try ended()
        connection.closeInput()
        #expect(connection.socket.isClosed)
    }

    @Test("A client that closes its side gets every answer that it is owed, and then the end")
    func halfClose() throws {
        let routed = request("GET", Self.live)
        for pipeline in [[Self.buy], [routed], [Self.left], [Self.buy, routed, Self.buy], [routed, Self.buy]] {
            let store = try CoreStore()
            let connection = try TestConnection(store)
            store.holdUp()
            connection.router.isHeldUp = true
            connection.send(pipeline.joined())
            connection.closeInput()
            for _ in pipeline where !connection.socket.isClosed {
                store.goOn()
                connection.loop.run()
                if connection.router.requests.count > 0, !connection.socket.isClosed { connection.router.answer() }
            }
            #expect(connection.statuses == pipeline.map { _ in 200 })
            #expect(connection.socket.isClosed)
        }
    }

    @Test("A client that closes its side gets all of an answer that the kernel had no room for")
    func halfCloseOfReader() throws {
        for target in ["/remaining_tickets", "/health/live"] {
            for closes in [false, true] {
                let connection = try TestConnection(try CoreStore())
                connection.socket.isStuck = true
                connection.send(request("GET", target, closes ? ["Connection: close"] : []))
                connection.closeInput()
                // To close our side alone would not do: the channel would close the other one with it.
                #expect(!connection.socket.isClosed && connection.socket.outputIsClosed == closes)
                connection.socket.take()
                connection.loop.run()
                if closes { connection.pass(3) }
                #expect(connection.statuses == [200])
                #expect(connection.socket.isClosed)
            }
        }
    }

    @Test("If the router ends its side for a client that has closed its own, the kernel gets the answer first")
    func halfCloseBeforeAnswer() throws {
        let connection = try TestConnection(try CoreStore())
        connection.router.isHeldUp = true
        connection.router.closesOutput = true
        connection.socket.isStuck = true
        connection.send(request("GET", Self.live, ["Connection: close"]))
        connection.closeInput()
        connection.router.answer()
        connection.loop.run()
        #expect(!connection.socket.isClosed && !connection.socket.outputIsClosed)
        connection.socket.take()
        connection.loop.run()
        #expect(connection.statuses == [200] && connection.socket.isClosed)
    }

    @Test("A client that closes its side and reads nothing is cut off after the time for writing")
    func halfCloseOfDeaf() throws {
        let connection = try TestConnection(try CoreStore()) { $0.write = .seconds(30) }
        connection.socket.isStuck = true
        connection.send(Self.left)
        connection.closeInput()
        connection.pass(30)
        #expect(!connection.socket.isClosed)
        connection.pass(1)
        #expect(connection.socket.isClosed)
    }

    @Test("A request that the client's end cuts off is not carried out")
    func cutOff() throws {
        for cut in [
            Self.buy.dropLast(1), Self.buy.prefix(5), request("POST", "/buy_ticket/GA", ["Content-Length: 5"])[...],
        ] {
            let store = try CoreStore()
            let connection = try TestConnection(store)
            connection.send(Self.left + cut)
            connection.closeInput()
            #expect(connection.statuses == [200])
            #expect(connection.socket.isClosed && store.submitted == 0)
        }
    }

    @Test("The router learns that a recount's client left; it answers any other request")
    func recount() throws {
        for (target, isTold) in [("/v1/invariants", true), ("/v1/events", false)] {
            let connection = try TestConnection(try CoreStore())
            connection.router.isHeldUp = true
            connection.send(request("GET", target))
            connection.closeInput()
            #expect(connection.router.inputIsClosed == isTold, "\(target)")
            #expect(!connection.socket.isClosed)
        }
    }

    @Test(
        "A request that is not whole in its time is refused, whichever part is missing",
        arguments: [
            ("G", "ET /a"), ("GET /remaining_tickets HTTP/1.1\r\nHost: l\r\nX: ", "aaaaa"), ("\r\n\r\n\r\nG", "ET /a"),
            (request("POST", "/buy_ticket/GA", ["Content-Length: 9"]) + "abc", "aaaaa"),
            (request("POST", "/nothing", ["Transfer-Encoding: chunked"]) + "1\r\na\r\n", "aaaaa"),
        ])
    func slowRequests(start: String, more: String) throws {
        let store = try CoreStore()
        let connection = try TestConnection(store)
        connection.send(start)
        for byte in more {
            connection.pass(2)
            // More of it gives no more time.
            connection.send("\(byte)")
        }
        #expect(connection.received() == "")
        connection.pass(1)
        let answers = connection.answers()
        #expect(answers.map(\.status) == [408] && answers[0].closes && answers[0].body.contains("request-timeout"))
        #expect(connection.socket.outputIsClosed && store.submitted == 0)
        connection.pass(3)
        #expect(connection.socket.isClosed)
    }

    @Test("A request that is not whole in its time is refused, though it began behind a whole one")
    func slowBehindWhole() throws {
        for whole in Self.wholes {
            for half in ["G", "GET /a HTTP/1.1\r\n", "GET /a HTTP/1.1\r\nHost: l\r\nX: \r\n"] {
                let connection = try TestConnection(try CoreStore())
                connection.send(whole + half)
                #expect(connection.statuses == [200], "\(whole)")
                connection.pass(10)
                #expect(connection.received() == "")
                connection.pass(1)
                #expect(connection.statuses == [408], "\(whole) \(half)")
            }
        }
    }

    @Test("Behind whole requests a connection is idle and never late, wherever what arrives is cut")
    func idleBehindWhole() throws {
        for whole in Self.wholes.flatMap({ [$0, $0 + $0, $0 + "\r\n"] }) {
            for cut in 1..<whole.utf8.count {
                let connection = try TestConnection(try CoreStore())
                let middle = whole.utf8.index(whole.startIndex, offsetBy: cut)
                connection.send(String(whole[..<middle]))
                connection.send(String(whole[middle...]))
                _ = connection.received()
                connection.pass(12)
                #expect(connection.received() == "", "\(whole) cut at \(cut)")
            }
        }
    }

    private static let wholes = [
        left, request("GET", live), request("POST", "/nothing", body: "{}"), request("POST", "/nothing", body: "a\r\n"),
        request("POST", "/nothing", ["Transfer-Encoding: chunked"]) + "3\r\nabc\r\n0\r\n\r\n",
    ]

    @Test("A connection that asks nothing is closed without a word; an empty line asks nothing")
    func idle() throws {
        for data in ["", Self.left, request("GET", Self.live), request("POST", "/buy_ticket/NO", body: "") + "\r\n"] {
            let connection = try TestConnection(try CoreStore()) { $0.idle = .seconds(20) }
            connection.send(data)
            _ = connection.received()
            connection.pass(20)
            #expect(!connection.socket.isClosed)
            connection.send("\r\n")
            connection.pass(20)
            #expect(!connection.socket.isClosed)
            connection.pass(1)
            #expect(connection.socket.isClosed && connection.received() == "")
        }
    }

    @Test("While the store or the router owes an answer, a connection is not idle")
    func owed() throws {
        for data in [Self.buy, request("GET", Self.live)] {
            let store = try CoreStore()
            let connection = try TestConnection(store) { $0.idle = .seconds(20) }
            store.holdUp()
            connection.router.isHeldUp = true
            connection.send(data)
            connection.pass(100)
            #expect(!connection.socket.isClosed)
        }
    }

    @Test("A client that reads nothing of its answers is closed after the time for writing")
    func stuck() throws {
        for data in [Self.left, request("GET", Self.live)] {
            let connection = try TestConnection(try CoreStore()) { $0.write = .seconds(30) }
            connection.socket.isStuck = true
            connection.send(data)
            connection.pass(30)
            #expect(!connection.socket.isClosed)
            connection.pass(1)
            #expect(connection.socket.isClosed)
        }
    }

    @Test(
        "A stop closes a connection at once if nothing is owed, else behind its last answer, and accepts no further request"
    )
    func stop() throws {
        let store = try CoreStore()
        var connection = try TestConnection(store)
        connection.send(Self.left)
        connection.stop()
        #expect(connection.socket.isClosed)

        connection = try TestConnection(store)
        store.holdUp()
        connection.send(Self.buy)
        connection.stop()
        #expect(!connection.socket.isClosed && !connection.socket.outputIsClosed)
        connection.send(Self.buy)
        store.goOn()
        connection.loop.run()
        #expect(connection.statuses == [200])
        #expect(connection.socket.outputIsClosed && store.submitted == 1)

        connection = try TestConnection(store)
        connection.socket.isStuck = true
        connection.send(Self.left)
        connection.stop()
        #expect(!connection.socket.isClosed, "bytes that the channel has still go out")
    }

    @Test(
        "A stop in the middle of a request lets it end: answered, refused, or out of time",
        arguments: [
            ("3\r\nabc\r\n0\r\n\r\n", 200), ("nonsense\r\n\r\n", 400),
            ("c8\r\n" + String(repeating: "z", count: 200) + "\r\n0\r\n\r\n", 413), ("", 408),
        ])
    func stopInTheMiddle(rest: String, status: Int) throws {
        for target in ["/buy_ticket/GA", "/nothing"] {
            let store = try CoreStore()
            let connection = try TestConnection(store) { $0.bodyBytes = 100 }
            connection.send(request("POST", target, ["Transfer-Encoding: chunked"]))
            connection.stop()
            connection.send(rest)
            if rest.isEmpty { connection.pass(11) }
            #expect(connection.statuses == [status])
            #expect(connection.socket.outputIsClosed)
            #expect(store.submitted == (status == 200 && target != "/nothing" ? 1 : 0))
        }
    }
}
