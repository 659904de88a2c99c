public import BoxOffice

/// Replies that leave together after a commit or a call, grouped by their sink.
public struct WaitingReplies: Sendable {
    /// How many replies wait.
    @usableFromInline var sinks: [(sink: any ReplySink, replies: ContiguousArray<TicketedReply>)] = []
    public var count: Int { replyCount }
    @usableFromInline var replyCount = 0

    @inlinable
    public init() {}

    /// There are few sinks (one for each event loop), so a search is faster than hashing.
    @inlinable
    public mutating func add(_ reply: consuming TicketedReply, for sink: any ReplySink) {
        replyCount += 1
        for index in sinks.indices.reversed() where sinks[index].sink === sink {
            sinks[index].replies.append(reply)
            return
        }
        sinks.append((sink, [reply]))
    }

    /// Hands each sink its replies in one call.
    @inlinable
    public func deliver() {
        for (sink, replies) in sinks { sink.deliver(replies) }
    }

    /// Delivers this failure instead of the replies.
    @inlinable
    public func fail(_ failure: StoreFailure) {
        for (sink, replies) in sinks {
            sink.deliver(ContiguousArray(replies.map { TicketedReply(ticket: $0.ticket, reply: .failed(failure)) }))
        }
    }
}

extension Outcome {
    /// Whether the outcome depends on facts, so that it must wait until they are durable (S2 Durable first). A refusal
    /// because places are missing does not (S3 Refusals may run ahead).
    public var dependsOnFacts: Bool {
        switch self {
        case .held, .extended, .released, .purchased, .returned, .corrected, .paidBack, .erased, .looked, .eventChanged,
            .eventRemoved:
            return true
        case .queue(let outcome): return outcome.dependsOnFacts
        case .refused(let refusal):
            switch refusal {
            case .holdExpired, .holdReleased, .alreadyPurchased, .purchaseReturned, .paymentConflict,
                .extensionDenied, .notPurchased, .returnTooLarge, .keyReused, .eventCancelled, .cancellationFinal,
                .revisionMismatch, .eventHasSales,
                .eventHasDebts,
                .unknownDebt, .holdIsLive, .holdHasDebt, .purchaseErased, .correctionOutdated:
                return true
            case .queue(let refusal): return refusal.dependsOnFacts
            case .unknownCode, .codeNotForType, .codeNotValidYet, .codeNoLongerValid, .codeUsedUp,
                .unknownEvent, .unknownTicketType, .unknownAllocation, .unknownHold, .invalid, .saleNotStarted,
                .saleEnded, .salePaused,
                .typeSaleNotStarted, .typeSaleEnded, .typeLimitReached,
                .poolClosed, .buyerLimitReached, .temporarilyHeld, .soldOut, .insufficientQuantity, .tooManyHolds,
                .completedByShop:
                return false
            }
        }
    }

    /// Whether the outcome depends on a purchase or a return. A store may make those more durable than holds.
    public var tellsOfSale: Bool {
        switch self {
        case .purchased, .returned, .paidBack, .erased, .eventChanged, .eventRemoved: return true
        case .held(let view, _), .extended(let view, _), .released(let view, _), .corrected(let view, _),
            .looked(let view, _):
            return view.state == .purchased || view.state == .returned
        case .queue: return false
        case .refused(let refusal):
            switch refusal {
            case .alreadyPurchased, .purchaseReturned, .paymentConflict, .notPurchased, .returnTooLarge, .eventHasSales,
                .eventCancelled, .cancellationFinal,
                .eventHasDebts, .unknownDebt, .holdHasDebt, .purchaseErased, .revisionMismatch,
                .holdExpired(refundRequired: true),
                .holdReleased(refundRequired: true):
                return true
            case .holdExpired(refundRequired: false), .holdReleased(refundRequired: false), .completedByShop,
                .holdIsLive, .correctionOutdated, .queue,
                .extensionDenied, .keyReused, .unknownCode, .codeNotForType, .codeNotValidYet, .codeNoLongerValid,
                .codeUsedUp, .unknownEvent,
                .unknownTicketType, .unknownAllocation, .unknownHold, .invalid, .saleNotStarted, .saleEnded,
                .salePaused, .poolClosed,
                .typeSaleNotStarted, .typeSaleEnded, .typeLimitReached, .buyerLimitReached, .temporarilyHeld, .soldOut,
                .insufficientQuantity, .tooManyHolds:
                return false
            }
        }
    }
}

extension QueueOutcome {
    /// What a look of a waiting entry says promises nothing; a place in the queue, a turn and a head do (Q9 Fails closed). A
    /// number needs only its block, see ``QueueOutcome/joined(_:repeated:recordedBy:)``.
    fileprivate var dependsOnFacts: Bool {
        switch self {
        case .joined, .attended, .changed: true
        case .looked(let entry): entry.state != .waiting
        }
    }
}

extension QueueRefusal {
    fileprivate var dependsOnFacts: Bool {
        switch self {
        case .turnOver, .passUsed, .otherBuyer, .beaconLate: true
        case .none, .notOpen, .unknownEntry, .full, .passRequired, .notYourTurn, .noBeacon, .otherBeacon, .beaconEarly:
            false
        }
    }
}
