/// The kinds of problem that an answer can report.
///
/// This table is the only list of them. `make generate` writes from it the codes in the OpenAPI document, the heads of
/// the pages in `docs/problems`, and the table in `docs/api.md`; a new problem is a case with its row here, and the prose
/// of its page.
package enum Problem: UInt8, CaseIterable, Sendable {
    case malformedRequest, keyMissing, unauthenticated, forbidden, queuePassRequired, notFound, unknownEvent,
        unknownTicketType,
        unknownAllocation, unknownAccessCode, unknownHold, unknownPurchase, unknownQueueEntry, unknownDebt, unknownKey,
        methodNotAllowed,
        requestTimeout, temporarilyHeld, soldOut, insufficientQuantity, buyerLimitReached, saleNotStarted,
        saleEnded, salePaused, queueNotOpen, notYourTurn, passUsed, beaconRefused, accessCodeUsedUp, accessCodeMismatch,
        holdReleased, alreadyPurchased, purchaseReturned,
        returnTooLarge, notPurchased,
        paymentConflict, extensionDenied, eventHasSales, eventHasDebts, cancellationFinal, lastOperatorKey,
        holdHasDebt, purchaseErased, eventCancelled, holdExpired, turnOver, preconditionFailed,
        contentTooLarge, unsupportedMediaType, expectationFailed,
        invalid, keyReused,
        preconditionRequired, quotaExceeded, headersTooLarge, internalError, reducedCapacity, outcomeUnknown,
        notReady

    /// What a client may do with the same request.
    package enum Retry: Sendable {
        /// The same request may succeed later, for this reason.
        case maySucceed(String)
        /// The same request fails again, for this reason.
        case doesNotHelp(String)
    }

    /// For programs; never changes.
    package var code: String { row.code }
    /// The class of the problem for HTTP.
    package var status: Int { row.status }
    /// One line for people, without a full stop. May be reworded.
    package var title: String { row.title }
    package var retry: Retry { row.retry }
    /// The headers and members, besides those of every problem, that an answer with it has.
    package var extras: String { row.extras }

    /// Whether the same request may succeed later.
    package var isRetryable: Bool {
        switch row.retry {
        case .maySucceed: true
        case .doesNotHelp: false
        }
    }

    private struct Row {
        var status: Int
        var code: String
        var title: String
        var retry: Retry
        var extras: String

        init(_ status: Int, _ code: String, _ title: String, _ retry: Retry, with extras: String = "") {
            self.status = status
            self.code = code
            self.title = title
            self.retry = retry
            self.extras = extras
        }
    }

    private var row: Row {
        switch self {
        case .malformedRequest:
            Row(
                400, "malformed-request", "The request could not be read",
                .doesNotHelp("the same bytes stay unreadable."))
        case .keyMissing:
            Row(
                400, "idempotency-key-missing", "This call needs an Idempotency-Key",
                .doesNotHelp("the request needs a key."))
        case .unauthenticated:
            Row(
                401, "unauthenticated", "This call needs a token or key as Authorization: Bearer",
                .doesNotHelp("the request needs a credential."),
                with: "`WWW-Authenticate`")
        case .forbidden:
            Row(
                403, "forbidden", "This token or key does not allow the call",
                .doesNotHelp("the request needs another token or key.")
            )
        case .queuePassRequired:
            Row(
                403, "queue-pass-required", "The event has a queue, and this hold needs its pass",
                .doesNotHelp("the request needs a `Queue-Pass`."))
        case .notFound:
            Row(404, "not-found", "There is nothing at this path", .doesNotHelp("the path stays wrong."))
        case .unknownEvent:
            Row(
                404, "unknown-event", "There is no such event",
                .doesNotHelp("an operator has to define the event first."))
        case .unknownTicketType:
            Row(
                404, "unknown-ticket-type", "There is no such ticket type",
                .doesNotHelp("an operator has to add the type to the event first."))
        case .unknownAllocation:
            Row(
                404, "unknown-allocation", "The type has no such allocation, or it was released",
                .doesNotHelp("an operator has to keep places back first."))
        case .unknownAccessCode:
            Row(
                404, "unknown-access-code", "The event has no such access code, or it was revoked",
                .doesNotHelp("an operator has to hand out another code."))
        case .unknownHold:
            Row(404, "unknown-hold", "There is no such hold", .doesNotHelp("the token and the path stay wrong."))
        case .unknownPurchase:
            Row(404, "unknown-purchase", "There is no such purchase", .doesNotHelp("there is nothing to return."))
        case .unknownQueueEntry:
            Row(
                404, "unknown-queue-entry", "There is no such entry in a queue",
                .doesNotHelp("the token and the path stay wrong."))
        case .unknownDebt:
            Row(
                404, "unknown-debt", "This payment is not owed back for this hold",
                .doesNotHelp("the payment has to be reported again first."))
        case .unknownKey:
            Row(404, "unknown-key", "There is no such key", .doesNotHelp("the path stays wrong."))
        case .methodNotAllowed:
            Row(
                405, "method-not-allowed", "This path does not support the method",
                .doesNotHelp("the method stays wrong."),
                with: "`Allow`")
        case .requestTimeout:
            Row(408, "request-timeout", "The request took too long to arrive", .maySucceed("nothing was done."))
        case .temporarilyHeld:
            Row(
                409, "temporarily-held", "Other buyers hold the last tickets",
                .maySucceed("a hold that ends gives its places back."), with: "`retry_after_ms`")
        case .soldOut:
            Row(409, "sold-out", "Sold out", .doesNotHelp("nobody holds a place that could come back."))
        case .insufficientQuantity:
            Row(
                409, "insufficient-quantity", "Fewer tickets are left than requested",
                .doesNotHelp("the request asks for more than there is. A smaller one may succeed."),
                with: "`available`, unless the event discloses only buckets")
        case .buyerLimitReached:
            Row(
                409, "buyer-limit-reached", "The buyer has reached the limit of the event or of a ticket type",
                .doesNotHelp("the buyer has to release a hold first."),
                with: "`remaining`; `ticket_type` where a ticket type has the limit")
        case .saleNotStarted:
            Row(
                409, "sale-not-started", "The sale has not started",
                .maySucceed("after `retry_after_ms`, or from `opens_at` on."),
                with:
                    "`opens_at`, `retry_after_ms`, `Retry-After` (in the classic calls, too); `ticket_type` where only a type is not yet sold"
            )
        case .saleEnded:
            Row(
                409, "sale-ended", "The sale has ended", .doesNotHelp("the end has passed."),
                with: "`closed_at`; `ticket_type` where only a type is no longer sold")
        case .salePaused:
            Row(409, "sale-paused", "The sale is paused", .maySucceed("when the sale goes on."))
        case .queueNotOpen:
            Row(
                409, "queue-not-open", "The queue has not opened",
                .maySucceed("after `retry_after_ms`, or from `opens_at` on."),
                with: "`opens_at`, unless it opens within a second, `retry_after_ms`, `Retry-After`")
        case .notYourTurn:
            Row(
                409, "not-your-turn", "The turn of this entry has not come",
                .maySucceed("when the queue has come to the entry."),
                with: "`position`, `ahead`, `retry_after_ms`, `Retry-After`")
        case .passUsed:
            Row(
                409, "pass-used", "The pass has a live hold, or bought as often as it may",
                .doesNotHelp("the hold has to end first, or the purchases are used up."))
        case .beaconRefused:
            Row(
                409, "beacon-refused", "The queue does not take this public value now",
                .doesNotHelp("the value comes too early or too late, or has another name."))
        case .accessCodeUsedUp:
            Row(
                409, "access-code-used-up", "The access code is good for fewer tickets than are asked for",
                .doesNotHelp("its other tickets are held or bought. A smaller request may succeed."),
                with: "`remaining`")
        case .accessCodeMismatch:
            Row(
                409, "access-code-mismatch", "The access code is not good for this ticket type",
                .doesNotHelp("the request needs another ticket type or another code."), with: "`ticket_type`")
        case .holdReleased:
            Row(
                409, "hold-released", "The hold was released", .doesNotHelp("a released hold does not come back."),
                with: "`refund_required`")
        case .alreadyPurchased:
            Row(409, "already-purchased", "The hold has already been purchased", .doesNotHelp("a purchase stays."))
        case .purchaseReturned:
            Row(
                409, "purchase-returned", "The purchase was returned",
                .doesNotHelp("a returned purchase does not come back."),
                with: "`refund_required`")
        case .returnTooLarge:
            Row(
                409, "return-too-large", "The purchase has fewer tickets left than are to be returned",
                .doesNotHelp("tickets that were returned do not come back. A smaller return may succeed."),
                with: "`ticket_type`, `remaining`")
        case .notPurchased:
            Row(
                409, "not-purchased", "The hold has not been purchased",
                .doesNotHelp("the hold has to be purchased first."))
        case .paymentConflict:
            Row(
                409, "payment-conflict", "The payment does not match the hold",
                .doesNotHelp("the hold or the payment is already used."), with: "`refund_required`")
        case .extensionDenied:
            Row(
                409, "extension-denied", "The hold cannot be extended again", .doesNotHelp("all extensions are used."),
                with: "`max_extensions`")
        case .eventHasSales:
            Row(
                409, "event-has-sales", "The event has held or sold places",
                .doesNotHelp("places are held, or were sold once."))
        case .eventHasDebts:
            Row(
                409, "event-has-debts", "The event has payments that are owed back",
                .doesNotHelp("the payments have to be paid back first."))
        case .lastOperatorKey:
            Row(
                409, "last-operator-key", "Nobody could manage keys without this one",
                .doesNotHelp("another key has to be made first."))
        case .holdHasDebt:
            Row(
                409, "hold-has-debt", "A payment for the hold is owed back",
                .doesNotHelp("the payment has to be paid back first."))
        case .purchaseErased:
            Row(
                409, "purchase-erased", "The buyer of the purchase was erased",
                .doesNotHelp("what was erased does not come back."))
        case .cancellationFinal:
            Row(
                409, "cancellation-final", "The cancellation can no longer be undone",
                .doesNotHelp("an hour has passed, or something was paid back."))
        case .eventCancelled:
            Row(
                410, "event-cancelled", "The event was cancelled",
                .doesNotHelp("its holds ended, and nothing of it is sold."),
                with: "`refund_required`")
        case .holdExpired:
            Row(
                410, "hold-expired", "The hold has expired", .doesNotHelp("an expired hold does not come back."),
                with: "`refund_required`")
        case .turnOver:
            Row(
                410, "turn-over", "The turn of this entry is over", .doesNotHelp("a turn does not come back."))
        case .preconditionFailed:
            Row(
                412, "precondition-failed", "The event has changed in the meantime",
                .doesNotHelp("the `ETag` stays outdated."))
        case .contentTooLarge:
            Row(413, "content-too-large", "The body is too large", .doesNotHelp("the body stays too large."))
        case .unsupportedMediaType:
            Row(
                415, "unsupported-media-type", "This call does not accept a body of this type",
                .doesNotHelp("the type stays wrong."))
        case .expectationFailed:
            Row(417, "expectation-failed", "Expect supports only 100-continue", .doesNotHelp("the header stays wrong."))
        case .invalid:
            Row(
                422, "validation-failed", "The request is not valid", .doesNotHelp("the request stays wrong."),
                with: "`errors`: each with a JSON `pointer` and a `detail`")
        case .keyReused:
            Row(
                422, "idempotency-key-reused", "The Idempotency-Key was used for another request",
                .doesNotHelp("the key belongs to the other request."))
        case .preconditionRequired:
            Row(428, "precondition-required", "This call needs If-Match", .doesNotHelp("the request needs `If-Match`."))
        case .quotaExceeded:
            Row(
                429, "quota-exceeded", "The caller has used up its request quota",
                .maySucceed("the quota fills up again."), with: "`Retry-After`, `retry_after_ms`")
        case .headersTooLarge:
            Row(
                431, "headers-too-large", "The request line or the headers are too large",
                .doesNotHelp("the headers stay too large."))
        case .internalError:
            Row(500, "internal-error", "The service failed", .maySucceed("the failure may have been a single one."))
        case .reducedCapacity:
            Row(
                503, "temporary-reduced-capacity", "The service cannot take more requests now",
                .maySucceed("usually after some seconds."),
                with: "`Retry-After`")
        case .outcomeUnknown:
            Row(
                503, "outcome-unknown", "The outcome is unknown; ask again",
                .maySucceed("it is safe, and the only way to learn the outcome."), with: "`Retry-After`")
        case .notReady:
            Row(
                503, "not-ready", "The service cannot sell now",
                .maySucceed("the service answers 200 as soon as it sells again."))
        }
    }
}
