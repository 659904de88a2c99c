import NIOCore
import NIOHTTP1
import Testing
import TicketAPI

@Suite("Answers leave in the order of their requests")
struct PipeliningTests {
    /// Kinds of requests, each with a text that only its answer has.
    private enum Kind: CaseIterable {
        case buy, noType, left, routed, wrongMethod, chunked

        var bytes: String {
            switch self {
            case .buy: request("POST", "/buy_ticket/GA", body: "")
            case .noType: request("POST", "/buy_ticket/NO", body: "")
            case .left: request("GET", "/remaining_tickets")
            case .routed: request("GET", "/health/live")
            case .wrongMethod: request("DELETE", "/remaining_tickets")
            case .chunked: request("POST", "/nothing", ["Transfer-Encoding: chunked"]) + "3\r\nabc\r\n0\r\n\r\n"
            }
        }

        var mark: String {
            switch self {
            case .buy: "token"
            case .noType: "unknown-ticket-type"
            case .left: "num_tickets"
            case .routed, .chunked: "routed"
            case .wrongMethod: "method-not-allowed"
            }
        }

        func isAnswered(by answer: TestConnection.Answer) -> Bool { answer.body.contains(mark) }
    }

    private func expect(_ kinds: [Kind], _ answers: [TestConnection.Answer], _ hint: String = "") {
        #expect(answers.count == kinds.count, "\(kinds) \(hint)")
        for (kind, answer) in zip(kinds, answers) {
            #expect(kind.isAnswered(by: answer), "\(kind) of \(kinds) \(hint): \(answer)")
        }
    }

    @Test("Every order of every three kinds of request is answered in that order, whether the store is quick or slow")
    func orders() throws {
        for first in Kind.allCases {
            for second in Kind.allCases {
                for third in Kind.allCases {
                    let kinds = [first, second, third]
                    for isSlow in [false, true] {
                        let store = try CoreStore()
                        let connection = try TestConnection(store)
                        if isSlow { store.holdUp() }
                        connection.send(kinds.map(\.bytes).joined())
                        if isSlow {
                            let early = kinds.prefix { $0 != .buy }
                            expect(Array(early), connection.answers(), "early")
                            store.goOn()
                            connection.loop.run()
                            // Requests behind a routed one reach the store only now.
                            expect(Array(kinds.dropFirst(early.count)), connection.answers(), "late")
                        } else {
                            expect(kinds, connection.answers())
                        }
                    }
                }
            }
        }
    }

    @Test("A pipeline cut at every byte, or sent byte by byte, is answered as if it came whole")
    func cuts() throws {
        let kinds: [Kind] = [.buy, .chunked, .left]
        let data = kinds.map(\.bytes).joined()
        let connection = try TestConnection(try CoreStore(places: 100_000))
        for cut in 1..<data.utf8.count {
            let middle = data.utf8.index(data.startIndex, offsetBy: cut)
            connection.send(String(data[..<middle]))
            connection.send(String(data[middle...]))
            expect(kinds, connection.answers(), "cut at \(cut)")
        }
        connection.send(data, pieces: data.utf8.count)
        expect(kinds, connection.answers())
    }

    @Test(
        "While the router works on a request, nothing behind it is answered or reaches the store, and nothing more is read"
    )
    func router() throws {
        let store = try CoreStore()
        let connection = try TestConnection(store)
        connection.router.isHeldUp = true
        connection.send(Kind.left.bytes + Kind.routed.bytes + Kind.buy.bytes + Kind.routed.bytes + Kind.left.bytes)
        expect([.left], connection.answers())
        #expect(store.submitted == 0 && connection.router.requests.count == 1 && connection.socket.reads == 0)
        connection.router.answer()
        expect([.routed, .buy], connection.answers())
        #expect(store.submitted == 1 && connection.router.requests.count == 2 && connection.socket.reads == 0)
        connection.router.answer()
        expect([.routed, .left], connection.answers())
        #expect(connection.socket.reads == 1)
    }

    @Test("No more is read while as many requests wait as there is room for, or while too many answers wait")
    func room() throws {
        for (kind, most) in [(Kind.buy, 1_024), (Kind.left, 600)] {
            let store = try CoreStore(places: 100_000)
            let connection = try TestConnection(store)
            store.holdUp()
            connection.send(Kind.buy.bytes)
            var sent = 1
            while connection.socket.reads > 0, sent < 5_000 {
                connection.send(kind.bytes)
                sent += 1
            }
            #expect(sent <= most && sent > most / 2, "\(kind): \(sent)")
            #expect(connection.answers().isEmpty)
            store.goOn()
            connection.loop.run()
            expect([.buy] + Array(repeating: kind, count: sent - 1), connection.answers())
            #expect(connection.socket.reads > 0)
        }
    }

    @Test("Of a burst of small requests few are read before they are answered, and all are answered")
    func burst() throws {
        /// Counts what the decoder makes.
        final class Heads: ChannelInboundHandler {
            typealias InboundIn = HTTPServerRequestPart
            var count = 0

            func channelRead(context: ChannelHandlerContext, data: NIOAny) {
                if case .head = unwrapInboundIn(data) { count += 1 }
                context.fireChannelRead(data)
            }
        }
        for closes in [false, true] {
            let connection = try TestConnection(try CoreStore())
            connection.router.isHeldUp = true
            let heads = Heads()
            let pipeline = connection.channel.pipeline.syncOperations
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            try pipeline.addHandler(heads, position: .after(decoder))
            let small = "GET / HTTP/1.1\r\nHost:\r\n\r\n"
            connection.send(String(repeating: small, count: 2_000))
            if closes { connection.closeInput() }
            #expect(heads.count < 100 && connection.socket.reads == 0)
            for asked in 1...2_000 {
                #expect(connection.router.requests.count == asked)
                connection.router.answer()
                connection.loop.run()
                #expect(heads.count - asked < 100)
            }
            #expect(connection.statuses.count == 2_000)
            #expect(connection.socket.isClosed == closes && (closes || connection.socket.reads == 1))
        }
    }

    @Test("While the client does not read, nothing is answered and nothing more is read")
    func writability() throws {
        let store = try CoreStore()
        let connection = try TestConnection(store)
        connection.setWritable(false)
        connection.send(String(Kind.left.bytes.prefix(5)))
        #expect(connection.socket.reads == 0)
        connection.setWritable(true)
        #expect(connection.socket.reads == 1)
        connection.setWritable(false)
        connection.send(Kind.left.bytes.dropFirst(5) + Kind.buy.bytes + Kind.routed.bytes)
        #expect(connection.received() == "" && store.submitted == 0 && connection.socket.reads == 0)
        connection.setWritable(true)
        expect([.left, .buy, .routed], connection.answers())
        #expect(connection.socket.reads == 1)
    }

    @Test("HEAD between other requests has no body and does not shift the answers")
    func head() throws {
        let connection = try TestConnection(try CoreStore())
        connection.send(
            request("HEAD", "/remaining_tickets") + request("HEAD", "/v1/events/main/availability")
                + request("HEAD", "/v1/events/none/availability") + request("HEAD", "/buy_ticket/GA"))
        let text = connection.received()
        let heads = text.split(separator: "\r\n\r\n", omittingEmptySubsequences: false)
        #expect(
            heads.map { String($0.prefix(12)) } == ["HTTP/1.1 200", "HTTP/1.1 200", "HTTP/1.1 404", "HTTP/1.1 405", ""])
        #expect(heads.dropLast().allSatisfy { $0.contains("content-length: ") && !$0.contains("content-length: 0") })
    }

    @Test("An HTTP/1.0 client is closed behind its answer, unless it asked to stay, and then the answer says so")
    func oldClients() throws {
        for target in ["/remaining_tickets", "/v1/events/main/availability", "/health/live"] {
            let connection = try TestConnection(try CoreStore())
            for _ in 0..<2 {
                connection.send(request("GET", target, ["Connection: keep-alive"], version: "1.0"))
                #expect(connection.answers().map { $0.fields["connection"] } == ["keep-alive"])
                #expect(!connection.socket.outputIsClosed)
            }
            connection.send(request("GET", target, version: "1.0"))
            #expect(connection.answers().map(\.closes) == [true])
            #expect(connection.socket.outputIsClosed)
        }
    }

    @Test("With HTTP/1.0, an answer without a length ends with its connection")
    func noChunks() throws {
        let connection = try TestConnection(try CoreStore())
        connection.router.fields = [:]
        connection.send(Kind.routed.bytes)
        #expect(connection.received().hasSuffix("transfer-encoding: chunked\r\n\r\n6\r\nrouted\r\n0\r\n\r\n"))
        connection.router.isHeldUp = true
        connection.send(request("GET", "/a", ["Connection: keep-alive"], version: "1.0") + Kind.left.bytes)
        connection.router.answer()
        let answer = connection.received()
        #expect(answer.hasSuffix("connection: close\r\n\r\nrouted") && !answer.contains("chunked"))
        #expect(connection.socket.outputIsClosed)
    }
}
