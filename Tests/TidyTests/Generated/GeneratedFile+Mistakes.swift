import BoxOffice
import Foundation
import StrictJSON
import TicketAPI
import TicketStore

extension GeneratedFile {
    /// Mistakes of requests that keep their schema, as regular expressions over pointer and sentence, a line each. The tests
    /// that make up requests accept no other for such a request.
    static let beyondSchema = GeneratedFile(path: "Tests/EndToEnd/openapi/beyond_a_schema.txt") { _ in
        mistakes.map { pattern(of: $0.pointer, $0.what) + "\n" }.joined()
    }

    /// Rules about several members, about bytes, about moments, or about the state of the box office.
    private static var mistakes: [Mistake] {
        [
            .tickets(most: 1), .minimum(ofLine: 0, quantity: 1), .quantity(ofLine: 0, 1...1, of: sample),
            .minimum(ofLine: 0, least: 1, of: sample), .noBuyer,
            .events(most: 1), .poolInUse(sample), .pools(most: 1), .types(most: 1), .terms(most: 1),
            .text(most: 1, at: anywhere), .lines(most: 1, at: anywhere), .timeZone(at: anywhere),
            .noImage(at: anywhere), .endsBeforeItStarts(at: anywhere),
            .lifeOfHold(seconds: 1), .closesBeforeItOpens(at: anywhere),
            .namedTwice(at: anywhere), .unknownPool(at: anywhere), .typeTaken(at: anywhere),
            .unknownType(at: anywhere), .unknownAllocation(at: anywhere), .numberOfCode(most: 1, at: anywhere),
            .codeBatches(most: 1), .queryBatchUnknown,
            .queueOpensLate(at: anywhere), .beaconText(at: anywhere), .queueIdentity(.device), .queueIdentity(.buyer),
            .queueNeedsBuyer, .queueTakesNoBuyer,
            .checkoutNeedsShop, .checkoutNeedsToken, .checkoutIsNotFree, Mistake(anywhere, Mistake.checkoutAddressForm),
            .checkoutNeedsSecret, .checkoutNeedsPublicURL,
            .leastAboveMost(1, at: anywhere), .otherID(than: sample.text),
            .keyEnded, .keys(most: 1), Mistake("/name", KeyRequests.nameForm),
            .query("buyer", Buyer.form), .query("payment_reference", PaymentReference.form),
            .query("event", SearchQuery.eventForm), .queryReason, .queryTypeAlone, .queryNumbersDiffer,
            .queryEndsBeforeItBegins,
            // For requests without an operator's key; the schema cannot tell them apart.
            .idempotencyKey(isAnonymous: true),
            Mistake(anywhere, Buyer.form), Mistake(anywhere, JSONShape<Int64>.wholeNumberForm),
            Mistake("", JSONMistake.tooMany.what),
        ] + ErasureDemand.allCases.map { Mistake(anywhere, $0.rawValue) }
    }

    /// What stands for any code, and for any place in a document.
    private static var sample: Code {
        guard let code = Code("any-code") else { preconditionFailure("it is a code") }
        return code
    }
    private static let anywhere = "/anywhere"

    private static func pattern(of pointer: String, _ what: String) -> String {
        NSRegularExpression.escapedPattern(for: "\(pointer) \(what)")
            .replacing(/\d+/, with: #"\d+"#)
            .replacing(NSRegularExpression.escapedPattern(for: sample.text), with: #"\S+"#)
            .replacing(NSRegularExpression.escapedPattern(for: anywhere), with: ".*")
    }
}
