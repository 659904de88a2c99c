package import BoxOffice
internal import Synchronization

/// A node's copy of one event's queue: what everybody may read, the order that was drawn, and who is there.
package final class EventQueueCopy: Sendable {
    private struct State {
        var view: QueueView
        var moment: Moment
        var presence: QueuePresence
        /// When presence was counted last; `nil` for not yet.
        var reportedAt: Timestamp?
        var report = PresenceReport()
        var pace = QueuePace()
        /// When anybody joined or looked last.
        var seenAt: Timestamp
        /// When the store was asked last what is due.
        var attendedAt: Timestamp?
        var drawn: Drawn?
        /// Entries that wait according to this copy, although the store said that their turn began: the copy may lag behind.
        var begun: Set<EntryNumber> = []
        /// The name of the public value that is announced for the draw.
        var announced: String?
        var document: QueueDocument

        /// The positions of the numbers that were drawn; empty without a draw, `nil` before it, and as long as the order is of
        /// another draw than the store's.
        var order: [UInt32]? {
            if view.hasNoDraw { return [] }
            guard let drawn, drawn.count == view.count, drawn.beacon == view.beacon else { return nil }
            return drawn.positions
        }

        func position(of number: EntryNumber) -> UInt32? {
            guard let order else { return nil }
            return Int(number.value) < order.count ? order[Int(number.value)] : number.value
        }

        func waits(_ number: EntryNumber) -> Bool {
            guard presence.knows(number), !begun.contains(number) else { return false }
            return position(of: number).map { $0 >= view.head } ?? true
        }
    }

    /// An order, and what it was drawn from.
    package struct Drawn: Sendable {
        let count: UInt32
        let beacon: QueueBeacon
        let positions: [UInt32]
    }

    /// A draw whose order is to be computed.
    package struct Draw: Sendable {
        fileprivate let count: UInt32
        fileprivate let beacon: QueueBeacon
        private let seed: [UInt8]

        fileprivate init(_ event: Code, _ secret: [UInt8], _ count: UInt32, _ beacon: QueueBeacon) {
            self.count = count
            self.beacon = beacon
            seed = QueueDraw.seed(secret: secret, count: Int(count), event: event, beacon: beacon.text)
        }

        /// It takes a fifth of a microsecond for each number.
        package var drawn: Drawn {
            Drawn(count: count, beacon: beacon, positions: QueueDraw.positions(seed: seed, count: Int(count)))
        }
    }

    package let name: QueueName
    private let receiptKeys: [String]
    /// Looks are counted by the time of this process, which never goes back: a store's clock may, and events on Redis have clocks
    /// of their own.
    private let uptime: @Sendable () -> Timestamp
    private let state: Mutex<State>

    /// Between two counts of who is there: they walk over all entries.
    private static let betweenReports = Duration.seconds(1)
    /// Between two questions about a queue that is over and at which nobody looks.
    private static let betweenIdleRounds = Duration.seconds(10)

    /// - Parameter view: of a queue that was opened.
    package init(
        _ event: Code, _ view: QueueView, announced: String? = nil, receiptKeys: [String], at now: Moment,
        uptime: @escaping @Sendable () -> Timestamp
    ) {
        self.uptime = uptime
        name = QueueName(event: event, commitment: QueueDraw.commitment(to: view.secret))
        self.receiptKeys = receiptKeys
        let facts = QueueFacts(
            name, view, announced: announced, pace: QueuePace(), receiptKeys: receiptKeys, at: now)
        state = Mutex(
            State(
                view: view, moment: now, presence: QueuePresence(at: uptime(), now.wall), seenAt: uptime(),
                announced: announced, document: QueueDocument(facts, at: now)))
    }

    // MARK: What the store says

    /// Takes the store's latest view. Views may arrive in another order than the store made them, so the head and the count of
    /// entries go back only if the store lost facts.
    package func take(_ view: QueueView, at now: Moment) {
        state.withLock { state in
            var view = view
            if view.lives == state.view.lives {
                if state.view.count != nil, view.count == nil { return }
                view.head = max(view.head, state.view.head)
                view.joined = max(view.joined, state.view.joined)
            } else {
                state.begun = []
            }
            state.view = view
            state.moment = now
            state.pace.note(head: view.head, at: now.office)
            renew(&state)
        }
    }

    /// The definition announces this value for the draw now. The next answer of the store shows it.
    func announce(_ name: String?) {
        state.withLock { $0.announced = name }
    }

    /// The draw that is to be computed; `nil` if there is none yet, or if it is known.
    package var missingDraw: Draw? {
        state.withLock { state in
            guard state.order == nil, let count = state.view.count, let beacon = state.view.beacon else { return nil }
            return Draw(name.event, state.view.secret, count, beacon)
        }
    }

    package func take(_ drawn: Drawn) {
        state.withLock { $0.drawn = drawn }
    }

    private func renew(_ state: inout State) {
        let facts = QueueFacts(
            name, state.view, announced: state.announced, pace: state.pace, receiptKeys: receiptKeys, at: state.moment)
        // Moments in documents are at most a second old.
        guard facts != state.document.facts || state.document.isOld(at: state.moment) else { return }
        state.document = QueueDocument(facts, at: state.moment)
    }

    // MARK: What callers ask

    package var view: QueueView { state.withLock { $0.view } }
    package var document: QueueDocument { state.withLock { $0.document } }
    /// Entries that wait.
    var waitingCount: UInt32 { state.withLock { $0.view.joined - min($0.view.head, $0.view.joined) } }

    /// Whether a store that lost facts lost this entry.
    func hasLost(_ entry: SignedEntry) -> Bool {
        state.withLock { $0.view.hasLost(EntryNumber(entry.number), joinedAt: entry.joinedAt) }
    }

    /// Where an entry stands in the order; `nil` before the draw.
    package func position(of number: EntryNumber) -> UInt32? {
        state.withLock { $0.position(of: number) }
    }

    /// The entry, if this copy knows without the store that it waits: it looked before, and the head has not reached it.
    package func waiting(_ number: EntryNumber) -> QueueEntry? {
        let now = uptime()
        return state.withLock { state in
            guard state.waits(number) else { return nil }
            let position = state.position(of: number)
            state.presence.note(number, at: now)
            state.seenAt = now
            return QueueEntry(
                number: number, position: position, state: .waiting, ahead: position.map { $0 - state.view.head })
        }
    }

    /// Takes the store's answer about an entry that looked, or left.
    package func note(_ entry: QueueEntry) {
        let now = uptime()
        state.withLock { state in
            state.seenAt = now
            if entry.state == .closed { return state.presence.leave(entry.number) }
            state.presence.note(entry.number, at: now)
            if entry.turnEndsAt != nil, state.waits(entry.number) { state.begun.insert(entry.number) }
        }
    }

    /// An entry joined. If its turn began at once, the store moved the head, and so does this copy: the next look depends on it.
    package func noteJoin(_ entry: QueueEntry, at moment: Moment) {
        let now = uptime()
        state.withLock { state in
            state.presence.note(entry.number, at: now)
            state.presence.noteJoin(entry.number, at: moment.wall)
            state.seenAt = now
            if let position = entry.position, entry.turnEndsAt != nil {
                state.view.head = max(state.view.head, position + 1)
            }
        }
    }

    /// When an entry joined; `nil` if this process does not know it.
    package func joinedAt(_ number: EntryNumber) -> WallTime? {
        state.withLock { $0.presence.joined(number) }
    }

    package func leave(_ number: EntryNumber) {
        state.withLock { $0.presence.leave(number) }
    }

    /// Whether to ask the store now what is due. A queue that is over only waits for places to come back. While nobody looks at it,
    /// it asks every few seconds: hundreds of such queues would otherwise keep a store busy all day.
    package func isDue() -> Bool {
        let now = uptime()
        return state.withLock { state in
            let isIdle = state.view.phase == .over && state.seenAt.advanced(by: QueuePresence.spanOfLooks) <= now
            if isIdle, let last = state.attendedAt, now < last.advanced(by: Self.betweenIdleRounds) { return false }
            state.attendedAt = now
            return true
        }
    }

    /// Who is there, counted once a second.
    package func report() -> PresenceReport {
        let now = uptime()
        return state.withLock { state in
            if let last = state.reportedAt, now < last.advanced(by: Self.betweenReports) { return state.report }
            state.reportedAt = now
            state.report = state.presence.report(
                head: state.view.head, joined: state.view.joined, order: state.order, at: now)
            return state.report
        }
    }
}

extension QueueView {
    /// People are let in in the order of joining.
    var hasNoDraw: Bool {
        switch phase {
        case .closed, .gathering, .drawing: false
        case .moving, .paused, .over: count == nil
        }
    }
}
