internal import BoxOffice
package import NIOCore
package import TicketStore

/// The commands that wait on this node: for the next call of their event, for a claim, or for the list of events.
///
/// A value that makes no calls: each change returns what is to be done. An event has one call under way. Commands that
/// come meanwhile gather for the next one, so under load more commands share a call.
package struct PendingCommands: Sendable {
    /// Commands of one call. A server decides this many in some 2 ms, and does nothing else meanwhile.
    package static let batchSize = 512
    /// How long holds wait for others at an event that has just refused every hold. A call costs its server some 30 µs,
    /// a refusal in it 2: with one call right behind the other, 512 callers of one node made calls of three commands.
    package static let crowdTime = TimeAmount.milliseconds(2)

    /// What is to be done now, outside the lock.
    package enum Action: Sendable {
        case nothing
        case refuse(StoreFailure)
        /// Call the event, then ``endCall(for:foundNothing:at:)``.
        case call(EventNumber, CommandBatch)
        /// Claim the names in the slot, then ``endClaim(in:)``.
        case claim(ClaimSlot, [ClaimRequest])
        /// ``endRest(of:)`` at that moment.
        case rest(EventNumber, until: NIODeadline)
        /// Read the list of events: ``takeUnrouted()``, then ``endReading()``.
        case readList
    }

    fileprivate struct EventQueue: Sendable {
        var batches: [CommandBatch] = []
        var isCalling = false
        /// The last call refused every hold: until then new holds wait for others, to share a call.
        var restsUntil: NIODeadline?
        var isRestScheduled = false
    }

    fileprivate struct ClaimQueue: Sendable {
        var requests: [ClaimRequest] = []
        var isCalling = false
    }

    private let limit: Int
    private let needsClaims: Bool
    private var eventQueues: [EventNumber: EventQueue] = [:]
    private var claimQueues: [ClaimSlot: ClaimQueue] = [:]
    /// Their event is not known here. They wait for a reading of the list of events that begins after they came.
    private var unrouted: [PendingCommand] = []
    private var isReading = false
    /// Commands in the queues and in `unrouted`; those of a call that is under way do not count.
    package private(set) var count = 0

    /// - Parameters:
    ///   - limit: commands that may wait (``RedisStore/Configuration/queuedCommands``).
    ///   - needsClaims: whether a payment must be claimed for one event before it is used: in a cluster.
    package init(limit: Int, needsClaims: Bool) {
        self.limit = limit
        self.needsClaims = needsClaims
    }

    // MARK: Coming

    /// Takes a command in, or refuses it.
    ///
    /// - Parameter event: `nil` if the command's event is not known here.
    package mutating func admit(_ pending: PendingCommand, for event: EventNumber?) -> Action {
        guard count < limit(for: pending.command) else { return .refuse(.overloaded) }
        guard let event else { return addUnrouted(pending) }
        return add(pending, for: event)
    }

    /// How many commands may wait before one of this kind is refused: looking is refused first, then holding and what people
    /// ask of an event's queue, then extending and releasing, and completing last (S6 Full queue).
    private func limit(for command: Command) -> Int {
        switch command {
        case .purchase, .returnPurchase, .returnPart, .correct, .payBack, .erase, .define, .pause, .resume, .cancel,
            .reinstate, .remove:
            limit
        case .extend, .release: limit / 4 * 3
        case .hold: limit / 2
        case .queue(_, let command): command.isOfPeople ? limit / 2 : limit
        case .look: limit / 4
        }
    }

    /// Lets a command wait for the next call of its event, or for its claim.
    package mutating func add(_ pending: PendingCommand, for event: EventNumber) -> Action {
        count += 1
        if needsClaims, pending.claim == nil, pending.elsewhere != .bought, let name = pending.claimedName {
            let slot = ClaimSlot(of: name)
            claimQueues[slot, default: ClaimQueue()].requests.append(
                ClaimRequest(command: pending, name: name, event: event))
            return nextClaim(in: slot)
        }
        eventQueues[event, default: EventQueue()].add(pending)
        return nextCall(for: event)
    }

    /// Lets a command wait for the list of events.
    package mutating func addUnrouted(_ pending: PendingCommand) -> Action {
        unrouted.append(pending)
        count += 1
        return beginReading()
    }

    // MARK: Calls

    private mutating func nextCall(for event: EventNumber) -> Action {
        if let until = eventQueues[event]?.beginRest() { return .rest(event, until: until) }
        guard let batch = eventQueues[event]?.begin() else { return .nothing }
        count -= batch.commands.count
        return .call(event, batch)
    }

    /// An empty call, which counts and reads the clock, or tries what decisions need; nothing if a call is under way.
    package mutating func beginLook(at event: EventNumber, isTrial: Bool = false) -> Action {
        guard eventQueues[event, default: EventQueue()].beginEmpty() else { return .nothing }
        return .call(event, CommandBatch(isTrial: isTrial))
    }

    /// The call for `event` has ended.
    ///
    /// - Parameter foundNothing: it held no places for anybody, and refused a hold because there were none.
    package mutating func endCall(
        for event: EventNumber, foundNothing: Bool = false, at now: NIODeadline
    ) -> Action {
        eventQueues[event]?.isCalling = false
        eventQueues[event]?.restsUntil = foundNothing ? now + Self.crowdTime : nil
        return nextCall(for: event)
    }

    /// The time for a crowd to gather is over.
    package mutating func endRest(of event: EventNumber) -> Action {
        eventQueues[event]?.isRestScheduled = false
        eventQueues[event]?.restsUntil = nil
        return nextCall(for: event)
    }

    // MARK: Claims

    private mutating func nextClaim(in slot: ClaimSlot) -> Action {
        guard let requests = claimQueues[slot]?.begin() else { return .nothing }
        count -= requests.count
        return .claim(slot, requests)
    }

    /// The call for claims in `slot` has ended.
    package mutating func endClaim(in slot: ClaimSlot) -> Action {
        claimQueues[slot]?.isCalling = false
        return nextClaim(in: slot)
    }

    // MARK: The list of events

    package mutating func beginReading() -> Action {
        guard !isReading else { return .nothing }
        isReading = true
        return .readList
    }

    /// The commands that wait for the reading that begins now. Commands that come later wait for the next one.
    package mutating func takeUnrouted() -> [PendingCommand] {
        defer { unrouted = [] }
        count -= unrouted.count
        return unrouted
    }

    package mutating func endReading() -> Action {
        isReading = false
        return unrouted.isEmpty ? .nothing : beginReading()
    }

    // MARK: Closing

    /// Takes all commands that wait out.
    package mutating func close() -> [PendingCommand] {
        var all = takeUnrouted()
        for queue in eventQueues.values { for batch in queue.batches { all += batch.commands } }
        for queue in claimQueues.values { all += queue.requests.map(\.command) }
        eventQueues = eventQueues.mapValues { EventQueue(isCalling: $0.isCalling) }
        claimQueues = claimQueues.mapValues { ClaimQueue(isCalling: $0.isCalling) }
        count = 0
        return all
    }
}

extension PendingCommands.EventQueue {
    fileprivate mutating func add(_ pending: PendingCommand) {
        if batches.last.map(\.isFull) ?? true { batches.append(CommandBatch()) }
        batches[batches.count - 1].add(pending)
    }

    /// Whether the commands wait for others: only holds do, and only while they do not fill a call.
    private var rests: Bool {
        restsUntil != nil && batches.count == 1 && !batches[0].isFull && !batches[0].hasOthers
    }

    /// When the rest ends, if that is not scheduled yet.
    fileprivate mutating func beginRest() -> NIODeadline? {
        guard !isCalling, !isRestScheduled, rests, let restsUntil else { return nil }
        isRestScheduled = true
        return restsUntil
    }

    fileprivate mutating func begin() -> CommandBatch? {
        guard !isCalling, !rests, !batches.isEmpty else { return nil }
        isCalling = true
        return batches.removeFirst()
    }

    fileprivate mutating func beginEmpty() -> Bool {
        guard !isCalling else { return false }
        isCalling = true
        return true
    }
}

extension PendingCommands.ClaimQueue {
    fileprivate mutating func begin() -> [ClaimRequest]? {
        guard !isCalling, !requests.isEmpty else { return nil }
        isCalling = true
        defer { requests.removeFirst(min(requests.count, PendingCommands.batchSize)) }
        return Array(requests.prefix(PendingCommands.batchSize))
    }
}
