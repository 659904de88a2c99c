public import BoxOffice

/// What every store of holds and purchases keeps, whatever it is made of.
///
/// 1. Each command is decided once, in one order for all callers, by the rules that `BoxOffice` decides by. The same
///    commands at the same moments get the same outcomes from every store.
/// 2. A positive answer to a hold, an extension, a release, a purchase, a return or a definition leaves only when its
///    fact is durable in the store's configured sense. So does an answer about a hold that depends on such a fact.
/// 3. A refusal for want of places, and an availability, may run ahead of what is durable: they promise nothing.
/// 4. What may or may not have happened is told as ``StoreFailure/outcomeUnknown`` and nothing else; asking again is
///    safe.
/// 5. Each submitted command is answered exactly once.
/// 6. A full queue refuses at once (``StoreFailure/overloaded``); completing is refused last, holding first.
public protocol TicketStore: Sendable {
    /// Hands a command in.
    ///
    /// - Parameters:
    ///   - note: written into the audit with the fact, where the command is an operator's and changes something.
    ///   - ticket: comes back with the reply; only the box gives it a meaning.
    ///   - box: where the reply goes if it cannot be given at once.
    /// - Returns: the reply, if it can be given at once. Otherwise it is delivered to `box`, on a thread of the
    ///   store's, perhaps before this call returns.
    func submit(_ command: Command, note: AuditNote?, ticket: UInt64, replyTo box: any ReplySink) -> StoreReply?

    /// What is left of an event, or `nil` if there is no such event.
    ///
    /// - Parameter known: the version that the caller has; if it still stands, ``AvailabilityReading/unchanged`` is
    ///   answered.
    func availability(of event: Code, unless known: UInt64?) -> AvailabilityReading

    /// The events there are, in the order in which they were first defined.
    var events: [EventReading] { get }

    /// An event by its code.
    func event(_ code: Code) -> EventReading?

    /// What the numbers in a ``HoldView`` of the event at `index` mean.
    ///
    /// - Precondition: the index is from a view of this store.
    func catalogue(at index: UInt32) -> EventCatalogue

    /// The same, or `nil` if it is still what the caller has with this ``EventCatalogue/revision``: nothing is copied
    /// then.
    func catalogue(at index: UInt32, unless revision: UInt64) -> EventCatalogue?

    /// Whether the store can decide now, and if not, why. It follows what decisions meet and, while nobody asks, a trial
    /// about each second, so that it is right within two seconds.
    var condition: StoreCondition { get }

    /// What an operator should see to though the store sells; at most ``StoreConcern/most``.
    var concerns: [StoreConcern] { get }

    /// The store's clock.
    var now: Moment { get }
}

/// Where a store delivers the replies that it could not give at once. One box an event loop, or one a caller.
public protocol ReplySink: AnyObject, Sendable {
    /// Takes the replies to several submitted commands, at most once for each batch that became durable, so that one
    /// wake-up serves them all. Called on a thread of the store's: it must not wait.
    func deliver(_ replies: ContiguousArray<TicketedReply>)
}

/// A reply and the ticket of the command it answers.
public struct TicketedReply: Sendable {
    public var ticket: UInt64
    public var reply: StoreReply

    public init(ticket: UInt64, reply: StoreReply) {
        self.ticket = ticket
        self.reply = reply
    }
}

/// What a store answers.
public enum StoreReply: Sendable {
    /// Decided at `moment`; where it had to be, it is durable.
    case decided(Outcome, at: Moment)
    /// The world failed. Nothing is said of the command.
    case failed(StoreFailure)
}

/// How the infrastructure can fail a caller. A refusal by the rules is no failure.
public enum StoreFailure: Error, Sendable, Equatable {
    /// The command may or may not have happened. Safe to ask again.
    case outcomeUnknown
    /// Refused before anything was decided: more is waiting than is good.
    case overloaded
    /// Refused before anything was decided: the store takes no facts now.
    case suspended(SuspensionReason)
    /// Refused before anything was decided: the store is closing.
    case closing
}

/// Why a store takes no facts.
public enum SuspensionReason: String, Sendable, Equatable {
    case diskFull = "disk-full"
    case writeFailed = "write-failed"
    case recovering = "recovering"
    /// The files that the facts are written to are not in their directory any more.
    case filesLost = "ledger-files-lost"
    /// The servers that keep the facts cannot be reached, or take none now.
    case unreachable = "store-unreachable"
    /// The servers that keep the facts have no memory left for more.
    case memoryFull = "memory-full"
    /// A broken rule closed a pool; memory is made anew from the facts.
    case repairing
    /// A commit takes the disk longer than any should.
    case diskStalled = "disk-stalled"
    /// The servers take what is asked, and answer nothing.
    case silent = "store-silent"
    /// The servers are busy with a script that runs for too long.
    case busy = "store-busy"
    /// Too few replicas acknowledge what is decided, so no answer may be positive.
    case replicasMissing = "replicas-missing"
    /// The service may not do on the servers what it needs.
    case forbidden = "store-forbidden"
    /// The servers answer decisions with errors; the log has them.
    case failing = "store-failing"
}

/// Whether a store sells.
public enum StoreCondition: Sendable, Equatable {
    case selling
    case suspended(SuspensionReason)
    case closing
}

/// Something that does not stop the store from selling, and that an operator should see to.
public struct StoreConcern: Sendable, Hashable {
    /// As many are told at a time; more would hide that there are many.
    public static let most = 20

    public enum Kind: String, Sendable, CaseIterable {
        /// R4 Broken rule: the pool's numbers contradict each other, and it sells nothing more.
        case poolClosed = "pool-closed"
        /// The numbers of an event are not as its holds say; `holdfast repair` shows and mends it.
        case unbalanced
        /// Events that cannot be sold now, while others can: their server is away, full, busy or silent.
        case eventsUnavailable = "events-unavailable"
        /// Holds are answered, but purchases cannot be: too few replicas acknowledge them.
        case replicasMissing = "replicas-missing"
        /// R15 Idempotency keys: four fifths of the room for keys are used up.
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

/// What an answer is worth, in a sentence each, for operators.
public struct DurabilityPromise: Sendable, Equatable {
    /// What an answered purchase or return means.
    public var purchases: String
    /// What an answered hold, extension or release means.
    public var holds: String

    public init(purchases: String, holds: String) {
        self.purchases = purchases
        self.holds = holds
    }
}

/// An event as it stands.
public struct EventReading: Sendable, Equatable {
    public var definition: EventDefinition
    public var isPaused: Bool
    /// Another one after every change of either.
    public var revision: UInt64

    public init(_ definition: EventDefinition, isPaused: Bool, revision: UInt64) {
        self.definition = definition
        self.isPaused = isPaused
        self.revision = revision
    }
}

/// What a look at the availability gave.
public enum AvailabilityReading: Sendable, Equatable {
    case unknownEvent
    case unchanged
    case current(Availability, at: Moment)
}

/// How certain it is that what was answered outlives a crash.
public enum Durability: String, Sendable, CaseIterable {
    /// On disk, synced, before the answer leaves.
    case full
    /// Handed to the operating system: outlives a crash of the process, not one of the machine.
    case relaxed
}

extension TicketStore {
    /// Hands a command in that is no operator's.
    @inlinable
    public func submit(_ command: Command, ticket: UInt64, replyTo box: any ReplySink) -> StoreReply? {
        submit(command, note: nil, ticket: ticket, replyTo: box)
    }

    /// Hands a command in and waits for its reply: the comfortable way, for everything that is not hot.
    public func perform(_ command: Command, note: AuditNote? = nil) async -> StoreReply {
        await withCheckedContinuation { continuation in
            let box = SingleReply(continuation)
            if let reply = submit(command, note: note, ticket: 0, replyTo: box) {
                continuation.resume(returning: reply)
            }
        }
    }
}

/// A box for one reply.
private final class SingleReply: ReplySink {
    private let continuation: CheckedContinuation<StoreReply, Never>

    init(_ continuation: CheckedContinuation<StoreReply, Never>) {
        self.continuation = continuation
    }

    func deliver(_ replies: ContiguousArray<TicketedReply>) {
        for reply in replies { continuation.resume(returning: reply.reply) }
    }
}
