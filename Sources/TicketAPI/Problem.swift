internal import BoxOffice
internal import StrictJSON
internal import TicketStore

/// What went wrong, as an answer tells it: one row of the table of problems in the documentation.
///
/// The code is for programs and never changes; the status is its class; the title is for people.
struct Problem: Sendable {
    let status: Int
    let code: StaticString
    let title: StaticString
    /// Whether the same request may win later.
    var isRetryable = false

    static let notFound = Problem(status: 404, code: "not-found", title: "There is nothing here")
    static let methodNotAllowed = Problem(
        status: 405, code: "method-not-allowed", title: "This method does not work here")
    static let malformedRequest = Problem(
        status: 400, code: "malformed-request", title: "The request could not be read")
    static let headersTooLarge = Problem(
        status: 431, code: "headers-too-large", title: "The request line or the headers are too large")
    static let contentTooLarge = Problem(status: 413, code: "content-too-large", title: "The body is too large")
    static let requestTimeout = Problem(
        status: 408, code: "request-timeout", title: "The request took too long to arrive", isRetryable: true)
    static let expectationFailed = Problem(
        status: 417, code: "expectation-failed", title: "Only 100-continue can be expected")
    static let internalError = Problem(
        status: 500, code: "internal-error", title: "Something failed here", isRetryable: true)
    static let notReady = Problem(status: 503, code: "not-ready", title: "Nothing is sold now", isRetryable: true)

    static let unauthenticated = Problem(
        status: 401, code: "unauthenticated", title: "A token or key is needed, as Authorization: Bearer")
    static let unsupportedMediaType = Problem(
        status: 415, code: "unsupported-media-type", title: "The body is of a type that is not taken here")
    static let keyMissing = Problem(
        status: 400, code: "idempotency-key-missing", title: "An Idempotency-Key is needed here")

    static let unknownEvent = Problem(status: 404, code: "unknown-event", title: "There is no such event")
    static let unknownTicketType = Problem(
        status: 404, code: "unknown-ticket-type", title: "There is no such ticket type")
    static let unknownHold = Problem(status: 404, code: "unknown-hold", title: "There is no such hold")
    static let invalid = Problem(status: 422, code: "validation-failed", title: "The request is against a rule")
    static let saleNotStarted = Problem(
        status: 409, code: "sale-not-started", title: "The sale has not started", isRetryable: true)
    static let saleEnded = Problem(status: 409, code: "sale-ended", title: "The sale has ended")
    static let salePaused = Problem(status: 409, code: "sale-paused", title: "The sale is paused", isRetryable: true)
    static let buyerLimitReached = Problem(
        status: 409, code: "buyer-limit-reached", title: "This buyer may take no more")
    static let temporarilyHeld = Problem(
        status: 409, code: "temporarily-held", title: "Others hold the last tickets", isRetryable: true)
    static let soldOut = Problem(status: 409, code: "sold-out", title: "Sold out")
    static let insufficientQuantity = Problem(
        status: 409, code: "insufficient-quantity", title: "Fewer tickets are left than asked for")
    static let holdExpired = Problem(status: 410, code: "hold-expired", title: "The hold has expired")
    static let holdReleased = Problem(status: 409, code: "hold-released", title: "The hold was released")
    static let alreadyPurchased = Problem(
        status: 409, code: "already-purchased", title: "The hold is purchased already")
    static let purchaseReturned = Problem(
        status: 409, code: "purchase-returned", title: "The purchase was returned")
    static let notPurchased = Problem(status: 409, code: "not-purchased", title: "The hold is not purchased")
    static let paymentConflict = Problem(
        status: 409, code: "payment-conflict", title: "The payment and the hold do not belong together")
    static let extensionDenied = Problem(
        status: 409, code: "extension-denied", title: "The hold cannot be extended again")
    static let forbidden = Problem(status: 403, code: "forbidden", title: "This token or key may not do that")
    static let unknownDebt = Problem(
        status: 404, code: "unknown-debt", title: "No such payment is owed back for this hold")
    static let eventHasDebts = Problem(
        status: 409, code: "event-has-debts", title: "Payments for the event are still to be paid back")
    static let unknownPurchase = Problem(status: 404, code: "unknown-purchase", title: "There is no such purchase")
    static let preconditionRequired = Problem(
        status: 428, code: "precondition-required", title: "If-Match is needed here")
    static let preconditionFailed = Problem(
        status: 412, code: "precondition-failed", title: "The event was changed meanwhile")
    static let eventHasSales = Problem(
        status: 409, code: "event-has-sales", title: "Places of the event are held or were sold")
    static let keyReused = Problem(
        status: 422, code: "idempotency-key-reused", title: "The key was used for another request")
    static let quotaExceeded = Problem(
        status: 429, code: "quota-exceeded", title: "More was asked than one caller may", isRetryable: true)
    static let reducedCapacity = Problem(
        status: 503, code: "temporary-reduced-capacity", title: "More is asked than can be taken now",
        isRetryable: true)
    static let outcomeUnknown = Problem(
        status: 503, code: "outcome-unknown", title: "It is not known whether it happened; ask again",
        isRetryable: true)

    init(_ refusal: Refusal) {
        switch refusal {
        case .unknownEvent: self = .unknownEvent
        case .unknownTicketType: self = .unknownTicketType
        case .unknownHold: self = .unknownHold
        case .invalid: self = .invalid
        case .saleNotStarted: self = .saleNotStarted
        case .saleEnded: self = .saleEnded
        case .salePaused, .poolClosed: self = .salePaused
        case .buyerLimitReached: self = .buyerLimitReached
        case .temporarilyHeld: self = .temporarilyHeld
        case .soldOut: self = .soldOut
        case .insufficientQuantity: self = .insufficientQuantity
        case .holdExpired: self = .holdExpired
        case .holdReleased: self = .holdReleased
        case .alreadyPurchased: self = .alreadyPurchased
        case .purchaseReturned: self = .purchaseReturned
        case .notPurchased: self = .notPurchased
        case .paymentConflict: self = .paymentConflict
        case .extensionDenied: self = .extensionDenied
        case .keyReused: self = .keyReused
        case .tooManyHolds: self = .reducedCapacity
        case .revisionMismatch: self = .preconditionFailed
        case .eventHasSales: self = .eventHasSales
        case .eventHasDebts: self = .eventHasDebts
        case .unknownDebt: self = .unknownDebt
        case .completedByShop: self = .forbidden
        }
    }

    init(_ failure: StoreFailure) {
        switch failure {
        case .outcomeUnknown: self = .outcomeUnknown
        case .overloaded, .suspended, .closing: self = .reducedCapacity
        }
    }

    private init(status: Int, code: StaticString, title: StaticString, isRetryable: Bool = false) {
        self.status = status
        self.code = code
        self.title = title
        self.isRetryable = isRetryable
    }
}

extension Problem {
    /// The problem as `application/problem+json` (RFC 9457).
    ///
    /// - Parameter more: writes what the case needs besides.
    func document(
        detail: String? = nil, instance: String? = nil, retryAfter: Duration? = nil, traceID: String? = nil,
        more: (inout JSONWriter) -> Void = { _ in }
    ) -> [UInt8] {
        var writer = JSONWriter(reserving: 256)
        writer.object { writer in
            writer.member("type", "/problems/\(code)")
            writer.member("title", "\(title)")
            writer.member("status", status)
            writer.member("detail", detail ?? "\(title).")
            if let instance { writer.member("instance", instance) }
            writer.member("code", "\(code)")
            writer.member("retryable", isRetryable)
            if let retryAfter { writer.member("retry_after_ms", retryAfter.inMilliseconds) }
            if let traceID { writer.member("trace_id", traceID) }
            more(&writer)
        }
        return writer.bytes
    }
}
