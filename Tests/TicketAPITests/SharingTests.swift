import Testing
import TicketAPI

@Suite("Pages on other origins may call if the service names them")
struct SharingTests {
    private static let shop = "https://shop.example"

    private func connection(_ origins: [String], _ store: CoreStore? = nil) throws -> TestConnection {
        try TestConnection(try store ?? CoreStore()) {
            $0.origins = origins
            $0.bodyBytes = 100
        }
    }

    /// Every kind of answer: fast, refused, repeated, routed, and refused for its framing.
    private static func requests(_ origin: String) -> [(String, Int)] {
        let fields = ["Origin: \(origin)"]
        return [
            (request("GET", "/remaining_tickets", fields), 200),
            (request("POST", "/buy_ticket/NO", fields, body: ""), 404),
            (request("GET", "/v1/events/main/availability", fields), 200),
            (request("GET", "/v1/events/main/availability", fields + ["If-None-Match: *"]), 304),
            (request("GET", "/v1/events/none/availability", fields), 404),
            (request("POST", "/v1/events/main/holds", fields, body: "x"), 400),
            (request("GET", "/v1/events", fields), 200),
            (request("POST", "/v1/events/main/holds", fields + ["Expect: 200-maybe"], body: "x"), 417),
        ]
    }

    @Test("An origin that is named may read every answer and its headers; answers say that they vary")
    func named() throws {
        for (text, status) in Self.requests(Self.shop) {
            let connection = try connection(["https://other.example", "HTTPS://Shop.Example:443"])
            connection.send(text)
            let answer = try #require(connection.answers().first)
            #expect(answer.status == status, "\(text)")
            #expect(answer.fields["access-control-allow-origin"] == Self.shop, "\(text)")
            #expect(answer.fields["vary"] == "origin")
            #expect(answer.fields["access-control-expose-headers"]?.contains("retry-after") == true)
            #expect(answer.fields["access-control-allow-credentials"] == nil)
        }
    }

    @Test("Another origin, and a request without one, learn nothing but that answers vary")
    func others() throws {
        for origin in ["https://shop.example.evil", "http://shop.example", "null", "https://shop.example:8443", "*"] {
            for (text, status) in Self.requests(origin) {
                let connection = try connection([Self.shop])
                connection.send(text)
                let answer = try #require(connection.answers().first)
                #expect(answer.status == status && answer.fields["access-control-allow-origin"] == nil, "\(text)")
                #expect(answer.fields["vary"] == "origin", "\(text)")
            }
        }
        let connection = try connection([Self.shop])
        connection.send(request("GET", "/remaining_tickets") + request("GET", "/events/main", ["Origin: \(Self.shop)"]))
        let answers = connection.answers()
        #expect(answers[0].fields["vary"] == "origin")
        // A page for people is nobody else's.
        #expect(answers[1].fields["vary"] == nil && answers[1].fields["access-control-allow-origin"] == nil)
    }

    @Test("With * every page may call, and a cache may keep one answer for all")
    func all() throws {
        for (text, status) in Self.requests("null") {
            let connection = try connection(["*"])
            connection.send(text)
            let answer = try #require(connection.answers().first)
            #expect(answer.status == status && answer.fields["access-control-allow-origin"] == "*", "\(text)")
            #expect(answer.fields["vary"] == nil)
        }
    }

    @Test("Without the setting nothing is said")
    func off() throws {
        for (text, status) in Self.requests(Self.shop) {
            let connection = try connection([])
            connection.send(text)
            let answer = try #require(connection.answers().first)
            #expect(answer.status == status && answer.fields["vary"] == nil)
            #expect(!answer.fields.keys.contains { $0.hasPrefix("access-control") })
        }
    }

    @Test("A preflight of a hot call is answered at once with the methods that work there")
    func preflight() throws {
        let connection = try connection([Self.shop])
        func ask(_ target: String, _ method: String, _ origin: String = Self.shop) -> TestConnection.Answer? {
            connection.send(
                request("OPTIONS", target, ["Origin: \(origin)", "Access-Control-Request-Method: \(method)"]))
            return connection.answers().first
        }
        for (target, method, methods) in [
            ("/v1/events/main/holds", "POST", "get, head, post"),
            ("/v1/holds/H1", "DELETE", "get, head, patch, delete"),
            ("/v1/holds/H1/purchase", "POST", "post"), ("/v1/events/main/availability?x=1", "GET", "get, head"),
            ("/buy_ticket/GA", "POST", "post"), ("/complete_purchase/x", "POST", "post"),
            ("/v1/events/main/availability/stream", "GET", "get, head"), ("/remaining_tickets", "GET", "get, head"),
        ] {
            let answer = try #require(ask(target, method))
            #expect(answer.status == 204 && answer.body == "", "\(target)")
            #expect(answer.fields["content-length"] == nil && answer.fields["date"] != nil)
            #expect(answer.fields["access-control-allow-methods"] == methods, "\(target)")
            #expect(answer.fields["access-control-allow-headers"]?.contains("idempotency-key") == true)
            #expect(answer.fields["access-control-max-age"] == "7200")
            #expect(answer.fields["access-control-allow-origin"] == Self.shop && answer.fields["vary"] == "origin")
        }
        // A method that is not there.
        for (target, allowed) in [
            ("/v1/events/main/holds", "get, head, post"), ("/buy_ticket/GA", "post"),
            ("/remaining_tickets", "get, head"),
        ] {
            let answer = try #require(ask(target, "PUT"))
            #expect(answer.status == 405 && answer.fields["allow"] == allowed, "\(target)")
            #expect(answer.fields["access-control-allow-origin"] == Self.shop)
            #expect(answer.body.contains("method-not-allowed"))
        }
        #expect(connection.router.requests.isEmpty)
        // The router knows the other paths, and answers pages that may not call as always.
        #expect(ask("/v1/events", "GET")?.status == 200)
        #expect(ask("/v1/events/main/holds", "POST", "https://evil.example")?.status == 200)
        connection.send(request("OPTIONS", "/v1/events/main/holds", ["Origin: \(Self.shop)"]))
        #expect(connection.router.requests.count == 3)
    }

    @Test("A preflight takes a token like any other request")
    func quota() throws {
        let connection = try TestConnection(try CoreStore()) {
            $0.origins = ["*"]
            $0.quota = .init(perSecond: 1, burst: 1)
        }
        let asked = request("OPTIONS", "/buy_ticket/GA", ["Origin: null", "Access-Control-Request-Method: POST"])
        connection.send(asked + asked)
        #expect(connection.answers().map { $0.fields["access-control-allow-origin"] } == ["*", "*"])
        connection.send(asked)
        #expect(connection.statuses == [429])
    }
}
