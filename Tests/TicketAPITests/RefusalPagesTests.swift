import Testing
import TicketAPI

@Suite("What the connection itself refuses is a page for a person in a browser")
struct RefusalPagesTests {
    private static let browser = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"

    private func refusal(
        _ lines: String...
    ) throws -> TestConnection.Answer {
        let connection = try TestConnection(try CoreStore()) { $0.bodyBytes = 100 }
        connection.send(lines.joined(separator: "\r\n"))
        return try #require(connection.answers().last)
    }

    @Test("A body that is too large, announced or not, and one that does not come")
    func bodies() throws {
        let form = ["POST /events/main/holds HTTP/1.1", "Host: l", Self.browser, "Accept-Language: de"]
        for (rest, status, seconds, heading) in [
            (["Content-Length: 101", "", ""], 413, 0, "nicht geklappt"),
            (["Transfer-Encoding: chunked", "", "65", String(repeating: "a", count: 101)], 413, 0, "nicht geklappt"),
            (["Content-Length: 50", "", "a"], 408, 12, "gleich noch einmal"),
        ] {
            let connection = try TestConnection(try CoreStore()) { $0.bodyBytes = 100 }
            connection.send((form + rest).joined(separator: "\r\n"))
            if seconds > 0 { connection.pass(seconds) }
            let answer = try #require(connection.answers().last)
            #expect(answer.status == status && answer.closes)
            #expect(answer.fields["content-type"] == "text/html; charset=utf-8")
            #expect(answer.fields["content-security-policy"]?.contains("default-src 'none'") == true)
            #expect(answer.body.contains(heading), "\(status) \(answer.body)")
            #expect(answer.body.hasSuffix("</html>\n"))
        }
    }

    @Test("Somebody who asks too often; and the answer goes on with the connection")
    func quota() throws {
        let connection = try TestConnection(try CoreStore()) { $0.quota = .init(perSecond: 1, burst: 1) }
        let ask = "GET /operate/sales HTTP/1.1\r\nHost: l\r\n\(Self.browser)\r\n\r\n"
        connection.send("GET /remaining_tickets HTTP/1.1\r\nHost: l\r\n\r\n" + ask + ask)
        let answers = connection.answers()
        #expect(answers.map(\.status) == [200, 429, 429])
        #expect(answers.map(\.closes) == [false, false, false])
        let last = try #require(answers.last)
        #expect(last.fields["content-type"] == "text/html; charset=utf-8" && last.fields["retry-after"] != nil)
        #expect(last.fields["ratelimit"] != nil)
        #expect(last.body.contains("href=\"/operate\"") && last.body.contains("Please try again in a moment"))
    }

    @Test("A page for buyers may stand in frames of pages that the operator named, and an operator's in none")
    func frames() throws {
        for (target, ancestors) in [("/events/main/holds", "https://shop.example"), ("/operate/sales", "'none'")] {
            let connection = try TestConnection(try CoreStore()) {
                $0.bodyBytes = 100
                $0.embedOrigins = ["https://shop.example"]
            }
            connection.send("POST \(target) HTTP/1.1\r\nHost: l\r\n\(Self.browser)\r\nContent-Length: 101\r\n\r\n")
            let policy = try #require(connection.answers().last?.fields["content-security-policy"])
            #expect(policy.hasSuffix("frame-ancestors \(ancestors)"), "\(target): \(policy)")
        }
    }

    @Test(
        "Programs, and everybody at the paths of the API, get a problem",
        arguments: [
            ("/events/main/holds", "Accept: */*"), ("/events/main/holds", "X: y"), ("/v1/events/main/holds", browser),
            ("/buy_ticket/GA", browser), ("/health/live", browser),
        ])
    func problems(target: String, accept: String) throws {
        let answer = try refusal("POST \(target) HTTP/1.1", "Host: l", accept, "Content-Length: 101", "", "")
        #expect(answer.status == 413 && answer.fields["content-type"] == "application/problem+json")
    }
}
