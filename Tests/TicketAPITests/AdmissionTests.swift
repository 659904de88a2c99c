import BoxOffice
import NIOCore
import Testing
import TicketAPI
import TicketStore

@Suite("Connections and requests beyond a limit are refused, and probes are not")
struct AdmissionTests {
    private static let left = request("GET", "/remaining_tickets")
    private static let live = request("GET", "/health/live")

    @Test("Beyond the limit a connection may only send probes, until there is room")
    func connections() throws {
        for (address, ofAll, ofCaller, words) in [
            ("192.0.2.2", 2, nil, "there is room for"), ("192.0.2.1", 9, 2, "from your network"),
        ] as [(String, Int, Int?, String)] {
            let store = try CoreStore()
            let first = try TestConnection(store) {
                $0.connections = ofAll
                $0.connectionsOfCaller = ofCaller
            }
            let second = try TestConnection(store, beside: first)
            func third() throws -> TestConnection { try TestConnection(store, beside: first, from: address) }

            let refused = try third()
            refused.send(Self.left + Self.left)
            let answers = refused.answers()
            #expect(answers.map(\.status) == [503] && answers[0].closes)
            #expect(answers[0].body.contains(words) && answers[0].body.contains("temporary-reduced-capacity"))
            #expect((1...6).contains(Int(answers[0].fields["retry-after"] ?? "") ?? 0))
            #expect(refused.socket.outputIsClosed)

            let probe = try third()
            probe.send(Self.live)
            let healthy = probe.answers()
            #expect(healthy.map(\.status) == [200] && healthy[0].closes)
            #expect(probe.socket.outputIsClosed)

            let silent = try third()
            silent.pass(2)
            #expect(silent.socket.isClosed)

            let patient = try third()
            // A line end is one character.
            patient.send(String(Self.left.dropLast()))
            second.closeInput()
            #expect(second.socket.isClosed)
            patient.send("\r\n" + Self.left)
            #expect(patient.answers().map(\.closes) == [false, false])
            // Its place is taken now.
            let next = try third()
            next.send(Self.left)
            #expect(next.statuses == [503])
            for one in [first, patient] {
                one.send(Self.left)
                #expect(one.statuses == [200])
            }
        }
    }

    @Test("Of many connections beyond the limit the oldest is closed for the newest")
    func spares() throws {
        let store = try CoreStore()
        let first = try TestConnection(store) {
            $0.connections = 1
            $0.threads = 32
        }
        let spares = try (0..<17).map { _ in try TestConnection(store, beside: first) }
        #expect(spares.map(\.socket.isClosed) == [true] + Array(repeating: false, count: 16))
        spares[16].send(Self.live)
        #expect(spares[16].statuses == [200])
    }

    @Test("Each answer of v1 says what the caller has left of the quota; classic answers and probes do not")
    func standing() throws {
        let connection = try TestConnection(try CoreStore()) { $0.quota = .init(perSecond: 10, burst: 20) }
        for (index, (asked, status)) in [
            (request("GET", "/v1/events/main/availability"), 200), (request("GET", "/v1/events"), 200),
            (request("GET", "/v1/events/main/availability", ["If-None-Match: *"]), 304),
            (request("POST", "/v1/events/main/holds", body: ""), 400), (request("DELETE", "/v1/holds/H1"), 401),
            (request("GET", "http://localhost/v1/events"), 200),
        ].enumerated() {
            connection.send(asked)
            let answers = connection.answers()
            #expect(answers.map(\.status) == [status])
            #expect(answers[0].fields["ratelimit-policy"] == "\"default\";q=20;w=2")
            #expect(answers[0].fields["ratelimit"] == "\"default\";r=\(19 - index);t=1")
        }
        connection.send(Self.left + Self.live + request("GET", "/nothing") + request("GET", "/health/ready/?x=1"))
        #expect(connection.answers().map { $0.fields["ratelimit"] } == [nil, nil, nil, nil])
        connection.send(request("GET", "/v1/events"))
        // Two of the four took a token.
        #expect(connection.answers().map { $0.fields["ratelimit"] } == ["\"default\";r=11;t=1"])
    }

    @Test(
        "Beyond the quota requests are refused in their turn and in the words of their API, and change nothing")
    func quota() throws {
        let store = try CoreStore()
        let connection = try TestConnection(store) {
            $0.quota = .init(perSecond: 10, burst: 3)
            $0.classicStatus = .forbidden
        }
        let buy = request("POST", "/buy_ticket/GA", body: "")
        let hold = request("POST", "/v1/events/main/holds", body: "{}")
        connection.send(
            buy + Self.left + request("GET", "/nothing") + buy + hold + request("GET", "/a?b=1") + Self.live)
        let answers = connection.answers()
        #expect(answers.map(\.status) == [200, 200, 200, 429, 429, 429, 200])
        #expect(answers[3].body.contains(#""success":false"#) && answers[3].fields["retry-after"] == "1")
        #expect(answers[4].body.contains(#""instance":"/v1/events/main/holds""#))
        #expect(answers[5].body.contains(#""instance":"/a""#))
        #expect(answers[3...5].allSatisfy { $0.body.contains("quota-exceeded") })
        #expect(answers[3...5].allSatisfy { $0.fields["ratelimit"] == "\"default\";r=0;t=1" })
        #expect(store.submitted == 1 && connection.router.requests == ["/nothing", "/health/live"])
        // Another connection of the same caller shares the bucket; another caller does not.
        for (address, status) in [("192.0.2.1", 429), ("192.0.2.2", 200)] {
            let other = try TestConnection(store, beside: connection, from: address)
            other.send(Self.left)
            #expect(other.statuses == [status])
        }
    }

    @Test("A request that is refused for its framing, its body or the lack of room takes a token, and needs one")
    func refusedRequests() throws {
        let post = "POST /nothing HTTP/1.1\r\nHost: l\r\n"
        for (asked, status) in [
            (post + "Host: m\r\n\r\n", 400), (post + "Content-Length: 101\r\n\r\n", 413),
            (post + "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", 415),
            (post + "Expect: 200-maybe\r\n\r\n", 417), (Self.left, 503),
        ] {
            let store = try CoreStore()
            let first = try TestConnection(store) {
                $0.quota = .init(perSecond: 10, burst: 2)
                $0.bodyBytes = 100
                $0.connections = status == 503 ? 1 : 9
            }
            for expected in [status, status, 429] {
                let connection = try TestConnection(store, beside: first)
                connection.send(asked)
                let answers = connection.answers()
                #expect(answers.map(\.status) == [expected] && answers.first?.closes == true, "\(asked)")
                #expect(connection.socket.outputIsClosed)
            }
            first.send(Self.live)
            #expect(first.statuses == [200], "a probe needs no token")
        }
    }

    @Test("A caller that waits as long as the refusal says may ask again, once")
    func waiting() throws {
        let connection = try TestConnection(try CoreStore()) { $0.quota = .init(perSecond: 10, burst: 1) }
        connection.loop.advanceTime(by: .seconds(1))
        connection.send(Self.left + Self.left)
        #expect(connection.statuses == [200, 429])
        connection.loop.advanceTime(by: .milliseconds(99))
        connection.send(Self.left)
        #expect(connection.statuses == [429])
        connection.loop.advanceTime(by: .milliseconds(1))
        connection.send(Self.left + Self.left)
        #expect(connection.statuses == [200, 429])
    }
}
