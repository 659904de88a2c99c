internal import NIOCore

/// Tells the fast path that bytes came, before the decoder has made anything of them: a request whose headers never end
/// would otherwise look like silence. Behind the last request that is taken, bytes go no further.
final class ReceiveWatch: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let handler: FastPathHandler
    /// The client or the service has said that nothing more comes.
    private(set) var sawEnd = false

    init(_ handler: FastPathHandler) {
        self.handler = handler
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if Listener.isEnd(event) { sawEnd = true }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if handler.takes(unwrapInboundIn(data)) { context.fireChannelRead(data) }
    }
}
