internal import NIOCore

/// A connection whose request was for a stream: it asks nothing any more and is told what changes, until it ends.
///
/// Stands in front of everything else that its connection has, which learns only of the end. Whoever has said that
/// nothing more comes has left.
final class Listener: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = IOData

    /// What the kernel keeps for a client that does not read; left to itself it would take megabytes, and the client
    /// would have to read what is long over before it hears what is new. Linux takes twice as much.
    private static let kernelBytes: Int32 = 32_768
    /// And what we keep beyond that: one message, mostly.
    private static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 1, high: 4_096)

    let event: WatchedEvent
    /// Of this connection: it counts what is sent, and closes a connection that takes nothing of it.
    let handler: FastPathHandler
    /// Index among the event's seats.
    var place = 0
    private let stream: AvailabilityStream
    private let opening: ByteBuffer
    private var context: ChannelHandlerContext?

    init(stream: AvailabilityStream, event: WatchedEvent, handler: FastPathHandler, opening: ByteBuffer) {
        self.stream = stream
        self.event = event
        self.handler = handler
        self.opening = opening
    }

    /// Whether what was sent before has gone to the kernel.
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
        // A connection that is closed already takes no options, and is noticed as such.
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

    /// Nothing is asked on a stream. No more is read, either, until the client closes: what it sends stays with it.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func channelReadComplete(context: ChannelHandlerContext) {}

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if Self.isEnd(event) { close() }
    }

    /// Whether an event of a channel says that its client has left, or that the service stops.
    static func isEnd(_ event: Any) -> Bool {
        if event is ChannelShouldQuiesceEvent { return true }
        guard case ChannelEvent.inputClosed = event else { return false }
        return true
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close()
    }
}
