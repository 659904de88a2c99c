internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import StrictJSON
internal import TicketStore

/// Forgetting people: erasing who bought and how it was paid (R41 Erasure).
struct ErasureRoutes: Sendable {
    let reader: RequestReader
    let ledger: any SalesLedger

    @Sendable func erasePurchase(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let isTrial = try await reader.body(call.request, ErasureBodies.purchase, whenEmpty: false)
        // The purchase identifies an erasure; its key only has to be well formed.
        _ = try call.fields.idempotencyKey.map { try RequestReader.key($0, isAnonymous: false) }
        guard let id = HoldID(purchase: call.segment) else { throw Refused(.unknownPurchase) }
        do {
            let found = try await reading { try await ledger.erasable(.hold(id), after: nil) }
            let request = ErasureRequest(
                hold: id, references: found.holds.first?.references ?? [], onlyPurchase: true, isTrial: isTrial)
            let note = key.note("purchase.erase", on: id.purchase)
            let (outcome, _) = try await reader.perform(.erase(request), note: note)
            guard case .erased(_, let isRepeat) = outcome else { throw reader.unexpected(outcome) }
            var writer = JSONWriter(reserving: 128)
            writer.object { writer in
                writer.member("purchase", id.purchase)
                writer.member("hold", id.public)
                writer.member("dry_run", isTrial)
            }
            var response = json(.ok, writer.bytes)
            if isRepeat { response.headers[.idempotencyReplayed] = "true" }
            return response
        } catch let refused as Refused where refused.problem == .unknownHold {
            throw Refused(.unknownPurchase)
        }
    }

    /// Erases a page of what an operator wants to erase, or says what that would be.
    @Sendable func erase(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let order = try await reader.body(call.request, ErasureBodies.order, whenEmpty: nil)
        if let event = order.event { _ = try reader.event(event.text) }
        let page = try await reading { try await ledger.erasable(order.scope, after: order.behind) }
        var done = Done()
        var rest = page.holds[...]
        if !order.isTrial {
            // One note in the audit for a page: each hold says itself when it was erased.
            let note = key.note("holds.erase", on: order.event?.text ?? "a buyer")
            while let first = rest.popFirst(), try await erase(first, order, note, &done) == false {}
        }
        try await withThrowingTaskGroup(of: Attempt.self) { group in
            for hold in rest { group.addTask { try await attempt(hold, order, note: nil) } }
            for try await attempt in group { done.add(attempt) }
        }
        return json(.ok, done.document(isTrial: order.isTrial, behind: page.behind))
    }

    /// - Returns: whether something was erased, and so the note written.
    private func erase(
        _ hold: ErasableHold, _ order: ErasureBodies.Order, _ note: AuditNote, _ done: inout Done
    ) async throws -> Bool {
        let attempt = try await attempt(hold, order, note: note)
        done.add(attempt)
        return attempt.isErased
    }

    private struct Attempt: Sendable {
        var hold: ErasableHold
        var isErased = false
        var obstacle: String?
    }

    private func attempt(_ hold: ErasableHold, _ order: ErasureBodies.Order, note: AuditNote?) async throws -> Attempt {
        let request = ErasureRequest(hold: hold.hold, references: hold.references, isTrial: order.isTrial)
        var attempt = Attempt(hold: hold)
        switch await reader.store.perform(.erase(request), note: note) {
        case .decided(.erased(_, let isRepeat), _): attempt.isErased = !isRepeat
        case .decided(.refused(.holdIsLive), _): attempt.obstacle = "hold_is_live"
        case .decided(.refused(.holdHasDebt), _): attempt.obstacle = "hold_has_debt"
        case .decided(.refused(let refusal), let moment): throw Refused(refusal, at: moment)
        case .decided(let outcome, _): throw reader.unexpected(outcome)
        case .failed(let failure): throw Refused(failure)
        }
        return attempt
    }

    private func reading<Value>(_ read: () async throws -> Value) async throws -> Value {
        do {
            return try await read()
        } catch let failure as StoreFailure {
            throw Refused(failure)
        }
    }

    private struct Done {
        private var holds = 0
        private var purchases = 0
        private var inTheWay: [(hold: HoldID, reason: String)] = []

        mutating func add(_ attempt: Attempt) {
            if attempt.isErased {
                holds += 1
                purchases += attempt.hold.isSold ? 1 : 0
            }
            if let obstacle = attempt.obstacle { inTheWay.append((attempt.hold.hold, obstacle)) }
        }

        func document(isTrial: Bool, behind: HoldID?) -> [UInt8] {
            var writer = JSONWriter(reserving: 256)
            writer.object { writer in
                writer.member("dry_run", isTrial)
                writer.member("holds", holds)
                writer.member("purchases", purchases)
                writer.member("in_the_way") { writer in
                    writer.array { writer in
                        for (hold, reason) in inTheWay.sorted(by: { $0.hold < $1.hold }) {
                            writer.object { writer in
                                writer.member("hold", hold.public)
                                writer.member("reason", reason)
                            }
                        }
                    }
                }
                writer.member("next_cursor", behind.map(ErasureBodies.cursor))
            }
            return writer.bytes
        }
    }
}

/// The bodies of erasures.
enum ErasureBodies {
    /// `{"buyer": "…", "event": "…"}` or `{"event": "…", "before": "…"}`, with `dry_run` and `cursor`.
    struct Order: Sendable {
        var scope: ErasureScope
        var isTrial: Bool
        var behind: HoldID?

        var event: Code? {
            switch scope {
            case .hold, .buyer(_, event: nil): nil
            case .buyer(_, let event?): event
            case .event(let event, _): event
            }
        }
    }

    /// `{"dry_run": true}`, or nothing at all.
    static let purchase = JSONShape<Bool>.object { body in
        body.optional("dry_run", as: .boolean) ?? false
    }

    static let order = JSONShape<Order>.object { body in
        let buyer = body.optional("buyer", as: .reference(BuyerKind.self))
        let event = body.optional("event", as: .code)
        let before = body.optional("before", as: .moment)
        let isTrial = body.optional("dry_run", as: .boolean) ?? false
        let behind = body.nullable("cursor", as: cursorShape)
        let has = (buyer: body.has("buyer"), event: body.has("event"), before: body.has("before"))
        if has.buyer, has.before { body.note("before", ErasureDemand.noBefore.rawValue) }
        if !has.buyer, !has.event, !has.before { body.note(ErasureDemand.something.rawValue) }
        if !has.buyer, has.event, !has.before { body.note("before", ErasureDemand.before.rawValue) }
        if !has.buyer, !has.event, has.before { body.note("event", ErasureDemand.event.rawValue) }
        if let buyer { return Order(scope: .buyer(buyer, event: event), isTrial: isTrial, behind: behind) }
        guard let event, let before else { return nil }
        return Order(scope: .event(event, before: before), isTrial: isTrial, behind: behind)
    }

    private static let cursorShape: JSONShape<HoldID> = JSONShape<String>.string.converted(
        otherwise: ErasureDemand.cursor.rawValue
    ) { text -> HoldID? in
        guard text.first == "c", let number = UInt64(text.dropFirst(), radix: 36), cursor(HoldID(number)) == text
        else { return nil }
        return HoldID(number)
    }

    /// Opaque to clients.
    static func cursor(_ hold: HoldID) -> String {
        "c" + String(hold.number, radix: 36)
    }
}
