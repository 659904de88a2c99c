internal import NIOCore
internal import NIOHTTP1

/// Writes into the router's answer its date and how the connection goes on, and reports to the fast path when that answer ends.
final class RoutedAnswerHandler: ChannelOutboundHandler {
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let handler: FastPathHandler
    private var status = 0
    /// Of the answer's body.
    private var bytes = 0

    init(_ handler: FastPathHandler) {
        self.handler = handler
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head):
            (status, bytes) = (Int(head.status.code), 0)
            complete(&head)
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body(let body):
            bytes += body.readableBytes
            context.write(data, promise: promise)
        case .end:
            handler.noteRouted(status: status, bytes: bytes)
            context.write(data, promise: promise)
            handler.routedEnded()
        }
    }

    /// What came through TLS stays there: no cookie goes without it, and with `tls.hsts_seconds` no page either.
    private func secure(_ headers: inout HTTPHeaders) {
        let seconds = handler.loop.configuration.strictTransport
        if seconds > 0 { headers.replaceOrAdd(name: "strict-transport-security", value: "max-age=\(seconds)") }
        let cookies = headers["set-cookie"]
        guard !cookies.isEmpty else { return }
        headers.remove(name: "set-cookie")
        for cookie in cookies {
            headers.add(name: "set-cookie", value: cookie.hasSuffix("; Secure") ? cookie : cookie + "; Secure")
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
        if answer.request.sender.isSecure { secure(&head.headers) }
        if let origins = handler.loop.origins {
            for (name, value) in origins.fields(answer.sharing) { head.headers.add(name: name, value: value) }
        }
        if let quota = handler.loop.quota, let standing = answer.standing {
            for (name, value) in quota.fields(standing) { head.headers.replaceOrAdd(name: name, value: value) }
        }
    }
}
