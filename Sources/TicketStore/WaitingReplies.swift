public import BoxOffice

/// Replies that leave together, gathered by the box they go to: once a commit, or once a call.
public struct WaitingReplies: Sendable {
    @usableFromInline var boxes: [(box: any ReplySink, replies: ContiguousArray<TicketedReply>)] = []
    public var count: Int { replyCount }
    @usableFromInline var replyCount = 0

    @inlinable
    public init() {}

    /// Few boxes wait at once (one an event loop), so a walk finds them faster than a hash.
    @inlinable
    public mutating func add(_ reply: consuming TicketedReply, for box: any ReplySink) {
        replyCount += 1
        for index in boxes.indices.reversed() where boxes[index].box === box {
            boxes[index].replies.append(reply)
            return
        }
        boxes.append((box, [reply]))
    }

    @inlinable
    public func deliver() {
        for (box, replies) in boxes { box.deliver(replies) }
    }

    /// Tells all of them that the world failed.
    @inlinable
    public func fail(_ failure: StoreFailure) {
        for (box, replies) in boxes {
            box.deliver(ContiguousArray(replies.map { TicketedReply(ticket: $0.ticket, reply: .failed(failure)) }))
        }
    }
}

extension Outcome {
    /// Whether it tells of facts, and so must not be told before they are durable (rule 2 of ``TicketStore``). Refusals
    /// for want of places promise nothing.
    public var dependsOnFacts: Bool {
        switch self {
        case .held, .extended, .released, .purchased, .returned, .paidBack, .looked, .eventChanged, .eventRemoved:
            return true
        case .refused(let refusal):
            switch refusal {
            case .holdExpired, .holdReleased, .alreadyPurchased, .purchaseReturned, .paymentConflict,
                .extensionDenied, .notPurchased, .keyReused, .revisionMismatch, .eventHasSales, .eventHasDebts,
                .unknownDebt:
                return true
            case .unknownEvent, .unknownTicketType, .unknownHold, .invalid, .saleNotStarted, .saleEnded, .salePaused,
                .poolClosed, .buyerLimitReached, .temporarilyHeld, .soldOut, .insufficientQuantity, .tooManyHolds,
                .completedByShop:
                return false
            }
        }
    }

    /// Whether it tells of a purchase or of a return. Where holds are less durable than those, the facts that it depends
    /// on are of the stronger kind.
    public var tellsOfSale: Bool {
        switch self {
        case .purchased, .returned, .paidBack, .eventChanged, .eventRemoved: return true
        case .held(let view, _), .extended(let view, _), .released(let view, _), .looked(let view):
            return view.state == .purchased || view.state == .returned
        case .refused(let refusal):
            switch refusal {
            case .alreadyPurchased, .purchaseReturned, .paymentConflict, .notPurchased, .eventHasSales,
                .eventHasDebts, .unknownDebt, .revisionMismatch, .holdExpired(refundRequired: true),
                .holdReleased(refundRequired: true):
                return true
            case .holdExpired(refundRequired: false), .holdReleased(refundRequired: false), .completedByShop,
                .extensionDenied, .keyReused, .unknownEvent,
                .unknownTicketType, .unknownHold, .invalid, .saleNotStarted, .saleEnded, .salePaused, .poolClosed,
                .buyerLimitReached, .temporarilyHeld, .soldOut, .insufficientQuantity, .tooManyHolds:
                return false
            }
        }
    }
}
