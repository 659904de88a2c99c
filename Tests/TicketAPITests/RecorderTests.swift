import BoxOffice
import NIOCore
import Synchronization
import Testing
import TicketAPI

/// R58 Access log, R59 Traces: which requests are reported, and what is said of them.
@Suite("Requests that are observed")
struct RecorderTests {
    private final class Observer: RequestObserver {
        let oneOf: Int
        let followsTraces: Bool
        private let heard = Mutex<[AnsweredRequest]>([])

        init(oneOf: Int = 1, followsTraces: Bool = false) {
            self.oneOf = oneOf
            self.followsTraces = followsTraces
        }

        func answered(_ request: AnsweredRequest) {
            heard.withLock { $0.append(request) }
        }

        /// What was heard since the last time, a line each.
        func lines() -> [String] {
            heard.withLock { heard in
                defer { heard = [] }
                return heard.map { request in
                    [
                        request.method ?? "-", request.route ?? "-", "\(request.status)", "\(request.bytes)",
                        request.caller ?? "-", request.trace?.trace ?? "-",
                    ].joined(separator: " ")
                }
            }
        }

        var waits: [Bool] { heard.withLock { $0.map { $0.nanoseconds > 0 } } }
    }

    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"

    @Test("Each answer of the fast path is reported with its route, and nothing that the caller wrote but the trace")
    func fastPath() throws {
        let observer = Observer()
        let connection = try TestConnection(try CoreStore()) { $0.observers = [observer] }
        func line(_ request: String) throws -> (String, TestConnection.Answer) {
            connection.send(request)
            return (try #require(observer.lines().first), try #require(connection.answers().first))
        }
        let (held, answer) = try line(
            request(
                "POST", "/v1/events/main/holds",
                [
                    "content-type: application/json", "idempotency-key: marker-marker-marker",
                    "traceparent: 00-\(Self.trace)-00f067aa0ba902b7-01",
                ], body: "{\"lines\":[{\"type\":\"GA\",\"quantity\":1}],\"buyer\":\"marker\"}"))
        #expect(held == "POST /v1/events/:event/holds 201 \(answer.body.utf8.count) 192.0.2.1 \(Self.trace)")
        let (looked, document) = try line(request("GET", "/v1/events/main/availability"))
        #expect(
            looked == "GET /v1/events/:event/availability 200 \(document.body.utf8.count) 192.0.2.1 -")
        let (wrong, problem) = try line(request("DELETE", "/v1/holds/marker", ["authorization: Bearer marker"]))
        #expect(wrong == "DELETE /v1/holds/:hold 404 \(problem.body.utf8.count) 192.0.2.1 -")
        connection.send(request("POST", "/complete_purchase/marker", ["traceparent: marker"]))
        // Refused before the store was asked, and so before it counted as a call.
        #expect(observer.lines().first?.hasPrefix("- - 404 ") == true)
        _ = connection.received()
        connection.send(request("HEAD", "/remaining_tickets"))
        #expect(observer.lines() == ["HEAD /remaining_tickets 200 0 192.0.2.1 -"])
        _ = connection.received()
        connection.send("marker marker marker\r\n\r\n")
        #expect(observer.lines() == ["- - 400 0 192.0.2.1 -"])
    }

    @Test("An answer that the store gives later has the time that it took")
    func waiting() throws {
        let observer = Observer()
        let store = try CoreStore()
        let connection = try TestConnection(store) { $0.observers = [observer] }
        store.holdUp()
        connection.send(request("POST", "/buy_ticket/GA"))
        #expect(observer.lines().isEmpty)
        store.goOn()
        connection.loop.run()
        #expect(observer.waits == [true])
        #expect(observer.lines().first?.hasPrefix("POST /buy_ticket/:type 200 ") == true)
    }

    @Test("An answer of the router is reported when it has ended, with the status and the length that the client got")
    func routed() throws {
        let observer = Observer()
        let connection = try TestConnection(try CoreStore()) { $0.observers = [observer] }
        connection.router.isHeldUp = true
        connection.send(request("GET", "/v1/marker?marker=1", ["traceparent: 00-\(Self.trace)-00f067aa0ba902b7-00"]))
        #expect(observer.lines().isEmpty)
        connection.router.answer()
        connection.loop.run()
        #expect(observer.lines() == ["GET - 200 6 192.0.2.1 \(Self.trace)"])
    }

    @Test("By chance an observer hears of about one in so many; who follows traces hears of those that callers want")
    func sampling() throws {
        let some = Observer(oneOf: 10)
        let tracer = Observer(oneOf: 1_000_000, followsTraces: true)
        let eager = Observer(oneOf: 1, followsTraces: true)
        let connection = try TestConnection(try CoreStore()) { $0.observers = [some, tracer, eager] }
        for number in 0..<2_000 {
            let flags = number % 100 == 0 ? "01" : "00"
            connection.send(
                request("GET", "/remaining_tickets", ["traceparent: 00-\(Self.trace)-00f067aa0ba902b7-\(flags)"]))
        }
        #expect((100...320).contains(some.lines().count))
        #expect(tracer.lines().count == 20)
        // By chance it would hear of each, also of those that callers want not traced.
        #expect(eager.lines().count == 20)
        for _ in 0..<100 { connection.send(request("GET", "/remaining_tickets")) }
        #expect(tracer.lines().count <= 1)
        #expect(eager.lines().count == 100)
    }

    @Test(
        "A traceparent is read as the standard says, or not at all",
        arguments: [
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03", true),
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", nil),
            ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", nil),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", nil),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", nil),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", nil),
            ("00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", nil),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", nil),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1", nil),
            ("", nil), ("marker", nil),
        ] as [(String, Bool?)])
    func traceparent(header: String, isSampled: Bool?) {
        let parent = TraceParent(header)
        #expect(parent?.isSampled == isSampled)
        if let parent {
            #expect(parent.trace == Self.trace)
            #expect(parent.span == "00f067aa0ba902b7")
        }
    }
}
