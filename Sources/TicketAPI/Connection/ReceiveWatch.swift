internal import NIOCore

/// Shows the fast path bytes before the decoder has made anything of them: a request whose headers never end would
/// otherwise look like silence. What arrives behind the last request goes no further.
final class ReceiveWatch: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let handler: FastPathHandler

    init(_ handler: FastPathHandler) {
        self.handler = handler
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if handler.receive(unwrapInboundIn(data)) { context.fireChannelRead(data) }
    }
}
