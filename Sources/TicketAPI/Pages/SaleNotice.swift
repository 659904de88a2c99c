internal import BoxOffice
internal import Pages
internal import TicketStore

/// Why a form of a sale got no places, in words, and what the buyer can do next.
enum SaleNotice {
    case mistake(SaleForm.Mistake)
    case refused(Refusal, Moment)
    case failed(StoreFailure)

    var status: Int {
        switch self {
        case .mistake: 422
        case .refused(let refusal, _): Problem(refusal).status
        case .failed(let failure): Problem(failure).status
        }
    }

    func values(for form: SaleForm, _ definition: EventDefinition, in language: Language) -> PageObject {
        var (key, values) = words(form, definition)
        values["kind"] = "warn"
        if case .mistake = self { values["kind"] = "bad" }
        if case .refused(.insufficientQuantity(let available), _) = self {
            // With one type the number is that of the type. Otherwise each type gives what it has.
            let chosen = form.request?.lines.count ?? 0
            let isKnown = chosen == 1 && definition.disclosure == .counts
            if isKnown { values["available"] = .number(available) }
            values["fewer"] = .object([
                "fewer_label": .text(
                    Pages.text(isKnown ? "notice.take_these" : "notice.take_fewer", values, in: language)),
                "fields": .list(
                    form.quantities.map {
                        ["field": .text(SaleForm.prefix + $0.key.text), "content": .text($0.value)]
                    }),
            ])
            if isKnown { key = "few_of_type" }
        }
        if case .refused(.temporarilyHeld(let earliest), let moment) = self {
            let chance = moment.wallTime(of: earliest)
            values["chance"] = .text(language.text(ofTime: chance.milliseconds))
            values["chance_iso"] = .text(chance.rfc3339)
        }
        values["heading"] = .text(Pages.text("notice.\(key)", values, in: language))
        values["explanation"] = .text(Pages.text("notice.\(key).text", values, in: language))
        return values
    }

    /// The key of the words, and what they show.
    private func words(_ form: SaleForm, _ definition: EventDefinition) -> (String, PageObject) {
        switch self {
        case .mistake(let mistake): Self.words(mistake)
        case .refused(let refusal, _): words(refusal, definition)
        case .failed(.outcomeUnknown): ("unknown", [:])
        case .failed: ("busy", [:])
        }
    }

    private static func words(_ mistake: SaleForm.Mistake) -> (String, PageObject) {
        switch mistake {
        case .nothingChosen: ("nothing_chosen", [:])
        case .gone: ("changed", [:])
        case .noNumber: ("no_number", [:])
        case .tooMany(let most): ("too_many", ["most": .number(most)])
        case .tooManyTypes(let most): ("too_many_types", ["most": .number(most)])
        case .tooFew(let least, let type): ("too_few", ["least": .number(least), "type": .text(type)])
        case .tooManyOfType(let most, let type): ("too_many_of_type", ["most": .number(most), "type": .text(type)])
        case .noBuyer: ("no_buyer", [:])
        case .unfitBuyer: ("unfit_buyer", [:])
        }
    }

    private func words(_ refusal: Refusal, _ definition: EventDefinition) -> (String, PageObject) {
        func name(_ code: Code) -> PageValue {
            .text(definition.types.first { $0.code == code.whole }?.name ?? code.text)
        }
        return switch refusal {
        case .temporarilyHeld: ("held", [:])
        case .soldOut: ("sold_out", [:])
        case .insufficientQuantity: ("few", [:])
        case .buyerLimitReached(let remaining): ("buyer_limit", ["remaining": .number(remaining)])
        case .typeLimitReached(let type, let remaining):
            ("type_limit", ["remaining": .number(remaining), "type": name(type)])
        case .saleNotStarted, .typeSaleNotStarted: ("not_started", [:])
        case .saleEnded, .typeSaleEnded: ("ended", [:])
        case .salePaused, .poolClosed: ("paused", [:])
        case .eventCancelled: ("cancelled", [:])
        case .tooManyHolds: ("busy", [:])
        case .queue(.passUsed): ("pass_used", [:])
        case .queue: ("queue", [:])
        default: ("changed", [:])
        }
    }
}
