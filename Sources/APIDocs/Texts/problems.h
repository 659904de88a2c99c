// Generated from the table of problems by `make generate`.
{"access-code-mismatch", (const unsigned char[]){
#embed "../../../docs/problems/access-code-mismatch.md" suffix(, 0)
}},
{"access-code-used-up", (const unsigned char[]){
#embed "../../../docs/problems/access-code-used-up.md" suffix(, 0)
}},
{"already-purchased", (const unsigned char[]){
#embed "../../../docs/problems/already-purchased.md" suffix(, 0)
}},
{"beacon-refused", (const unsigned char[]){
#embed "../../../docs/problems/beacon-refused.md" suffix(, 0)
}},
{"buyer-limit-reached", (const unsigned char[]){
#embed "../../../docs/problems/buyer-limit-reached.md" suffix(, 0)
}},
{"cancellation-final", (const unsigned char[]){
#embed "../../../docs/problems/cancellation-final.md" suffix(, 0)
}},
{"content-too-large", (const unsigned char[]){
#embed "../../../docs/problems/content-too-large.md" suffix(, 0)
}},
{"event-cancelled", (const unsigned char[]){
#embed "../../../docs/problems/event-cancelled.md" suffix(, 0)
}},
{"event-has-debts", (const unsigned char[]){
#embed "../../../docs/problems/event-has-debts.md" suffix(, 0)
}},
{"event-has-sales", (const unsigned char[]){
#embed "../../../docs/problems/event-has-sales.md" suffix(, 0)
}},
{"expectation-failed", (const unsigned char[]){
#embed "../../../docs/problems/expectation-failed.md" suffix(, 0)
}},
{"extension-denied", (const unsigned char[]){
#embed "../../../docs/problems/extension-denied.md" suffix(, 0)
}},
{"forbidden", (const unsigned char[]){
#embed "../../../docs/problems/forbidden.md" suffix(, 0)
}},
{"headers-too-large", (const unsigned char[]){
#embed "../../../docs/problems/headers-too-large.md" suffix(, 0)
}},
{"hold-expired", (const unsigned char[]){
#embed "../../../docs/problems/hold-expired.md" suffix(, 0)
}},
{"hold-has-debt", (const unsigned char[]){
#embed "../../../docs/problems/hold-has-debt.md" suffix(, 0)
}},
{"hold-released", (const unsigned char[]){
#embed "../../../docs/problems/hold-released.md" suffix(, 0)
}},
{"idempotency-key-missing", (const unsigned char[]){
#embed "../../../docs/problems/idempotency-key-missing.md" suffix(, 0)
}},
{"idempotency-key-reused", (const unsigned char[]){
#embed "../../../docs/problems/idempotency-key-reused.md" suffix(, 0)
}},
{"insufficient-quantity", (const unsigned char[]){
#embed "../../../docs/problems/insufficient-quantity.md" suffix(, 0)
}},
{"internal-error", (const unsigned char[]){
#embed "../../../docs/problems/internal-error.md" suffix(, 0)
}},
{"last-operator-key", (const unsigned char[]){
#embed "../../../docs/problems/last-operator-key.md" suffix(, 0)
}},
{"malformed-request", (const unsigned char[]){
#embed "../../../docs/problems/malformed-request.md" suffix(, 0)
}},
{"method-not-allowed", (const unsigned char[]){
#embed "../../../docs/problems/method-not-allowed.md" suffix(, 0)
}},
{"not-found", (const unsigned char[]){
#embed "../../../docs/problems/not-found.md" suffix(, 0)
}},
{"not-purchased", (const unsigned char[]){
#embed "../../../docs/problems/not-purchased.md" suffix(, 0)
}},
{"not-ready", (const unsigned char[]){
#embed "../../../docs/problems/not-ready.md" suffix(, 0)
}},
{"not-your-turn", (const unsigned char[]){
#embed "../../../docs/problems/not-your-turn.md" suffix(, 0)
}},
{"outcome-unknown", (const unsigned char[]){
#embed "../../../docs/problems/outcome-unknown.md" suffix(, 0)
}},
{"pass-used", (const unsigned char[]){
#embed "../../../docs/problems/pass-used.md" suffix(, 0)
}},
{"payment-conflict", (const unsigned char[]){
#embed "../../../docs/problems/payment-conflict.md" suffix(, 0)
}},
{"precondition-failed", (const unsigned char[]){
#embed "../../../docs/problems/precondition-failed.md" suffix(, 0)
}},
{"precondition-required", (const unsigned char[]){
#embed "../../../docs/problems/precondition-required.md" suffix(, 0)
}},
{"purchase-erased", (const unsigned char[]){
#embed "../../../docs/problems/purchase-erased.md" suffix(, 0)
}},
{"purchase-returned", (const unsigned char[]){
#embed "../../../docs/problems/purchase-returned.md" suffix(, 0)
}},
{"queue-not-open", (const unsigned char[]){
#embed "../../../docs/problems/queue-not-open.md" suffix(, 0)
}},
{"queue-pass-required", (const unsigned char[]){
#embed "../../../docs/problems/queue-pass-required.md" suffix(, 0)
}},
{"quota-exceeded", (const unsigned char[]){
#embed "../../../docs/problems/quota-exceeded.md" suffix(, 0)
}},
{"request-timeout", (const unsigned char[]){
#embed "../../../docs/problems/request-timeout.md" suffix(, 0)
}},
{"return-too-large", (const unsigned char[]){
#embed "../../../docs/problems/return-too-large.md" suffix(, 0)
}},
{"sale-ended", (const unsigned char[]){
#embed "../../../docs/problems/sale-ended.md" suffix(, 0)
}},
{"sale-not-started", (const unsigned char[]){
#embed "../../../docs/problems/sale-not-started.md" suffix(, 0)
}},
{"sale-paused", (const unsigned char[]){
#embed "../../../docs/problems/sale-paused.md" suffix(, 0)
}},
{"sold-out", (const unsigned char[]){
#embed "../../../docs/problems/sold-out.md" suffix(, 0)
}},
{"temporarily-held", (const unsigned char[]){
#embed "../../../docs/problems/temporarily-held.md" suffix(, 0)
}},
{"temporary-reduced-capacity", (const unsigned char[]){
#embed "../../../docs/problems/temporary-reduced-capacity.md" suffix(, 0)
}},
{"turn-over", (const unsigned char[]){
#embed "../../../docs/problems/turn-over.md" suffix(, 0)
}},
{"unauthenticated", (const unsigned char[]){
#embed "../../../docs/problems/unauthenticated.md" suffix(, 0)
}},
{"unknown-access-code", (const unsigned char[]){
#embed "../../../docs/problems/unknown-access-code.md" suffix(, 0)
}},
{"unknown-allocation", (const unsigned char[]){
#embed "../../../docs/problems/unknown-allocation.md" suffix(, 0)
}},
{"unknown-debt", (const unsigned char[]){
#embed "../../../docs/problems/unknown-debt.md" suffix(, 0)
}},
{"unknown-event", (const unsigned char[]){
#embed "../../../docs/problems/unknown-event.md" suffix(, 0)
}},
{"unknown-hold", (const unsigned char[]){
#embed "../../../docs/problems/unknown-hold.md" suffix(, 0)
}},
{"unknown-key", (const unsigned char[]){
#embed "../../../docs/problems/unknown-key.md" suffix(, 0)
}},
{"unknown-purchase", (const unsigned char[]){
#embed "../../../docs/problems/unknown-purchase.md" suffix(, 0)
}},
{"unknown-queue-entry", (const unsigned char[]){
#embed "../../../docs/problems/unknown-queue-entry.md" suffix(, 0)
}},
{"unknown-ticket-type", (const unsigned char[]){
#embed "../../../docs/problems/unknown-ticket-type.md" suffix(, 0)
}},
{"unsupported-media-type", (const unsigned char[]){
#embed "../../../docs/problems/unsupported-media-type.md" suffix(, 0)
}},
{"validation-failed", (const unsigned char[]){
#embed "../../../docs/problems/validation-failed.md" suffix(, 0)
}},
