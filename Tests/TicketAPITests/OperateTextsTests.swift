import Foundation
import Pages
import Testing
import TicketAPI

@Suite("The operators' pages have words for everything")
struct OperateTextsTests {
    private static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Sources")

    /// Problems that no request to hold gets.
    private static let never: Set<Problem> = [
        .notFound, .unknownHold, .unknownPurchase, .unknownDebt, .unknownKey, .methodNotAllowed, .requestTimeout,
        .holdReleased, .alreadyPurchased, .purchaseReturned, .returnTooLarge, .notPurchased, .paymentConflict,
        .extensionDenied, .eventHasSales, .eventHasDebts, .cancellationFinal, .lastOperatorKey, .holdHasDebt,
        .purchaseErased, .holdExpired, .preconditionFailed, .expectationFailed, .preconditionRequired,
        .headersTooLarge, .notReady,
    ]

    @Test("Every reason for which a hold is refused has a text in every language", arguments: Language.allCases)
    func reasons(_ language: Language) {
        for problem in Problem.allCases where !Self.never.contains(problem) {
            #expect(Pages.wording(language).texts["operate.reason.\(problem.code)"] != nil, "\(problem.code)")
        }
    }

    /// Problems that no form of an operator gets: it is about no hold of theirs, and has what a call needs.
    private static let ofNoForm: Set<Problem> = [
        .malformedRequest, .keyMissing, .notFound, .unknownTicketType, .unknownAllocation, .unknownAccessCode,
        .methodNotAllowed, .requestTimeout, .temporarilyHeld, .soldOut, .insufficientQuantity, .buyerLimitReached,
        .saleNotStarted, .saleEnded, .salePaused, .accessCodeUsedUp, .accessCodeMismatch, .paymentConflict,
        .extensionDenied, .eventHasSales, .cancellationFinal, .holdHasDebt, .unsupportedMediaType, .expectationFailed,
        .preconditionRequired, .quotaExceeded, .headersTooLarge,
    ]

    @Test("Every refusal of an operator's form has a text in every language", arguments: Language.allCases)
    func refusals(_ language: Language) {
        for problem in Problem.allCases where !Self.ofNoForm.contains(problem) {
            #expect(Pages.wording(language).texts["operate.refused.\(problem.code)"] != nil, "\(problem.code)")
        }
    }

    @Test("Every action in the audit has a text in every language", arguments: Language.allCases)
    func actions(_ language: Language) throws {
        let action = /"((?:event|hold|holds|purchase|payment|key|queue)\.[a-z_]+)"/
        var found: Set<String> = []
        for folder in ["TicketAPI/Routes", "TicketAPI/Queue", "TicketStore"] {
            let files = FileManager.default.enumerator(
                at: Self.sources.appendingPathComponent(folder), includingPropertiesForKeys: nil)
            for case let file as URL in try #require(files) where file.pathExtension == "swift" {
                let text = try String(contentsOf: file, encoding: .utf8)
                found.formUnion(text.matches(of: action).map { String($0.1) })
            }
        }
        #expect(found.isSuperset(of: ["event.pause", "hold.correct", "key.revoke", "queue.adjust"]))
        for action in found {
            #expect(Pages.wording(language).texts["operate.action.\(action)"] != nil, "\(action)")
        }
    }
}
