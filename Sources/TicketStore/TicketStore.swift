public import BoxOffice

/// The contract of every store of holds and purchases.
///
/// - S1 One order: each command is decided once, in one order for all callers, by the rules of `BoxOffice`. The same
///   commands at the same moments get the same outcomes from every store.
/// - S2 Durable first: a positive answer leaves only when its fact is durable as the store is configured. So does an
///   answer that depends on such a fact.
/// - S3 Refusals may run ahead: an availability, and a refusal because places are missing, may depend on facts that are
///   not durable yet, because they promise nothing.
/// - S4 Unknown has one name: what may or may not have happened is ``StoreFailure/outcomeUnknown``. A retry is safe.
/// - S5 One answer: each submitted command is answered exactly once.
/// - S6 Full queue: a full queue refuses at once (``StoreFailure/overloaded``). It refuses completing last and holding
///   first.
public protocol TicketStore: Sendable {
    /// Submits a command.
    ///
    /// - Parameters:
    ///   - note: written into the audit with the fact, for an operator's command that changes something.
    ///   - ticket: comes back with the reply. Only the sink gives it a meaning.
    ///   - sink: gets the reply if it is not ready at once.
    /// - Returns: the reply, if it is ready at once. Otherwise one of the store's threads delivers it to `sink`,
    ///   perhaps before this call returns.
    func submit(_ command: Command, note: AuditNote?, ticket: UInt64, replyTo sink: any ReplySink) -> StoreReply?

    /// What is left of an event.
    ///
    /// - Parameter known: the version that the caller has. If it is the present one, the answer is
    ///   ``AvailabilityReading/unchanged``.
    func availability(of event: Code, unless known: UInt64?) -> AvailabilityReading

    /// The numbers of an event for operators, without waiting; `nil` if there is no such event. Where several nodes
    /// sell, a node has them as it last read them; asking for the availability makes it read new ones.
    func numbers(of event: Code) -> EventNumbers?

    /// How long it took, since the process began, to make decisions durable: a commit of the ledger, or a call to Redis
    /// with what it waits for.
    var writes: DurationHistogram { get }

    /// What else is counted and measured for monitoring. Costs some system calls where the store writes files.
    var figures: StoreFigures { get }

    /// All events, in the order in which they were first defined.
    var events: [EventReading] { get }

    /// An event by its code; `nil` if there is none.
    func event(_ code: Code) -> EventReading?

    /// What the numbers in a ``HoldView`` of the event at `index` mean.
    ///
    /// - Precondition: the index is from a view of this store.
    func catalogue(at index: UInt32) -> EventCatalogue

    /// The catalogue of the event at `index`; `nil`, without a copy, if its ``EventCatalogue/revision`` is the one that
    /// the caller has.
    func catalogue(at index: UInt32, unless revision: UInt64) -> EventCatalogue?

    /// Whether the store can decide now, and if not, why. It follows the results of decisions and, on an idle store, of
    /// a trial about once a second. So it is right within two seconds.
    var condition: StoreCondition { get }

    /// What an operator should look into although the store sells; at most ``StoreConcern/most`` of them.
    var concerns: [StoreConcern] { get }

    /// The store's clock.
    var now: Moment { get }
}

/// Takes the replies that were not ready at once. There is one sink for each event loop, or one for a caller.
public protocol ReplySink: AnyObject, Sendable {
    /// Takes the replies to several commands: at most one call for each durable batch, so that one wake-up serves them
    /// all. It runs on one of the store's threads and must not block.
    func deliver(_ replies: ContiguousArray<TicketedReply>)
}

/// A reply, with the ticket of its command.
public struct TicketedReply: Sendable {
    public var ticket: UInt64
    public var reply: StoreReply

    public init(ticket: UInt64, reply: StoreReply) {
        self.ticket = ticket
        self.reply = reply
    }
}

/// A store's reply to a command.
public enum StoreReply: Sendable {
    /// The command was decided at this moment. If the outcome depends on facts, they are durable.
    case decided(Outcome, at: Moment)
    /// The infrastructure failed.
    case failed(StoreFailure)
}

/// How the infrastructure can fail. A refusal by the rules is not a failure (R17 Refusals are answers).
public enum StoreFailure: Error, Sendable, Equatable {
    /// The command may or may not have happened. A retry is safe (R18 Unknown outcome).
    case outcomeUnknown
    /// Refused before a decision: a queue is full (S6 Full queue).
    case overloaded
    /// Refused before a decision: the store cannot record facts now.
    case suspended(SuspensionReason)
    /// Refused before a decision: the store is closing.
    case closing
}

/// Why a store cannot record facts.
public enum SuspensionReason: String, Sendable, Equatable, CaseIterable {
    case diskFull = "disk-full"
    case writeFailed = "write-failed"
    case recovering = "recovering"
    /// The files that the facts are written to are no longer in their directory.
    case filesLost = "ledger-files-lost"
    /// The servers that keep the facts cannot be reached, or accept no writes now.
    case unreachable = "store-unreachable"
    /// The servers that keep the facts have no memory left.
    case memoryFull = "memory-full"
    /// A pool's numbers contradict each other (R4 Broken rule), and memory is rebuilt from the facts.
    case repairing
    /// The disk takes too long for a commit.
    case diskStalled = "disk-stalled"
    /// The servers accept requests but do not answer.
    case silent = "store-silent"
    /// The servers run a script for too long.
    case busy = "store-busy"
    /// Too few replicas acknowledge decisions, so no answer may be positive.
    case replicasMissing = "replicas-missing"
    /// The service lacks rights on the servers.
    case forbidden = "store-forbidden"
    /// The servers answer decisions with errors, which are in the log.
    case failing = "store-failing"
}

/// Whether a store sells.
public enum StoreCondition: Sendable, Equatable {
    case selling
    case suspended(SuspensionReason)
    case closing
}

/// Something that an operator should look into although the store sells.
public struct StoreConcern: Sendable, Hashable {
    /// The most concerns at a time. A longer list would help nobody.
    public static let most = 20

    /// The code of a concern, for programs.
    public enum Kind: String, Sendable, CaseIterable {
        /// The pool's numbers contradict each other, so it sells nothing (R4 Broken rule).
        case poolClosed = "pool-closed"
        /// The numbers of an event differ from its holds. `holdfast repair` shows and repairs them.
        case unbalanced
        /// Some events cannot be sold, because their server is away, full, busy or silent.
        case eventsUnavailable = "events-unavailable"
        /// Holds work, but purchases do not: too few replicas acknowledge them.
        case replicasMissing = "replicas-missing"
        /// Four fifths of the room for keys are used up (R15 Idempotency keys).
        case keyRoomNearlyFull = "key-room-nearly-full"
    }

    public var kind: Kind
    /// A sentence for people.
    public var detail: String

    public init(_ kind: Kind, _ detail: String) {
        self.kind = kind
        self.detail = detail
    }
}

/// How durable answered facts are, in a sentence each, for operators (R19 Durable before positive).
public struct DurabilityPromise: Sendable, Equatable {
    /// For purchases and returns.
    public var purchases: String
    /// For holds, extensions and releases.
    public var holds: String

    public init(purchases: String, holds: String) {
        self.purchases = purchases
        self.holds = holds
    }
}

/// An event's present state.
public struct EventReading: Sendable, Equatable {
    public var definition: EventDefinition
    public var isPaused: Bool
    /// Whether it was cancelled (R42 Cancelled event).
    public var isCancelled: Bool
    /// It differs after every change of the definition or the pause.
    public var revision: UInt64

    public init(_ definition: EventDefinition, isPaused: Bool, isCancelled: Bool = false, revision: UInt64) {
        self.isCancelled = isCancelled
        self.definition = definition
        self.isPaused = isPaused
        self.revision = revision
    }
}

/// The answer to a request for the availability.
public enum AvailabilityReading: Sendable, Equatable {
    case unknownEvent
    case unchanged
    case current(Availability, at: Moment)
}

/// Which crashes an answered fact survives.
public enum Durability: String, Sendable, CaseIterable {
    /// The fact is synced to the disk before the answer leaves. It survives a power cut.
    case full
    /// The fact is written to the operating system. It survives a crash of the process, but not one of the machine.
    case relaxed
}

extension TicketStore {
    /// Submits a command that is not an operator's.
    @inlinable
    public func submit(_ command: Command, ticket: UInt64, replyTo sink: any ReplySink) -> StoreReply? {
        submit(command, note: nil, ticket: ticket, replyTo: sink)
    }

    /// Submits a command and waits for its reply. For everything that is not on the hot path.
    public func perform(_ command: Command, note: AuditNote? = nil) async -> StoreReply {
        await withCheckedContinuation { continuation in
            let sink = SingleReply(continuation)
            if let reply = submit(command, note: note, ticket: 0, replyTo: sink) {
                continuation.resume(returning: reply)
            }
        }
    }
}

/// A sink for one reply.
private final class SingleReply: ReplySink {
    private let continuation: CheckedContinuation<StoreReply, Never>

    init(_ continuation: CheckedContinuation<StoreReply, Never>) {
        self.continuation = continuation
    }

    func deliver(_ replies: ContiguousArray<TicketedReply>) {
        for reply in replies { continuation.resume(returning: reply.reply) }
    }
}
