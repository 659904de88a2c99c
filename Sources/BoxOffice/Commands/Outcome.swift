/// The answer to a command. A refusal is an answer, too (R17 Refusals are answers).
public enum Outcome: Sendable, Equatable {
    /// `replayed`: the key was used before, and this is the hold in its present state.
    case held(HoldView, replayed: Bool)
    case extended(HoldView, replayed: Bool)
    /// `repeated`: it was released or had expired before, and nothing changed.
    case released(HoldView, repeated: Bool)
    /// `repeated`: the same payment bought it before, and nothing changed.
    case purchased(HoldView, late: Bool, repeated: Bool)
    case returned(HoldView, repeated: Bool)
    /// `repeated`: it said so before, and nothing changed.
    case corrected(HoldView, repeated: Bool)
    /// `repeated`: it was paid back before, and nothing changed.
    case paidBack(HoldID, repeated: Bool)
    /// `repeated`: it was erased before, and nothing changed.
    case erased(HoldID, repeated: Bool)
    /// `payment`: what is known of the payments that came for it.
    case looked(HoldView, payment: SeenPayment)
    /// `revision`: that of the definition in force from now on.
    case eventChanged(Code, revision: UInt64)
    case eventRemoved(Code)
    /// What became of a command for a queue. Rare and large, so indirect.
    indirect case queue(QueueOutcome)
    case refused(Refusal)
}

/// What a look says about the payments of a hold (R55 Checkout).
public struct SeenPayment: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// A late payment bought the places back (R9 Late payment).
    public static let late = SeenPayment(rawValue: 1)
    /// A payment that bought nothing is owed back: a confirmed debt of the hold is open (R23 Debts).
    public static let owed = SeenPayment(rawValue: 2)
    /// A payment that was reported for the hold was paid back, and the hold was not erased.
    public static let paidBack = SeenPayment(rawValue: 4)
    /// A payment after the deadline would be owed back, whatever is free: the hold was made under the policy `strict`
    /// (R9 Late payment), and was neither bought nor released.
    public static let neverLate = SeenPayment(rawValue: 8)
}

/// Why a command changed nothing.
public enum Refusal: Sendable, Equatable {
    case unknownEvent
    case unknownTicketType(Code)
    /// The type has no such allocation, or it was released (R45 Allocations).
    case unknownAllocation(Code)
    case unknownHold
    /// The request breaks a rule that the caller can know beforehand.
    case invalid([Mistake])
    /// The event has no such access code, or it was revoked (R46 Access codes).
    case unknownCode
    /// The code is not good for tickets of this type.
    case codeNotForType(Code)
    case codeNotValidYet(opensAt: WallTime)
    case codeNoLongerValid(closedAt: WallTime)
    /// `remaining`: tickets that the code is still good for.
    case codeUsedUp(remaining: Int)
    case saleNotStarted(opensAt: WallTime)
    case saleEnded(closedAt: WallTime)
    case salePaused
    /// The event was cancelled: nothing of it can be had, and its live holds ended with it (R42 Cancelled event).
    case eventCancelled(refundRequired: Bool)
    /// The cancellation is too old to be undone, or something was paid back since.
    case cancellationFinal
    /// The event sells, but this type not yet, or no longer (R44 Terms of a type).
    case typeSaleNotStarted(Code, opensAt: WallTime)
    case typeSaleEnded(Code, closedAt: WallTime)
    /// The pool's numbers contradict each other, so it sells nothing until it is repaired (R4 Broken rule).
    case poolClosed(Code)
    /// `remaining`: tickets that this buyer may still hold.
    case buyerLimitReached(remaining: Int)
    /// `remaining`: tickets of this type that this buyer may still hold.
    case typeLimitReached(Code, remaining: Int)
    /// Nothing is free, but something is held and may come free, at `earliest` or later.
    case temporarilyHeld(earliest: Timestamp)
    /// Nothing is free and nothing is held.
    case soldOut
    /// Some places are free, but fewer than asked for.
    case insufficientQuantity(available: Int)
    /// `refundRequired`, here and below: the request named a payment that bought nothing and is owed back (R23 Debts).
    case holdExpired(refundRequired: Bool)
    case holdReleased(refundRequired: Bool)
    case alreadyPurchased
    /// The operator undid the purchase.
    case purchaseReturned(refundRequired: Bool)
    /// The purchase has fewer tickets of this type left than are to be returned. `remaining`: how many.
    case returnTooLarge(Code, remaining: Int)
    /// A second payment for a purchased hold, which is owed back; or a payment that bought another hold or was paid back.
    case paymentConflict(refundRequired: Bool)
    /// Only the shop completes this event's holds; a token alone is not enough (R24 Who completes).
    case completedByShop
    /// `limit`: how many extensions the event allows.
    case extensionDenied(limit: Int)
    case notPurchased
    /// Another change came first. `revision`: the event's present one; 0 if there is no such event.
    case revisionMismatch(revision: UInt64)
    /// An event that has live holds or ever sold something cannot be removed.
    case eventHasSales
    /// An event with an open confirmed debt cannot be removed (R23 Debts).
    case eventHasDebts
    /// This payment is not owed back for this hold.
    case unknownDebt
    /// A live hold is not erased (R41 Erasure).
    case holdIsLive
    /// A confirmed debt of the hold is open: it has to be paid back first (R41 Erasure).
    case holdHasDebt
    /// A purchase whose buyer was erased is not corrected (R41 Erasure).
    case purchaseErased
    /// The hold no longer says what the author of a correction has seen (R40 Corrections).
    case correctionOutdated
    /// The key was used for another request (R15 Idempotency keys).
    case keyReused
    /// The event has as many live holds as it may have. They can still be completed (R21 Bounds).
    case tooManyHolds
    /// The queue of the event refuses (Q6 Pass).
    case queue(QueueRefusal)
}
