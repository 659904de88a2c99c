internal import NIOCore

/// Drives one shopper over one connection, on the connection's event loop.
final class LoadConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private struct Waiting {
        var step: Shopper.Step
        /// When the request was due. In an open loop it may have been sent later; the time between counts as latency.
        var due: NIODeadline
        var isMeasured: Bool
    }

    private let generator: LoadGenerator
    private(set) var shopper: Shopper
    private var context: ChannelHandlerContext?
    private var waiting: Waiting?
    private var reader = AnswerReader()
    /// The request to send. Its storage is reused.
    private var request = ByteBuffer()

    init(_ shopper: Shopper, generator: LoadGenerator) {
        self.shopper = shopper
        self.generator = generator
    }

    var isBusy: Bool { waiting != nil }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        generator.isFree(self, at: .now())
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        if let answer = reader.end() { hear(answer) }
        giveUp()
        generator.isGone(self)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// Sends the shopper's next request.
    ///
    /// - Precondition: no request of this connection waits for an answer.
    func ask(due: NIODeadline, at now: NIODeadline, isMeasured: Bool) {
        guard let context else { return generator.isGone(self) }
        request.clear()
        let step = shopper.step(at: now, into: &request)
        waiting = Waiting(step: step, due: due, isMeasured: isMeasured)
        context.writeAndFlush(wrapOutboundOut(request), promise: nil)
    }

    /// Stops waiting for an answer. Whether the request was carried out stays unknown.
    func giveUp() {
        guard let given = waiting else { return }
        waiting = nil
        shopper.loseTrack(of: given.step)
        generator.answered(given.due, at: .now(), isMeasured: given.isMeasured, isGood: false)
    }

    func close() {
        context?.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        reader.add(unwrapInboundIn(data))
        do throws(AnswerReader.Mistake) {
            while let answer = try reader.next() {
                // The server sent an answer without a request.
                guard waiting != nil else { return context.close(promise: nil) }
                hear(answer)
            }
        } catch {
            context.close(promise: nil)
        }
    }

    private func hear(_ answer: AnswerReader.Answer) {
        guard let asked = waiting else { return }
        let now = NIODeadline.now()
        waiting = nil
        let isGood = shopper.hear(answer.status, answer.body, to: asked.step, at: now)
        generator.answered(asked.due, at: now, isMeasured: asked.isMeasured, isGood: isGood)
        if !isGood { generator.noteUnexpected(answer.status) }
        if answer.isKept, !generator.connectsAnew {
            generator.isFree(self, at: now)
        } else {
            context?.close(promise: nil)
        }
    }
}
