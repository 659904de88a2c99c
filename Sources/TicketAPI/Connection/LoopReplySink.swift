internal import NIOCore
internal import Synchronization
internal import TicketStore

/// Takes a store's replies on the store's thread and brings them to the loop, with one wake-up a batch.
final class LoopReplySink: ReplySink {
    private let loop: any EventLoop
    private let context: NIOLoopBound<LoopContext>
    /// Whether the loop still takes work; its connections may be gone while the store owes them answers.
    private let isOpen = Mutex(true)

    init(_ context: LoopContext, on loop: any EventLoop) {
        self.loop = loop
        self.context = NIOLoopBound(context, eventLoop: loop)
    }

    func deliver(_ replies: ContiguousArray<TicketedReply>) {
        isOpen.withLock { isOpen in
            guard isOpen else { return }
            loop.execute { [context] in context.value.deliver(replies) }
        }
    }

    /// Takes nothing more: the loop is about to end.
    func close() {
        isOpen.withLock { $0 = false }
    }
}
