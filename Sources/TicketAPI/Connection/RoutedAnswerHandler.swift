internal import NIOCore
internal import NIOHTTP1

/// Writes into the router's answer its date and how the connection goes on, and reports to the fast path when that answer ends.
final class RoutedAnswerHandler: ChannelOutboundHandler {
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let handler: FastPathHandler

    init(_ handler: FastPathHandler) {
        self.handler = handler
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head):
            complete(&head)
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body: context.write(data, promise: promise)
        case .end:
            context.write(data, promise: promise)
            handler.routedEnded()
        }
    }

    private func complete(_ head: inout HTTPResponseHead) {
        head.headers.replaceOrAdd(name: "date", value: String(decoding: handler.loop.answers.date, as: UTF8.self))
        guard let request = handler.routed?.request else { return }
        // To notice that its client left, the router has taken over the connection.
        if case .recount = request.kind, head.headers["connection"].first == "close" { handler.routedEndsConnection() }
        if !request.takesChunks, head.status.mayHaveResponseBody, !head.headers.contains(name: "content-length") {
            handler.routedEndsConnection()
            // The encoder makes no chunks of it then.
            head.version = .http1_0
        }
        guard let answer = handler.routed else { return }
        switch answer.after {
        case .keepAlive: break
        case .keepAliveSaid: head.headers.replaceOrAdd(name: "connection", value: "keep-alive")
        case .close: head.headers.replaceOrAdd(name: "connection", value: "close")
        }
        if let quota = handler.loop.quota, let standing = answer.standing {
            for (name, value) in quota.fields(standing) { head.headers.replaceOrAdd(name: name, value: value) }
        }
    }
}
