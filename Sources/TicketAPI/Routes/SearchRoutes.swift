internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import StrictJSON
internal import TicketStore

/// What operators find: holds and purchases by what they know of them, and how many there are (R47 Search).
struct SearchRoutes: Sendable {
    let reader: RequestReader
    let ledger: any SalesLedger
    let mint: AccessCodeMint
    let authorizer: OperatorAuthorizer

    /// Of all events; with a key that is bound to events of one of these, or for one of their holds (R48 Operator keys).
    @Sendable func search(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let asked = SearchQuery.read(call.request.uri.string) { reader.store.event($0) != nil }
        if key.isBound, asked.mistakes.isEmpty {
            let scope: KeyScope =
                if let event = asked.query.event {
                    .event(event.text)
                } else if let hold = asked.query.hold {
                    .hold(hold)
                } else {
                    .everything
                }
            try await authorizer.check(key, .readLists, scope)
        }
        return try await found(asked, call, key)
    }

    /// Of one event; its live holds, unless the query names a state.
    @Sendable func holds(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let event = try reader.event(call.segment).definition.id
        return try await found(SearchQuery.read(call.request.uri.string, of: event), call, key)
    }

    @Sendable func purchase(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        guard let id = HoldID(purchase: call.segment) else { throw Refused(.unknownPurchase) }
        let page = try await ledger.search(SalesQuery(hold: id, limit: 1))
        guard let purchase = page.records.first?.purchase else { throw Refused(.unknownPurchase) }
        var writer = JSONWriter(reserving: 512)
        writer.purchase(purchase, codes: mint.shown(to: key))
        return json(.ok, writer.bytes)
    }

    @Sendable func counts(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let event = try reader.event(call.segment).definition.id
        let counts = try await ledger.salesCounts(of: event)
        var writer = JSONWriter(reserving: 128 * (counts.count + 1))
        writer.object { writer in
            writer.member("event", event.text)
            writer.member("counts") { writer in
                writer.array { writer in
                    for count in counts { writer.count(count) }
                }
            }
        }
        return json(.ok, writer.bytes)
    }

    private func found(
        _ asked: (query: SalesQuery, mistakes: [Mistake]), _ call: RouteRequest, _ key: OperatorKey
    ) async throws -> Response {
        guard asked.mistakes.isEmpty else { throw Refused.invalid(asked.mistakes) }
        let page: SalesPage
        do {
            page = try await ledger.search(asked.query)
        } catch StoreFailure.overloaded {
            var refused = Refused(StoreFailure.overloaded)
            refused.detail = "The search index is catching up with the sale, or is made anew."
            throw refused
        }
        let next = page.next.map { Page.cursor($0.number) }
        var writer = JSONWriter(reserving: 512 * (page.records.count + 1))
        writer.object { writer in
            writer.member("holds") { writer in
                writer.array { writer in
                    for record in page.records { writer.sale(record, codes: mint.shown(to: key)) }
                }
            }
            writer.member("next_cursor", next)
        }
        var response = json(.ok, writer.bytes)
        if let next {
            response.headers[.link] = "<\(SearchQuery.next(of: call.request.uri.string, cursor: next))>; rel=\"next\""
        }
        return response
    }
}

extension AccessCodeMint {
    /// The mint for a document with the texts of codes; `nil` for keys that do not list them (R46 Access codes).
    func shown(to key: OperatorKey) -> AccessCodeMint? {
        key.may(.changeEvents) ? self : nil
    }
}

extension JSONWriter {
    /// - Parameter codes: makes the texts of access codes, for callers who may see them (R46 Access codes).
    mutating func sale(_ sale: SaleRecord, codes: AccessCodeMint?) {
        object { writer in
            writer.member("id", sale.hold.public)
            writer.member("event", sale.event)
            writer.member("state", sale.state.rawValue)
            writer.lines(sale.lines)
            writer.member("total", sale.total)
            writer.member("currency", sale.currency)
            writer.member("buyer", sale.buyer)
            writer.member("note", sale.note)
            writer.member("held_at", sale.heldAt)
            writer.member("expires_at", sale.expiresAt)
            writer.door(sale.code, sale.override, of: sale.event, codes)
            writer.member("purchase") { writer in
                guard let purchase = sale.purchase else { return writer.value(nil as String?) }
                writer.purchase(purchase, codes: codes)
            }
        }
    }

    fileprivate mutating func count(_ count: SalesCount) {
        object { writer in
            writer.member("type", count.type)
            writer.member("state", count.state.rawValue)
            writer.member("currency", count.currency)
            writer.member("holds", count.holds)
            writer.member("tickets", count.tickets)
            writer.member("amount", count.amount)
        }
    }
}
