import Testing
import TicketAPI

@Suite("Where a request ends is never in doubt")
struct FramingTests {
    /// Hidden where only one of two readers would find it.
    private static let inner = "POST /buy_ticket/GA HTTP/1.1\r\nHost: l\r\nContent-Length: 0\r\n\r\n"
    private static let routed = "POST /nothing HTTP/1.1\r\nHost: l\r\n"
    private static let fast = "POST /complete_purchase/x HTTP/1.1\r\nHost: l\r\n"
    private static let last = request("GET", "/remaining_tickets", ["Connection: close"])

    @Test(
        "A request that can be read in two ways is refused as a whole, with all that comes behind it",
        arguments: [
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nX",
            "Content-Length: 0\r\nContent-Length: 66\r\n\r\n",
            "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "Content-Length: 0, 66\r\n\r\n",
            "Content-Length: +66\r\n\r\n", "Content-Length: 0x42\r\n\r\n", "Content-Length: 6 6\r\n\r\n",
            "Content-Length: \r\n\r\n", "Content-Length: -66\r\n\r\n",
            "Content-Length: 18446744073709551682\r\n\r\n",
            "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding: \u{b}chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", "Transfer-Encoding: identity\r\n\r\n",
            "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "Content-Length : 66\r\n\r\n", "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
            "X: a\r\n Content-Length: 66\r\n\r\n", "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", ": x\r\n\r\n",
            "X: a\rContent-Length: 66\r\n\r\n", "X: a\nContent-Length: 66\r\n\r\n", "X: a\n\n",
            "Content\0-Length: 66\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n 0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "Host: m\r\n\r\n",
        ])
    func ambiguous(rest: String) throws {
        for line in [Self.routed, Self.fast] {
            // Answers that are owed before it still leave.
            for before in ["", request("GET", "/remaining_tickets") + request("GET", "/health/live")] {
                let store = try CoreStore()
                let connection = try TestConnection(store)
                connection.send(before + line + rest + Self.inner)
                let answers = connection.answers()
                #expect(answers.map(\.status) == (before.isEmpty ? [400] : [200, 200, 400]))
                #expect(answers.last?.closes == true && answers.last?.body.contains("malformed-request") == true)
                #expect(connection.socket.outputIsClosed && store.submitted == 0)
                #expect(connection.router.requests == (before.isEmpty ? [] : ["/health/live"]))
            }
        }
    }

    @Test("A request inside a body is part of the body, whatever way the body is written")
    func hidden() throws {
        let size = Self.inner.utf8.count
        let chunk = String(size, radix: 16) + "\r\n" + Self.inner + "\r\n0\r\n\r\n"
        for rest in [
            "Content-Length: \(size)\r\n\r\n" + Self.inner, "Content-Length: \(size) \r\n\r\n" + Self.inner,
            "Transfer-Encoding: chunked\r\n\r\n" + chunk, "transfer-encoding:Chunked\r\n\r\n" + chunk,
            "X-Transfer-Encoding: x\r\nTransfer-Encoding:\tchunked \r\n\r\n" + chunk,
            "Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: \(size)\r\n\r\n" + Self.inner,
        ] {
            for (line, status) in [(Self.routed, 200), (Self.fast, 404)] {
                for pieces in [1, 7, 1_000] {
                    let store = try CoreStore()
                    let connection = try TestConnection(store)
                    connection.send(line + rest + Self.last, pieces: pieces)
                    #expect(connection.statuses == [status, 200], "\(rest) in \(pieces) pieces")
                    #expect(store.submitted == 0)
                }
            }
        }
    }

    @Test(
        "Where a request has one host, one version and no coding that we do not know, it is read",
        arguments: [
            ("GET /remaining_tickets HTTP/1.1\r\n\r\n", 400),
            ("GET /remaining_tickets HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", 400),
            ("GET /health/live HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
            ("GET /remaining_tickets HTTP/1.0\r\n\r\n", 200),
            ("GET /remaining_tickets HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400),
            ("POST /buy_ticket/GA HTTP/1.0\r\nHost: l\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
            (routed + "Content-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc", 415),
            (routed + "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 415),
            (fast + "Content-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc", 404),
            (fast + "Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", 404),
            (fast + "Expect: 200-maybe\r\nContent-Length: 5\r\n\r\nhello", 417),
            (routed + "Expect: 200-maybe\r\nContent-Length: 5\r\n\r\nhello", 417),
            ("GET / HTTP/9.9\r\n\r\n", 400), ("hello\r\n\r\n", 400), ("\0\0\0\0\0\0", 400), ("GET\r\n\r\n", 400),
            ("GET / HTTX/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: l\r\nX\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: l\0\r\n\r\n", 400), ("GET /\0 HTTP/1.1\r\nHost: l\r\n\r\n", 400),
            ("GET /nothing HTTP/1.1 x\r\n\r\n", 400), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
            ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}", 400), ("{\"a\": 1}\r\n", 400), ("<\r\n", 400),
        ])
    func read(data: String, status: Int) throws {
        let connection = try TestConnection(try CoreStore())
        connection.send(data)
        let answers = connection.answers()
        #expect(answers.map(\.status) == [status])
        let ends = [400, 413, 415, 417].contains(status)
        #expect(answers.first?.closes == (ends || data.contains("HTTP/1.0")))
        #expect(connection.socket.outputIsClosed == (ends || data.contains("HTTP/1.0")))
    }

    @Test("A body that a call does not have is skipped, and the next request is not read out of it")
    func superfluous() throws {
        for (method, target, status) in [
            ("POST", "/buy_ticket/GA", 200), ("GET", "/remaining_tickets", 200), ("POST", "/complete_purchase/x", 404),
            ("DELETE", "/remaining_tickets", 405), ("GET", "/health/live", 200),
        ] {
            for body in ["", "{}", Self.inner, "\r\n\r\n", String(repeating: "\0", count: 100)] {
                let store = try CoreStore()
                let connection = try TestConnection(store) { $0.bodyBytes = 100 }
                connection.send(request(method, target, body: body) + request("GET", "/remaining_tickets"))
                #expect(connection.statuses == [status, 200], "\(method) \(target) \(body)")
                #expect(store.submitted == (target == "/buy_ticket/GA" ? 1 : 0))
            }
        }
    }

    @Test("A body of exactly the limit is read; a longer one is refused as soon as it is known to be longer")
    func bodyLimit() throws {
        let whole = String(repeating: "z", count: 100)
        for (target, status) in [("/buy_ticket/GA", 200), ("/nothing", 200)] {
            func statuses(_ data: String, pieces: Int = 1) throws -> [Int] {
                let connection = try TestConnection(try CoreStore()) { $0.bodyBytes = 100 }
                connection.send(data, pieces: pieces)
                let answers = connection.answers()
                #expect(connection.socket.outputIsClosed == (answers.last?.status == 413))
                return answers.map(\.status)
            }
            let chunked = request("POST", target, ["Transfer-Encoding: chunked"])
            let many = String(repeating: "1\r\nz\r\n", count: 100)
            #expect(try statuses(request("POST", target, body: whole)) == [status])
            #expect(try statuses(chunked + "64\r\n" + whole + "\r\n0\r\n\r\n") == [status])
            #expect(try statuses(chunked + many + "0\r\n\r\n", pieces: 50) == [status])
            #expect(try statuses(request("POST", target, ["Content-Length: 101"])) == [413])
            #expect(try statuses(request("POST", target, ["Expect: 100-continue", "Content-Length: 101"])) == [413])
            #expect(try statuses(chunked + "65\r\n" + whole + "z") == [413])
            #expect(try statuses(chunked + many + "1\r\nz", pieces: 50) == [413])
        }
    }

    @Test("Too much of request line and headers is refused, never served")
    func headerLimit() throws {
        let long = String(repeating: "x", count: 2_049)
        for data in [
            request("GET", "/" + long), request("GET", "/remaining_tickets?" + long),
            request("GET", "/remaining_tickets", ["X: " + long]), request("GET", "/remaining_tickets", [long + ": x"]),
            request("GET", "/remaining_tickets", (0..<90).map { "X-\($0): " + String(repeating: "x", count: 40) }),
            request("GET", "/remaining_tickets", (0..<150).map { "X-\($0): " }),
            "GET /" + String(repeating: "a", count: 1_000_000),
        ] {
            let connection = try TestConnection(try CoreStore()) { $0.headerBytes = 2_048 }
            connection.send(data)
            #expect(connection.statuses == [431], "\(data.prefix(60))")
            #expect(connection.socket.outputIsClosed)
        }
    }

    @Test("A client that waits for 100 Continue gets it in its turn, and HTTP/1.0 gets none")
    func expectation() throws {
        for (target, status) in [("/buy_ticket/GA", 200), ("/nothing", 200)] {
            let store = try CoreStore()
            let connection = try TestConnection(store)
            let asked = request("POST", target, ["Expect: 100-continue", "Content-Length: 5"])
            connection.send(asked)
            #expect(connection.received() == "HTTP/1.1 100 Continue\r\n\r\n")
            connection.send("hello")
            #expect(connection.statuses == [status])

            store.holdUp()
            connection.send(request("POST", "/buy_ticket/GA", body: "") + asked)
            #expect(connection.received() == "")
            store.goOn()
            connection.loop.run()
            #expect(connection.statuses == [200, 100])
            connection.send("hello" + request("GET", "/remaining_tickets"))
            #expect(connection.statuses == [status, 200])

            connection.send(request("POST", target, ["Expect: 100-continue"], body: "hello", version: "1.0"))
            #expect(connection.statuses == [status])
        }
    }

    @Test("An offer to upgrade is not accepted and costs the connection nothing; behind CONNECT nothing is read")
    func upgrades() throws {
        let connection = try TestConnection(try CoreStore())
        for target in ["/remaining_tickets", "/health/live"] {
            let offer = request("GET", target, ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"])
            connection.send(offer + request("GET", "/remaining_tickets") + offer)
            connection.send(request("GET", "/remaining_tickets"))
            #expect(connection.statuses == [200, 200, 200, 200])
        }
        // The decoder and we could read two `Connection` headers differently.
        let two = request("GET", "/remaining_tickets", ["Connection: Upgrade", "Connection: x", "Upgrade: h2c"])
        connection.send(two + Self.inner)
        let answers = connection.answers()
        #expect(answers.map(\.status) == [200] && answers.first?.closes == true)

        let tunnel = try TestConnection(try CoreStore())
        tunnel.send("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n" + Self.inner)
        #expect(tunnel.answers().map(\.closes) == [true])
        #expect(tunnel.router.requests == ["example.org:443"])
    }
}
