internal import NIOCore

/// Drives one shopper over one connection, on the connection's event loop.
final class LoadConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

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
    private var reader = AnswerReader()
    /// What is sent next; its storage is used again and again.
    private var request = ByteBuffer()

    init(_ shopper: Shopper, office: LoadOffice) {
        self.shopper = shopper
        self.office = office
    }

    var isBusy: Bool { waiting != nil }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        office.isFree(self, at: .now())
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        if let answer = reader.end() { hear(answer) }
        giveUp()
        office.isGone(self)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// Asks what comes next.
    ///
    /// - Precondition: it waits for no answer.
    func ask(due: NIODeadline, at now: NIODeadline, isMeasured: Bool) {
        guard let context else { return office.isGone(self) }
        request.clear()
        let step = shopper.step(at: now, into: &request)
        waiting = Waiting(step: step, due: due, isMeasured: isMeasured)
        context.writeAndFlush(wrapOutboundOut(request), promise: nil)
    }

    /// What is still waited for is given up: nobody knows whether it happened.
    func giveUp() {
        guard let given = waiting else { return }
        waiting = nil
        shopper.loseTrack(of: given.step)
        office.answered(given.due, at: .now(), isMeasured: given.isMeasured, isGood: false)
    }

    func close() {
        context?.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        reader.add(unwrapInboundIn(data))
        do throws(AnswerReader.Mistake) {
            while let answer = try reader.next() {
                // Nobody asked for it.
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
        office.answered(asked.due, at: now, isMeasured: asked.isMeasured, isGood: isGood)
        if !isGood { office.noteUnexpected(answer.status) }
        if answer.isKept, !office.connectsAnew {
            office.isFree(self, at: now)
        } else {
            context?.close(promise: nil)
        }
    }
}
