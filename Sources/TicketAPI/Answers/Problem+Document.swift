internal import BoxOffice
internal import StrictJSON
internal import TicketStore

extension Problem {
    init(_ refusal: Refusal) {
        switch refusal {
        case .unknownEvent: self = .unknownEvent
        case .unknownTicketType: self = .unknownTicketType
        case .unknownAllocation: self = .unknownAllocation
        case .unknownCode: self = .unknownAccessCode
        case .codeUsedUp: self = .accessCodeUsedUp
        case .codeNotForType: self = .accessCodeMismatch
        case .unknownHold: self = .unknownHold
        case .invalid: self = .invalid
        case .saleNotStarted, .typeSaleNotStarted, .codeNotValidYet: self = .saleNotStarted
        case .saleEnded, .typeSaleEnded, .codeNoLongerValid: self = .saleEnded
        case .salePaused, .poolClosed: self = .salePaused
        case .buyerLimitReached, .typeLimitReached: self = .buyerLimitReached
        case .temporarilyHeld: self = .temporarilyHeld
        case .soldOut: self = .soldOut
        case .insufficientQuantity: self = .insufficientQuantity
        case .eventCancelled: self = .eventCancelled
        case .cancellationFinal: self = .cancellationFinal
        case .holdExpired: self = .holdExpired
        case .holdReleased: self = .holdReleased
        case .alreadyPurchased: self = .alreadyPurchased
        case .purchaseReturned: self = .purchaseReturned
        case .returnTooLarge: self = .returnTooLarge
        case .notPurchased: self = .notPurchased
        case .paymentConflict: self = .paymentConflict
        case .extensionDenied: self = .extensionDenied
        case .keyReused: self = .keyReused
        case .tooManyHolds, .correctionOutdated: self = .reducedCapacity
        case .revisionMismatch: self = .preconditionFailed
        case .eventHasSales: self = .eventHasSales
        case .eventHasDebts: self = .eventHasDebts
        // Only lists of what is in the way say it: a purchase is not live.
        case .holdIsLive: self = .notPurchased
        case .holdHasDebt: self = .holdHasDebt
        case .purchaseErased: self = .purchaseErased
        case .unknownDebt: self = .unknownDebt
        case .completedByShop: self = .forbidden
        case .queue(let refusal): self.init(refusal)
        }
    }

    init(_ failure: StoreFailure) {
        switch failure {
        case .outcomeUnknown: self = .outcomeUnknown
        case .overloaded, .suspended, .closing: self = .reducedCapacity
        }
    }

    /// The problem as `application/problem+json` (RFC 9457).
    ///
    /// - Parameter more: writes the members that only this problem has.
    func document(
        detail: String? = nil, instance: String? = nil, retryAfter: Duration? = nil, traceID: String? = nil,
        more: (inout JSONWriter) -> Void = { _ in }
    ) -> [UInt8] {
        var writer = JSONWriter(reserving: 256)
        writer.object { writer in
            writer.member("type", "/problems/\(code)")
            writer.member("title", title)
            writer.member("status", status)
            writer.member("detail", detail ?? "\(title).")
            if let instance { writer.member("instance", instance) }
            writer.member("code", code)
            writer.member("retryable", isRetryable)
            if let retryAfter { writer.member("retry_after_ms", retryAfter.inMilliseconds) }
            if let traceID { writer.member("trace_id", traceID) }
            more(&writer)
        }
        return writer.bytes
    }
}
