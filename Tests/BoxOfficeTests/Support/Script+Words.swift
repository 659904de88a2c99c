import BoxOffice

// How a transcript writes answers and times.

extension Script {
    /// `5m08s`, `4.5s`, `2h`, and sums of them.
    static func milliseconds(_ text: String) -> Int64? {
        var total = 0.0
        var number = ""
        for character in text {
            switch character {
            case "h": total += (Double(number) ?? .nan) * 3_600_000
            case "m": total += (Double(number) ?? .nan) * 60_000
            case "s": total += (Double(number) ?? .nan) * 1_000
            default:
                number.append(character)
                continue
            }
            number = ""
        }
        return number.isEmpty && total.isFinite ? Int64(total.rounded()) : nil
    }

    static func time(_ milliseconds: Int64) -> String {
        let (hours, minutes) = (milliseconds / 3_600_000, milliseconds / 60_000 % 60)
        let (seconds, rest) = (milliseconds / 1_000 % 60, milliseconds % 1_000)
        let fraction = rest == 0 ? "" : "." + String(1_000 + rest).dropFirst()
        return (hours > 0 ? "\(hours)h" : "") + (minutes > 0 ? "\(minutes)m" : "") + "\(seconds)\(fraction)s"
    }

    static func text(_ outcome: Outcome) -> String {
        switch outcome {
        case .held(let view, let replayed):
            (replayed ? "again \(view.id), \(view.state)" : "held \(view.id)")
                + " until \(time(view.expiresAt.milliseconds))"
        case .extended(let view, let replayed):
            (replayed ? "extended \(view.id) before, \(view.state)" : "extended \(view.id)")
                + " until \(time(view.expiresAt.milliseconds)), \(view.extensionsRemaining) more"
        case .released(let view, let repeated): "released \(view.id)" + (repeated ? " before" : "")
        case .purchased(let view, let late, let repeated):
            "purchased \(view.id)" + (late ? " late" : "") + (repeated ? " before" : "")
        case .returned(let view, let repeated): "returned \(view.id)" + (repeated ? " before" : "")
        case .corrected(let view, let repeated): "corrected \(view.id)" + (repeated ? " before" : "")
        case .paidBack(let id, let repeated): "paid back for \(id)" + (repeated ? " before" : "")
        case .erased(let id, let repeated): "erased \(id)" + (repeated ? " before" : "")
        case .looked(let view, let payment):
            "\(view.state) until \(time(view.expiresAt.milliseconds)) for "
                + view.lines.map { "\($0.quantity)@\($0.price)" + ($0.returned > 0 ? "-\($0.returned)" : "") }.map {
                    $0
                }
                .joined(separator: "+")
                + (payment.contains(.late) ? ", late" : "") + (payment.contains(.owed) ? ", owed back" : "")
                + (payment.contains(.paidBack) ? ", paid back" : "")
                + (payment.contains(.neverLate) ? ", never late" : "")
        case .eventChanged(let event, _): "\(event) stands"
        case .eventRemoved(let event): "\(event) is no more"
        case .queue(let outcome): text(outcome)
        case .refused(let refusal): "no: " + text(refusal)
        }
    }

    private static func text(_ refusal: Refusal) -> String {
        switch refusal {
        case .unknownEvent: "unknown event"
        case .unknownTicketType(let type): "unknown type \(type)"
        case .unknownAllocation(let name): "unknown allocation \(name)"
        case .unknownCode: "unknown code"
        case .codeNotForType(let type): "code not for \(type)"
        case .codeNotValidYet(let moment): "code good from \(time(moment.milliseconds))"
        case .codeNoLongerValid(let moment): "code good until \(time(moment.milliseconds))"
        case .codeUsedUp(let remaining): "code for \(remaining) more"
        case .unknownHold: "unknown hold"
        case .invalid(let mistakes): "invalid " + mistakes.map(\.pointer).joined(separator: " ")
        case .saleNotStarted(let moment): "sale opens at \(time(moment.milliseconds))"
        case .saleEnded(let moment): "sale closed at \(time(moment.milliseconds))"
        case .salePaused: "paused"
        case .eventCancelled(let refund): "cancelled" + (refund ? ", refund" : "")
        case .cancellationFinal: "cancelled for good"
        case .typeSaleNotStarted(let type, let moment): "sale of \(type) opens at \(time(moment.milliseconds))"
        case .typeSaleEnded(let type, let moment): "sale of \(type) closed at \(time(moment.milliseconds))"
        case .typeLimitReached(let type, let remaining): "limit of \(type), \(remaining) more"
        case .poolClosed(let pool): "\(pool) is closed"
        case .buyerLimitReached(let remaining): "limit, \(remaining) more"
        case .temporarilyHeld(let earliest): "held by others until \(time(earliest.milliseconds))"
        case .soldOut: "sold out"
        case .insufficientQuantity(let available): "only \(available)"
        case .holdExpired(let refund): "expired" + (refund ? ", refund" : "")
        case .holdReleased(let refund): "released" + (refund ? ", refund" : "")
        case .alreadyPurchased: "purchased"
        case .purchaseReturned(let refund): "returned" + (refund ? ", refund" : "")
        case .paymentConflict(let refund): "payment conflict" + (refund ? ", refund" : "")
        case .completedByShop: "the shop completes"
        case .extensionDenied(let limit): "\(limit) extensions at most"
        case .notPurchased: "not purchased"
        case .returnTooLarge(let type, let remaining): "only \(remaining) \(type) left"
        case .keyReused: "key reused"
        case .revisionMismatch(let revision): "revision \(revision)"
        case .eventHasSales: "has sales"
        case .tooManyHolds: "too many holds"
        case .eventHasDebts: "has debts"
        case .unknownDebt: "unknown debt"
        case .purchaseErased: "erased"
        case .correctionOutdated: "says something else"
        case .holdIsLive: "is live"
        case .holdHasDebt: "has a debt"
        case .queue(let refusal): text(refusal)
        }
    }
}
