internal import HummingbirdCore
internal import NIOCore
internal import NIOHTTP1

/// Says in the router's answer how the connection goes on, and tells the fast path where that answer ends. A request for a
/// stream goes no further: its connection listens from then on, and for the fast path it is one that is never answered.
final class RoutedAnswerHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let handler: FastPathHandler
    private let watch: ReceiveWatch
    private let stream: AvailabilityStream
    private var listens = false

    init(_ handler: FastPathHandler, _ watch: ReceiveWatch, _ stream: AvailabilityStream) {
        self.handler = handler
        self.watch = watch
        self.stream = stream
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head = unwrapInboundIn(data), case .routed(let request)? = handler.routed?.call,
            case .stream(let asked) = request.kind,
            // Where there is none the router says why.
            let listener = stream.listener(
                to: asked.event, known: asked.lastEventID, on: handler,
                quota: handler.loop.answers.quotaFields(handler.routed?.standing))
        {
            listens = true
            do {
                try context.pipeline.syncOperations.addHandler(listener, position: .first)
            } catch {
                context.close(mode: .all, promise: nil)
            }
            // A client that left with the request hears how things stand.
            if watch.sawEnd { context.close(mode: .all, promise: nil) }
        }
        if !listens { context.fireChannelRead(data) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head):
            complete(&head)
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end:
            context.write(data, promise: promise)
            handler.routedEnded()
        default:
            context.write(data, promise: promise)
        }
    }

    private func complete(_ head: inout HTTPResponseHead) {
        guard let answered = handler.routed, case .routed(let request) = answered.call else { return }
        // To learn that its client left the router has taken the connection.
        if case .recount = request.kind, head.headers["connection"].first == "close" { handler.routedEndsConnection() }
        if !request.takesChunks, head.status.mayHaveResponseBody, !head.headers.contains(name: "content-length") {
            handler.routedEndsConnection()
            // The encoder makes no chunks of it then.
            head.version = .http1_0
        }
        if handler.routedAfter != .keepAlive {
            let value = handler.routedAfter == .close ? "close" : "keep-alive"
            head.headers.replaceOrAdd(name: "connection", value: value)
        }
        if let quota = handler.loop.quota, let standing = answered.standing {
            for (name, value) in quota.fields(standing) { head.headers.replaceOrAdd(name: name, value: value) }
        }
    }
}
