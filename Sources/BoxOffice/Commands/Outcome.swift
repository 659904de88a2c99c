/// What came of a command. A refusal is an answer too.
public enum Outcome: Sendable, Equatable {
    /// `replayed`: the same key asked before; this is the hold as it is now, whatever became of it.
    case held(HoldView, replayed: Bool)
    case extended(HoldView, replayed: Bool)
    /// `repeated`: it had been released, or had expired, before; nothing changed.
    case released(HoldView, repeated: Bool)
    /// `repeated`: it was purchased before, by the same payment; nothing changed.
    case purchased(HoldView, late: Bool, repeated: Bool)
    case returned(HoldView, repeated: Bool)
    /// `repeated`: it was paid back before; nothing changed.
    case paidBack(HoldID, repeated: Bool)
    case looked(HoldView)
    /// `revision`: of the definition in force from now on.
    case eventChanged(Code, revision: UInt64)
    case eventRemoved(Code)
    case refused(Refusal)
}

/// Why a command changed nothing.
public enum Refusal: Sendable, Equatable {
    case unknownEvent
    case unknownTicketType(Code)
    case unknownHold
    /// The request is against a rule that the caller can know beforehand.
    case invalid([Mistake])
    case saleNotStarted(opensAt: WallTime)
    case saleEnded(closedAt: WallTime)
    case salePaused
    /// A rule about this pool was found broken: it sells no more until someone has looked (rule 4).
    case poolClosed(Code)
    /// `remaining`: tickets that this buyer may still take.
    case buyerLimitReached(remaining: Int)
    /// Nothing free, but something held: it may come back, at the earliest at `earliest`.
    case temporarilyHeld(earliest: Timestamp)
    /// Nothing free and nothing held.
    case soldOut
    /// Some free, but fewer than asked.
    case insufficientQuantity(available: Int)
    /// `refundRequired`: a payment was named, which bought nothing and is owed back (R23 Debts). Likewise below.
    case holdExpired(refundRequired: Bool)
    case holdReleased(refundRequired: Bool)
    case alreadyPurchased
    /// The purchase was undone by the operator.
    case purchaseReturned(refundRequired: Bool)
    /// Another payment for a paid hold, which is owed back; or a payment that bought another hold or was paid back.
    case paymentConflict(refundRequired: Bool)
    /// The event's holds are completed by the shop, and not with a token alone (R24 Who completes).
    case completedByShop
    /// `limit`: how many extensions the event allows.
    case extensionDenied(limit: Int)
    case notPurchased
    /// Somebody else changed the event meanwhile. `revision`: what it has now; 0 if there is no such event.
    case revisionMismatch(revision: UInt64)
    /// An event with places that are held, or that ever were sold, stays.
    case eventHasSales
    /// An event stays whose confirmed debts are not all paid back (R23 Debts).
    case eventHasDebts
    /// No such payment is owed back for this hold.
    case unknownDebt
    /// The same key came with another request.
    case keyReused
    /// The event has as many live holds as it may have. Completing goes on.
    case tooManyHolds
}
