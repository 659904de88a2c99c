internal import BoxOffice
internal import CLibrary
internal import NIOCore
internal import Synchronization
internal import TicketStore

/// What the connections of one event loop share: the time, the reader of their calls, the writer of their answers, and
/// what the store owes them.
///
/// Lives on its loop and is touched nowhere else.
final class LoopContext {
    let configuration: ServiceConfiguration
    /// `nil` if callers may ask as often as they like.
    let quota: SharedQuota?
    /// `nil` if no page on another origin may call.
    let origins: SharedOrigins?
    let patience: ConnectionPatience.Limits
    let connections: LoopConnections
    let calls: CallReader
    let answers: AnswerWriter
    /// `nil` if nobody observes requests.
    let recorder: RequestRecorder?
    /// Seconds since the loop started; timeouts are counted in them.
    private(set) var tick: UInt32 = 0
    private let store: any TicketStore
    private let figures: ServiceFigures
    private var pending = PendingReplies()

    init(_ service: ServiceContext) {
        store = service.store
        figures = service.figures
        configuration = service.configuration
        quota = service.quota
        origins = service.origins
        connections = LoopConnections(service.connections, mostSpares: configuration.spareConnections)
        patience = ConnectionPatience.Limits(
            request: UInt32(configuration.request.components.seconds),
            idle: UInt32(configuration.idle.components.seconds),
            write: UInt32(configuration.write.components.seconds))
        calls = CallReader(service)
        answers = AnswerWriter(service)
        recorder = RequestRecorder(service)
        setDate()
    }

    // MARK: Time

    /// Once a second: the date, and connections that are idle or slow.
    func everySecond() {
        tick += 1
        setDate()
        figures.everySecond(at: store.now.wall)
        connections.everySecond(at: tick)
    }

    private func setDate() {
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        var text = [CChar](repeating: 0, count: 32)
        // Day and month names are those of the C locale, which nothing here leaves.
        let count = strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
        answers.setDate(text[..<count].map { UInt8(bitPattern: $0) })
    }

    // MARK: The store

    /// Hands a command to the store.
    ///
    /// - Returns: the reply, if it is there at once; otherwise `handler` gets it later, for `slot`.
    func submit(
        _ command: Command, note: AuditNote?, for handler: FastPathHandler, slot: Int, sink: LoopReplySink
    ) -> StoreReply? {
        let ticket = pending.add(handler, slot, asked: .now())
        guard let reply = store.submit(command, note: note, ticket: UInt64(ticket), replyTo: sink) else {
            answers.figures.inFlight.store(pending.count, ordering: .relaxed)
            return nil
        }
        pending.remove(ticket)
        return reply
    }

    /// Hands replies to the connections that wait for them, then lets each of these send what it has.
    func deliver(_ replies: ContiguousArray<TicketedReply>) {
        var answered: [FastPathHandler] = []
        answered.reserveCapacity(replies.count)
        let now = NIODeadline.now()
        for reply in replies {
            guard let (handler, slot, asked) = pending.remove(Int(reply.ticket)) else { continue }
            handler.answer(slot: slot, with: reply.reply, waited: (now - asked).nanoseconds)
            answered.append(handler)
        }
        answers.figures.inFlight.store(pending.count, ordering: .relaxed)
        for handler in answered where handler.hasUnsent { handler.send() }
    }
}
