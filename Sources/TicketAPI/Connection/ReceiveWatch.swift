internal import NIOCore

/// Shows the fast path bytes before the decoder has made anything of them: a request whose headers never end would
/// otherwise look like silence. What arrives behind the last request goes no further.
///
/// The decoder makes requests of everything that it gets, and a small request takes fifty times the room of its bytes
/// until it is answered. So the decoder gets bytes in pieces, and no further piece while requests wait: the rest is kept
/// here as bytes, no more than the channel reads at a time. (When a client closes its side, the channel reads what the
/// kernel has.)
final class ReceiveWatch: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Bytes that the decoder gets at a time: most requests whole, and some eighty of the smallest.
    static let pieceBytes = 2_048

    private let handler: FastPathHandler
    private var context: ChannelHandlerContext?
    /// What the decoder has not got yet.
    private var rest = ByteBuffer()
    /// The client closed its side behind the rest.
    private var inputIsClosed = false
    /// The decoder is being given the rest; the fast path may ask for more meanwhile.
    private var isGiving = false
    /// The fast path has asked for more.
    private var isAsked = false

    init(_ handler: FastPathHandler) {
        self.handler = handler
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        handler.watch = self
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        handler.watch = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        if bytes.readableBytes <= Self.pieceBytes, rest.readableBytes == 0, handler.mayDecode {
            return give(bytes, context)
        }
        if rest.readableBytes == 0 { rest = bytes } else { rest.writeImmutableBuffer(bytes) }
        isGiving = true
        giveRest(context)
        isGiving = false
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event, rest.readableBytes > 0, !handler.isStreaming {
            inputIsClosed = true
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// Asks for more: of what was read already, and otherwise of the channel.
    func read() {
        isAsked = true
        guard !isGiving, let context else { return }
        while isAsked, rest.readableBytes > 0 {
            isAsked = false
            isGiving = true
            giveRest(context)
            // The fast path sends what it has, and asks for more if it may.
            context.fireChannelReadComplete()
            isGiving = false
        }
        guard isAsked else { return }
        isAsked = false
        context.read()
    }

    private func giveRest(_ context: ChannelHandlerContext) {
        while rest.readableBytes > 0, handler.mayDecode {
            guard let piece = rest.readSlice(length: min(rest.readableBytes, Self.pieceBytes)) else { return }
            give(piece, context)
        }
        guard rest.readableBytes == 0 else { return }
        rest = ByteBuffer()
        guard inputIsClosed else { return }
        inputIsClosed = false
        context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    private func give(_ piece: ByteBuffer, _ context: ChannelHandlerContext) {
        guard handler.receive(piece) else { return }
        context.fireChannelRead(wrapInboundOut(piece))
        handler.endPiece(piece)
    }
}
