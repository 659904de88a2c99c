internal import NIOCore

/// The sender of a stream: its connection reads no further request and gets changes until it ends.
///
/// It comes first in the connection's pipeline, behind TLS alone; the other handlers learn only of the end. A client that closes its side
/// has left.
final class Listener: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = IOData

    /// Bytes that the kernel keeps for a client that does not read; Linux takes twice as much. By default it would keep
    /// megabytes, and the client would read old changes before it reads the newest.
    private static let kernelBytes: Int32 = 32_768
    /// What the channel keeps beyond that: mostly one message.
    private static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 1, high: 4_096)

    let event: WatchedEvent
    /// It counts what is sent, and closes a connection whose client reads nothing.
    let handler: FastPathHandler
    /// Whom it counts for.
    let caller: CallerQuota.Caller
    /// Among the event's listeners.
    var index = 0
    private let stream: AvailabilityStream
    private let opening: ByteBuffer
    private var context: ChannelHandlerContext?

    init(
        stream: AvailabilityStream, event: WatchedEvent, handler: FastPathHandler, caller: CallerQuota.Caller,
        opening: ByteBuffer
    ) {
        self.caller = caller
        self.stream = stream
        self.event = event
        self.handler = handler
        self.opening = opening
    }

    /// Whether the kernel has everything that was sent before.
    var takesMore: Bool {
        context?.channel.isWritable ?? false
    }

    func send(_ bytes: ByteBuffer) {
        handler.sends(bytes.readableBytes)
        context?.writeAndFlush(wrapOutboundOut(.byteBuffer(bytes)), promise: nil)
    }

    func close() {
        context?.close(mode: .all, promise: nil)
    }

    // MARK: The connection's side

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        stream.enter(self)
        let options = context.channel.syncOptions
        // A closed connection accepts no options; its end arrives as an event.
        try? options?.setOption(.socketOption(.so_sndbuf), value: SocketOptionValue(Self.kernelBytes))
        try? options?.setOption(.writeBufferWaterMark, value: Self.waterMark)
        send(opening)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        leave()
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    private func leave() {
        guard context != nil else { return }
        context = nil
        stream.leave(self)
    }

    /// A stream has no further requests, and nothing more is read from its client.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func channelReadComplete(context: ChannelHandlerContext) {}

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if Self.isEnd(event) { close() }
    }

    /// Whether an event says that the client has left or that the service stops.
    static func isEnd(_ event: Any) -> Bool {
        if event is ChannelShouldQuiesceEvent { return true }
        guard case ChannelEvent.inputClosed = event else { return false }
        return true
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close()
    }
}
