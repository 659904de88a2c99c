internal import NIOCore
internal import NIOHTTP1

/// Drives one shopper over one connection, on the connection's event loop.
final class LoadConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private struct Waiting {
        var step: Shopper.Step
        /// When it was due: in an open loop perhaps before it could be sent, and the wait counts.
        var due: NIODeadline
        var isMeasured: Bool
    }

    private let office: LoadOffice
    private(set) var shopper: Shopper
    private var context: ChannelHandlerContext?
    private var waiting: Waiting?
    private var status = 0
    private var body = ByteBuffer()
    private var isKept = true

    init(_ shopper: Shopper, office: LoadOffice) {
        self.shopper = shopper
        self.office = office
    }

    var isBusy: Bool { waiting != nil }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        office.isFree(self)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        giveUp()
        office.isGone(self)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// Asks what comes next.
    ///
    /// - Precondition: it waits for no answer.
    func ask(due: NIODeadline, isMeasured: Bool) {
        guard let context else { return office.isGone(self) }
        let step = shopper.step()
        waiting = Waiting(step: step, due: due, isMeasured: isMeasured)
        let request = step.request
        var head = HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: request.method), uri: request.target)
        for field in request.fields { head.headers.add(name: field.name, value: field.value) }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if let body = request.body {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    /// What is still waited for is given up: nobody knows whether it happened.
    func giveUp() {
        guard let given = waiting else { return }
        waiting = nil
        shopper.loseTrack(of: given.step.kind)
        office.answered(given.due, isMeasured: given.isMeasured, isGood: false)
    }

    func close() {
        context?.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            status = Int(head.status.code)
            isKept = head.isKeepAlive
            body.clear()
        case .body(var part):
            // Answers to what is asked here are short; a longer one is not needed whole.
            if body.readableBytes < 65_536 { body.writeBuffer(&part) }
        case .end:
            guard status >= 200, let answered = waiting else { return }
            waiting = nil
            let isGood = shopper.hear(status, body.readableBytesView, to: answered.step.kind)
            office.answered(answered.due, isMeasured: answered.isMeasured, isGood: isGood)
            if !isGood { office.noteUnexpected(status) }
            guard isKept, !office.connectsAnew else { return context.close(promise: nil) }
            office.isFree(self)
        }
    }
}
