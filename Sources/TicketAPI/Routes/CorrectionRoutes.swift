internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import StrictJSON
internal import TicketStore

/// Correcting who bought, and the note about it (R40 Corrections).
struct CorrectionRoutes: Sendable {
    let reader: RequestReader
    let ledger: any SalesLedger
    let mint: AccessCodeMint

    /// How often others may be faster before a correction is refused.
    private static let tries = 8

    @Sendable func correctPurchase(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let patch = try await patch(call)
        guard let id = HoldID(purchase: call.segment) else { throw Refused(.unknownPurchase) }
        do {
            let isRepeat = try await correct(id, patch, called: id.purchase, onlyPurchase: true, call, key)
            guard let purchase = try await sale(id).purchase else { throw Refused(.unknownPurchase) }
            return answer(isRepeat) { $0.purchase(purchase, codes: mint.shown(to: key)) }
        } catch let refused as Refused where refused.problem == .unknownHold {
            throw Refused(.unknownPurchase)
        }
    }

    @Sendable func correctHold(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let patch = try await patch(call)
        guard let id = HoldID(public: call.segment) else { throw Refused(.unknownHold) }
        let isRepeat = try await correct(id, patch, called: id.public, onlyPurchase: false, call, key)
        let sale = try await sale(id)
        return answer(isRepeat) { $0.sale(sale, codes: mint.shown(to: key)) }
    }

    private func patch(_ call: RouteRequest) async throws -> SaleRequests.CorrectionPatch {
        let types: Set<String> = ["application/merge-patch+json", "application/json"]
        let document = try await reader.json(call.request, types: types)
        // The values identify a correction; its key only has to be well formed.
        _ = try call.fields.idempotencyKey.map { try RequestReader.key($0, isAnonymous: false) }
        return try RequestReader.reading { () throws(DocumentError) in try SaleRequests.correction.read(document) }
    }

    /// The store decides on the buyer and the note that were read here, so a correction in between is not overwritten unseen,
    /// and what the audit says of the difference is right.
    ///
    /// - Returns: whether the hold said so before.
    private func correct(
        _ id: HoldID, _ patch: SaleRequests.CorrectionPatch, called name: String, onlyPurchase: Bool,
        _ call: RouteRequest, _ key: OperatorKey
    ) async throws -> Bool {
        let action = onlyPurchase ? "purchase.correct" : "hold.correct"
        for _ in 0..<Self.tries {
            let found = try await sale(id)
            let from = Correction.State(
                buyer: found.buyer.flatMap { Buyer($0) }, note: found.note.flatMap { SaleNote($0) })
            let to = Correction.State(buyer: patch.buyer ?? from.buyer, note: patch.note ?? from.note)
            let note = key.note(
                action, on: name, reason: call.reason, differences: AuditDifference.correct(from: from, to: to))
            let command = Command.correct(id, Correction(from: from, to: to, onlyPurchase: onlyPurchase))
            switch await reader.store.perform(command, note: note) {
            case .decided(.corrected(_, let isRepeat), _): return isRepeat
            case .decided(.refused(.correctionOutdated), _): continue
            case .decided(.refused(let refusal), let moment): throw Refused(refusal, at: moment)
            case .decided(let outcome, _): throw reader.unexpected(outcome)
            case .failed(let failure): throw Refused(failure)
            }
        }
        throw Refused(.correctionOutdated, at: reader.store.now)
    }

    /// The hold as operators see it.
    private func sale(_ id: HoldID) async throws -> SaleRecord {
        guard let found = try await ledger.search(SalesQuery(hold: id, limit: 1)).records.first else {
            throw Refused(.unknownHold)
        }
        return found
    }

    private func answer(_ isRepeat: Bool, _ write: (inout JSONWriter) -> Void) -> Response {
        var writer = JSONWriter(reserving: 512)
        write(&writer)
        var response = json(.ok, writer.bytes)
        if isRepeat { response.headers[.idempotencyReplayed] = "true" }
        return response
    }
}
