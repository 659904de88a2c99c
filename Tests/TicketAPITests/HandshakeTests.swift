import NIOCore
import NIOTLS
import Testing
import TicketAPI

@Suite("A client has as long to agree on TLS as to send a request")
struct HandshakeTests {
    /// Stands where TLS does, and encrypts nothing.
    private final class Bare: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
    }

    private func connection() throws -> TestConnection {
        try TestConnection(try CoreStore(), tls: Bare()) { $0.request = .seconds(10) }
    }

    @Test("Who has not agreed by then is closed without an answer")
    func late() throws {
        let late = try connection()
        late.pass(10)
        #expect(!late.socket.isClosed)
        late.pass(1)
        #expect(late.socket.isClosed && late.received() == "")
    }

    @Test("Who has may wait with the first request as long as others")
    func agreed() throws {
        let agreed = try connection()
        agreed.pass(10)
        agreed.channel.pipeline.fireUserInboundEventTriggered(
            TLSUserEvent.handshakeCompleted(negotiatedProtocol: "http/1.1"))
        agreed.pass(60)
        agreed.send(request("GET", "/remaining_tickets"))
        #expect(agreed.statuses == [200])
        let bare = try TestConnection(try CoreStore())
        bare.pass(60)
        #expect(!bare.socket.isClosed)
    }
}
