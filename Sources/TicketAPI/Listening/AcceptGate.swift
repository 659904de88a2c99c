internal import NIOCore
internal import Synchronization

/// Accepts no further connection while as many are open as there are descriptors for, over all addresses together. The
/// kernel keeps those that come meanwhile.
///
/// Only so that descriptors are left whatever happens: ``ConnectionRoom`` refuses earlier.
final class AcceptGate: Sendable {
    private struct State {
        var open = 0
        /// What accepts again, of each listener that would have accepted.
        var waiting: [@Sendable () -> Void] = []
    }

    private let most: Int
    private let state = Mutex(State())

    init(most: Int) {
        self.most = most
    }

    func countOpened() {
        state.withLock { $0.open += 1 }
    }

    func countClosed() {
        let ready = state.withLock { state -> [@Sendable () -> Void] in
            state.open -= 1
            guard state.open < most, !state.waiting.isEmpty else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for accept in ready { accept() }
    }

    /// - Returns: whether to accept now; if not, `accept` is called when there is room.
    func mayAccept(orLater accept: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            if state.open < most { return true }
            state.waiting.append(accept)
            return false
        }
    }
}

/// Asks the gate on behalf of one listening socket.
final class AcceptGateHandler: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel
    typealias OutboundIn = Never
    typealias OutboundOut = Never

    private let gate: AcceptGate

    init(_ gate: AcceptGate) {
        self.gate = gate
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        gate.countOpened()
        unwrapInboundIn(data).closeFuture.whenComplete { [gate] _ in gate.countClosed() }
        context.fireChannelRead(data)
    }

    func read(context: ChannelHandlerContext) {
        let loop = context.eventLoop
        let bound = NIOLoopBound(context, eventLoop: loop)
        let mayAccept = gate.mayAccept {
            loop.execute { if bound.value.channel.isActive { bound.value.read() } }
        }
        if mayAccept { context.read() }
    }
}
