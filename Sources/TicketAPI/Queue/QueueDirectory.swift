package import BoxOffice
internal import NIOCore
internal import NIOPosix
internal import Synchronization
package import TicketStore

/// A node's copies of all queues. Several times a second it asks the store to open queues and to do what else is due (Q1 Phases,
/// Q7 Admission). The store decides; the copies answer the people who look.
package final class QueueDirectory: Sendable {
    private let store: any TicketStore
    package let mint: QueueMint
    private let uptime: @Sendable () -> Timestamp
    private let makeSecret: @Sendable () -> [UInt8]
    private let copies = Mutex<[Code: EventQueueCopy]>([:])
    /// Events with queues, and when they were listed. Listing all events in every round would be too much work.
    private let listed = Mutex<(queues: [EventDefinition], at: Timestamp)?>(nil)
    private static let betweenLists = Duration.seconds(1)
    /// The documents of queues that are not open yet.
    private let closed = Mutex<[Code: QueueDocument]>([:])

    /// Facts that one round of an event may make, so that a fault in the store cannot keep a round busy for ever: the end of
    /// gathering, the draw, over, and reopened are four.
    private static let mostFacts = 8

    /// How long the machine runs: a clock that nobody sets.
    package static let uptime: @Sendable () -> Timestamp = {
        Timestamp(milliseconds: Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000))
    }

    /// - Parameters:
    ///   - uptime: never goes back.
    ///   - makeSecret: 32 random bytes, for a draw.
    package init(
        _ store: any TicketStore, mint: QueueMint, uptime: @escaping @Sendable () -> Timestamp = QueueDirectory.uptime,
        makeSecret: @escaping @Sendable () -> [UInt8] = {
            var random = SystemRandomNumberGenerator()
            return (0..<QueueDraw.secretBytes).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
    ) {
        self.store = store
        self.mint = mint
        self.uptime = uptime
        self.makeSecret = makeSecret
    }

    /// The queue of an event; `nil` if it has none, or if it is not open yet.
    package func copy(of event: Code) -> EventQueueCopy? {
        copies.withLock { $0[event] }
    }

    /// What anybody may read of an event's queue; `nil` if it has none.
    package func document(of event: Code) -> QueueDocument? {
        if let copy = copy(of: event) { return copy.document }
        guard let definition = store.event(event)?.definition, definition.queue != nil else {
            closed.withLock { $0[event] = nil }
            return nil
        }
        let now = store.now
        let facts = QueueFacts(
            closed: event, opensAt: definition.queueOpensAt, announced: definition.queue?.beacon?.name,
            receiptKeys: mint.receiptKeys)
        return closed.withLock { closed in
            if let known = closed[event], known.facts == facts, !known.isOld(at: now) { return known }
            let document = QueueDocument(facts, at: now)
            closed[event] = document
            return document
        }
    }

    /// The pass that a request to hold carries.
    ///
    /// - Throws: why it is none of this event's queue.
    func pass(_ text: String, for event: Code) throws(WrongPass) -> QueuePass {
        guard QueueMint.hasFormOfPass(text) else { throw .malformed }
        guard let copy = copy(of: event) else { throw .notKnownYet }
        guard let said = mint.pass(of: text, in: copy.name) else { throw .foreign }
        return QueuePass(number: EntryNumber(said.number), position: said.position, joinedAt: said.joinedAt)
    }

    /// Why the pass that came with a request is none of the event's queue; `nil` if none came, or if it is one.
    func mistake(in pass: String?, for event: Code) -> WrongPass? {
        guard let pass else { return nil }
        do throws(WrongPass) {
            _ = try self.pass(pass, for: event)
            return nil
        } catch {
            return error
        }
    }

    // MARK: Rounds

    /// Asks the store what is due in each queue, a few times a second. Queues do not wait for one another.
    package func round() async {
        let queued = queued()
        await withDiscardingTaskGroup { group in
            for definition in queued {
                if let copy = copy(of: definition.id) {
                    if copy.isDue() { group.addTask { await self.attend(copy) } }
                } else {
                    group.addTask { await self.open(definition) }
                }
            }
        }
    }

    private func queued() -> [EventDefinition] {
        let now = uptime()
        if let known = listed.withLock({ $0 }), now < known.at.advanced(by: Self.betweenLists) { return known.queues }
        let queued = store.events.filter { $0.definition.queue != nil }.map(\.definition)
        listed.withLock { $0 = (queued, now) }
        let codes = Set(queued.map(\.id))
        copies.withLock { copies in
            copies = copies.filter { codes.contains($0.key) }
            for definition in queued { copies[definition.id]?.announce(definition.queue?.beacon?.name) }
        }
        return queued
    }

    /// Opens a queue whose time has come, or learns that it was opened before.
    private func open(_ definition: EventDefinition) async {
        let event = definition.id
        guard
            case .decided(.queue(.changed(let view, _)), let moment) =
                await store.perform(.queue(event, .open(secret: makeSecret())))
        else { return }
        let copy = EventQueueCopy(
            event, view, announced: definition.queue?.beacon?.name, receiptKeys: mint.receiptKeys, at: moment,
            uptime: uptime)
        copies.withLock { $0[event] = copy }
        await attend(copy)
    }

    private func attend(_ copy: EventQueueCopy) async {
        for _ in 0..<Self.mostFacts {
            await draw(copy)
            let command = Command.queue(copy.name.event, .attend(copy.report()))
            switch await store.perform(command) {
            case .decided(.queue(.attended(let view, let isMoreDue)), let moment):
                guard QueueDraw.commitment(to: view.secret) == copy.name.commitment else {
                    // The event was removed and defined again.
                    return forget(copy)
                }
                copy.take(view, at: moment)
                if !isMoreDue { return await draw(copy) }
            case .decided: return forget(copy)
            // The copy stays as it is until the store decides again.
            case .failed: return
            }
        }
    }

    /// Computes the order of a draw, off the event loops.
    private func draw(_ copy: EventQueueCopy) async {
        guard let draw = copy.missingDraw else { return }
        if let drawn = try? await NIOThreadPool.singleton.runIfActive({ draw.drawn }) { copy.take(drawn) }
    }

    private func forget(_ copy: EventQueueCopy) {
        copies.withLock { copies in
            if copies[copy.name.event] === copy { copies[copy.name.event] = nil }
        }
    }
}
