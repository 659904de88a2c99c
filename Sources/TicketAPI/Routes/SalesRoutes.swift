internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import StrictJSON
internal import TicketStore

/// What operators and their accountants read, returns of purchases, and debts that were paid back.
struct SalesRoutes: Sendable {
    let reader: RequestReader
    let ledger: any SalesLedger
    let mint: AccessCodeMint

    /// Purchases that an export reads at once, which bounds its memory.
    private static let exportPage = 500

    @Sendable func purchases(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let event = try reader.event(call.segment).definition.id
        let page = try Page(call.request)
        let keepsFormulas = try Self.keepsFormulas(call.request)
        // A shop sees what it sold, and nothing of others.
        let seller = key.isSeller(.readPurchases) ? key.seller : nil
        if let form = ExportForm(accept: call.request.headers[.accept], keepsFormulas: keepsFormulas) {
            return try await export(event, soldBy: seller, as: form, codes: mint.shown(to: key))
        }
        let behind = page.behind.map { HoldID($0) }
        let found = try await ledger.purchases(of: event, soldBy: seller, after: behind, limit: page.limit)
        return page.answer("purchases", found.records[...], next: found.next?.number, of: call.request.uri.path) {
            $1.purchase($0, codes: mint.shown(to: key))
        }
    }

    static func keepsFormulas(_ request: Request) throws -> Bool {
        switch request.uri.queryParameters.get("formulas") {
        case nil, "escaped": return false
        case "kept": return true
        default: throw Refused.invalid([.query("formulas", "must be escaped or kept")])
        }
    }

    /// All purchases.
    private func export(
        _ event: Code, soldBy seller: Seller?, as form: ExportForm, codes: AccessCodeMint?
    ) async throws -> Response {
        let first = try await ledger.purchases(of: event, soldBy: seller, after: nil, limit: Self.exportPage)
        return form.download("purchases-\(event)", head: form.head, from: first) { page, text in
            for purchase in page.records { form.write(purchase, codes: codes, to: &text) }
        } next: { [ledger] page in
            guard let next = page.next else { return nil }
            return try await ledger.purchases(of: event, soldBy: seller, after: next, limit: Self.exportPage)
        }
    }

    func eventDebts(_ call: RouteRequest, confirmed: Bool) async throws -> Response {
        try await debts(of: reader.event(call.segment).definition.id, call, confirmed: confirmed)
    }

    /// Of all events, removed ones too.
    func debts(_ call: RouteRequest, confirmed: Bool) async throws -> Response {
        try await debts(of: nil, call, confirmed: confirmed)
    }

    private func debts(of event: Code?, _ call: RouteRequest, confirmed: Bool) async throws -> Response {
        let page = try Page(call.request)
        let found = try await ledger.refundsOwed(
            of: event, confirmed: confirmed, after: page.behind, limit: page.limit + 1)
        return page.answer("refunds", found, of: call.request.uri.path, number: \.sequence) { $1.refund($0) }
    }

    @Sendable func payBack(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let payment = try await reader.body(call.request, BuyerRequests.paidBack, whenEmpty: nil)
        // The payment identifies the request; its key only has to be well formed.
        _ = try call.fields.idempotencyKey.map { try RequestReader.key($0, isAnonymous: false) }
        guard let id = HoldID(public: call.segment) else { throw Refused(.unknownHold) }
        let note = key.note("payment.paid_back", on: "\(id.public) \(payment.text)", reason: call.reason)
        let (outcome, _) = try await reader.perform(.payBack(id, payment), note: note)
        guard case .paidBack(_, let isRepeat) = outcome else { throw reader.unexpected(outcome) }
        var response = json(.ok, SalesDocuments.paidBack(payment, of: id))
        if isRepeat { response.headers[.idempotencyReplayed] = "true" }
        return response
    }

    @Sendable func giveBack(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let asked = try await reader.body(call.request, SaleRequests.giveBack, whenEmpty: .init())
        let keyText = try call.fields.idempotencyKey.map { try RequestReader.key($0, isAnonymous: false) }
        guard let id = HoldID(purchase: call.segment) else { throw Refused(.unknownPurchase) }
        do {
            let note = key.note("purchase.return", on: id.purchase, reason: asked.reason?.text ?? call.reason)
            let (outcome, moment) = try await reader.perform(try giveBack(asked, of: id, keyText), note: note)
            guard case .returned(let hold, let isRepeat) = outcome else { throw reader.unexpected(outcome) }
            var body = ByteBuffer()
            var texts = MomentTexts()
            let catalogue = reader.store.catalogue(at: hold.event)
            BuyerDocuments.write(hold, of: catalogue, at: moment, &texts, to: &body)
            var response = json(.ok, Array(body.readableBytesView))
            if isRepeat { response.headers[.idempotencyReplayed] = "true" }
            return response
        } catch let refused as Refused where refused.problem == .unknownHold {
            throw Refused(.unknownPurchase)
        }
    }

    private func giveBack(_ asked: SaleRequests.Return, of id: HoldID, _ key: KeyText?) throws(Refused) -> Command {
        // The purchase identifies the return of all that is left, whose key only has to be well formed.
        guard let lines = asked.lines else { return .returnPurchase(id) }
        guard let key else { throw Refused(.keyMissing) }
        // The same key of two operators is one key: they must not return the same twice (R39 Partial return).
        let digest = reader.keys.digest(key, in: .returning(id), of: "")
        return .returnPart(id, PartReturn(lines: lines, reason: asked.reason, key: digest))
    }

    private func lastOnItsConnection(_ refused: Refused) -> Refused {
        var refused = refused
        refused.headers[.connection] = "close"
        return refused
    }

    @Sendable func invariants(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let clock = ContinuousClock()
        let began = clock.now
        do {
            // A recount stops when its client leaves (R36 Recount). Watching for that costs the connection.
            let recount = try await call.request.body.consumeWithCancellationOnInboundClose { [ledger] _ in
                try await ledger.recount()
            }
            var response = json(.ok, SalesDocuments.recount(recount, took: clock.now - began))
            response.headers[.connection] = "close"
            return response
        } catch is CancellationError {
            call.logger.debug("A recount ended with its client")
            throw lastOnItsConnection(Refused(.reducedCapacity, "The client left."))
        } catch StoreFailure.overloaded {
            var refused = Refused(.reducedCapacity, "Somebody else's recount is under way.")
            refused.retryAfter = .milliseconds(Int.random(in: 1_000...3_000))
            throw lastOnItsConnection(refused)
        } catch let failure as StoreFailure {
            throw lastOnItsConnection(Refused(failure))
        }
    }
}

/// Which part of a list is asked for.
struct Page {
    static let most = 1_000
    static let usual = 100

    let limit: Int
    /// The number of the last element of the page before.
    let behind: UInt64?

    /// - Parameter others: what is wrong with the rest of the query.
    init(_ request: Request, besides others: [Mistake] = []) throws {
        let asked = request.uri.queryParameters.get("limit")
        let cursor = request.uri.queryParameters.get("cursor")
        limit = asked == nil ? Self.usual : asked.flatMap { Int($0) } ?? 0
        behind = cursor.flatMap(Self.number)
        var mistakes = others
        if !(1...Self.most).contains(limit) {
            mistakes.append(.query("limit", "must be from 1 to \(Self.most)"))
        }
        if cursor != nil, behind == nil { mistakes.append(.query("cursor", "is none of ours")) }
        if !mistakes.isEmpty { throw Refused.invalid(mistakes) }
    }

    /// A page as JSON, with where the next one is.
    ///
    /// - Parameters:
    ///   - found: one more than the page has, where there is a next one.
    ///   - query: what the query of the next page begins with.
    func answer<Record>(
        _ name: String, _ found: [Record], of path: String, _ query: String = "", number: KeyPath<Record, UInt64>,
        write: (Record, inout JSONWriter) -> Void
    ) -> Response {
        let records = found.prefix(limit)
        let next = found.count > limit ? records.last?[keyPath: number] : nil
        return answer(name, records, next: next, of: path, query, write: write)
    }

    /// A page as JSON that says itself where the next one is.
    ///
    /// - Parameter next: the number behind which the next page begins; `nil` if there is none.
    func answer<Record>(
        _ name: String, _ records: ArraySlice<Record>, next: UInt64?, of path: String, _ query: String = "",
        write: (Record, inout JSONWriter) -> Void
    ) -> Response {
        let next = next.map(Self.cursor)
        var writer = JSONWriter(reserving: 256 * (records.count + 1))
        writer.object { writer in
            writer.member(name) { writer in
                writer.array { writer in
                    for record in records { write(record, &writer) }
                }
            }
            writer.member("next_cursor", next)
        }
        var response = json(.ok, writer.bytes)
        if let next { response.headers[.link] = "<\(path)?\(query)limit=\(limit)&cursor=\(next)>; rel=\"next\"" }
        return response
    }

    /// Opaque to clients, so that what it means can change.
    static func cursor(_ number: UInt64) -> String {
        "c" + String(number, radix: 36)
    }

    static func number(_ cursor: String) -> UInt64? {
        guard cursor.first == "c", let number = UInt64(cursor.dropFirst(), radix: 36), Self.cursor(number) == cursor
        else { return nil }
        return number
    }
}
