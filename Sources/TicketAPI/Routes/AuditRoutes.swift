internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import StrictJSON
internal import TicketStore

/// What operators changed: of events and sales, which the ledger has, and of keys, which the keyring has.
struct AuditRoutes: Sendable {
    let ledger: any SalesLedger
    let keyring: any OperatorKeyring

    /// Entries that an export reads at once, which bounds its memory.
    private static let exportPage = 100

    @Sendable func list(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let asked = try Asked(call.request)
        var filter = asked.filter
        if key.isBound {
            let events = filter.events ?? key.events
            guard events.allSatisfy({ key.works(for: $0) }) else {
                throw Refused(.forbidden, "This key works for other events.")
            }
            filter.events = events
        }
        let keepsFormulas = try SalesRoutes.keepsFormulas(call.request)
        if let form = ExportForm(accept: call.request.headers[.accept], keepsFormulas: keepsFormulas) {
            return try await export(filter, as: form)
        }
        if let position = asked.newest {
            let (page, next) = try await newest(filter, from: position, limit: asked.limit)
            return answer(page, next.map(\.cursor), asked.limit, call.request)
        }
        let (page, next) = try await self.page(filter, from: asked.position, limit: asked.limit)
        return answer(page, next.map(\.cursor), asked.limit, call.request)
    }

    /// A page from the newest entry on, and where the next one begins.
    private func newest(
        _ filter: AuditFilter, from position: NewestAuditPosition, limit: Int
    ) async throws -> (entries: [AuditRecord], next: NewestAuditPosition?) {
        let ledger = try await ledger.newestAudit(filter, before: position.ledger, limit: limit + 1)
        let keys = filter.events == nil ? try await keyring.keys().audit : []
        return position.merge(ledger, keys, limit: limit, filter)
    }

    /// A page, and where the next one begins; `nil` at the end.
    private func page(
        _ filter: AuditFilter, from position: AuditPosition, limit: Int
    ) async throws -> (entries: [AuditRecord], next: AuditPosition?) {
        let ledger = try await ledger.audit(filter, after: position.ledger, limit: limit + 1)
        // What is done to keys is about no event.
        let keys = filter.events == nil ? try await keyring.keys().audit : []
        return position.merge(ledger, keys, limit: limit, filter)
    }

    private func answer(
        _ entries: [AuditRecord], _ next: String?, _ limit: Int, _ request: Request
    ) -> Response {
        var writer = JSONWriter(reserving: 512 * (entries.count + 1))
        writer.object { writer in
            writer.member("entries") { writer in
                writer.array { writer in
                    for entry in entries { writer.entry(entry) }
                }
            }
            writer.member("next_cursor", next)
        }
        var response = json(.ok, writer.bytes)
        if let next {
            // The next page of the same question.
            var query = "limit=\(limit)&cursor=\(next)"
            for name in ["event", "key", "since", "order"] {
                if let value = request.uri.queryParameters.get(name) { query += "&\(name)=\(value.percentEncoded)" }
            }
            response.headers[.link] = "<\(request.uri.path)?\(query)>; rel=\"next\""
        }
        return response
    }

    /// All entries.
    private func export(_ filter: AuditFilter, as form: ExportForm) async throws -> Response {
        let first = try await page(filter, from: AuditPosition(), limit: Self.exportPage)
        return form.download("audit", head: form.auditHead, from: first) { page, text in
            for entry in page.entries { form.write(entry, to: &text) }
        } next: { page in
            guard let position = page.next else { return nil }
            return try await self.page(filter, from: position, limit: Self.exportPage)
        }
    }

    /// What a request asks for.
    private struct Asked {
        var limit = 100
        var position = AuditPosition()
        /// Where to go on from the newest entry on; `nil` for the order of the moments.
        var newest: NewestAuditPosition?
        var filter = AuditFilter()

        init(_ request: Request) throws {
            func member(_ name: String) -> String? { request.uri.queryParameters.get(name) }
            var mistakes: [Mistake] = []
            func note(_ name: String, _ demand: String) { mistakes.append(.query(name, demand)) }
            if let text = member("limit") {
                limit = Int(text) ?? 0
                if !(1...Page.most).contains(limit) { note("limit", "must be from 1 to \(Page.most)") }
            }
            if let text = member("order") {
                if text == "newest" { newest = NewestAuditPosition() }
                if !["oldest", "newest"].contains(text) { note("order", "must be oldest or newest") }
            }
            if let text = member("cursor") {
                // A cursor goes on in the order that it came with.
                if let found = AuditPosition(cursor: text) {
                    (position, newest) = (found, nil)
                } else if let found = NewestAuditPosition(cursor: text) {
                    newest = found
                } else {
                    note("cursor", "is none of ours")
                }
            }
            if let text = member("event") {
                filter.events = Code(text).map { [$0] }
                if filter.events == nil { note("event", "must be \(Code.form)") }
            }
            if let text = member("key") {
                filter.key = text
                let isKey = text.utf8.count == 8 && text.utf8.allSatisfy(Self.isOfKey)
                if !isKey, text != "-" { note("key", "must be the eight characters of a key, or -") }
            }
            if let text = member("since") {
                filter.since = WallTime(rfc3339: text)
                if filter.since == nil { note("since", "must be a moment as in 2026-11-24T05:44:59Z") }
            }
            if !mistakes.isEmpty { throw Refused.invalid(mistakes) }
        }

        private static func isOfKey(_ byte: UInt8) -> Bool {
            (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte)
        }
    }
}
