internal import BoxOffice
internal import NIOCore
internal import Synchronization
internal import TicketStore

/// What a node keeps in memory. No other node needs any of it.
struct NodeState: Sendable {
    /// Whether the store opens, is open (whatever its servers do, see ``StoreHealth``), or closes.
    var phase = StoreCondition.suspended(.recovering)
    var directory = EventDirectory()
    var pending: PendingCommands
    var health: StoreHealth
    var looks = LookSchedule()
    /// Why the list of events could not be read; the only sign of trouble while there are no events.
    var listFailure: SuspensionReason?
    var reported = ReportedHealth()
    /// How full each event's room for idempotency keys is.
    var keyRooms: [EventNumber: KeyRoom] = [:]
    var counts = CountSchedule()
    /// How long the calls that decided took, with what they waited for.
    var calls = DurationHistogram()
    /// How many commands they had.
    var batches = SizeHistogram()
    /// How often a pool was found closed by a broken rule that was open before, by event (R4 Broken rule).
    var violations: [Code: UInt64] = [:]

    /// Whether lists of debts may still have payments that were erased with holds of other events (R41 Erasure): a node that
    /// erased something may have ended.
    var mayHaveErasedDebts = true

    init(pending: PendingCommands, health: StoreHealth) {
        self.pending = pending
        self.health = health
    }

    /// Takes a command in, or refuses it.
    mutating func admit(_ command: PendingCommand) -> PendingCommands.Action {
        guard phase != .closing else { return .refuse(.closing) }
        return pending.admit(command, for: directory.event(of: command.command))
    }

    /// Sends a command that waited for the list of events on; `nil` if its event is not known here all the same.
    mutating func route(_ command: PendingCommand) -> PendingCommands.Action? {
        directory.event(of: command.command).map { pending.add(command, for: $0) }
    }

    /// The looks and trials that are due.
    mutating func look(at now: NIODeadline) -> [PendingCommands.Action] {
        guard phase != .closing else { return [] }
        var actions = health.eventsToTry(of: directory.order, at: now).map { pending.beginLook(at: $0, isTrial: true) }
        actions += looks.eventsToLookAt(in: directory, at: now).map { pending.beginLook(at: $0) }
        if looks.isListDue(at: now) { actions.append(pending.beginReading()) }
        return actions
    }

    /// - Returns: the commands that wait.
    mutating func close() -> [PendingCommand] {
        phase = .closing
        return pending.close()
    }
}

/// A node's state behind one lock. No call is made and no reply is delivered while it is locked.
final class SharedState: Sendable {
    private let state: Mutex<NodeState>

    init(_ state: NodeState) {
        self.state = Mutex(state)
    }

    func withLock<Result: Sendable>(_ body: (inout NodeState) -> Result) -> Result {
        state.withLock { body(&$0) }
    }
}
