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
        let (page, next) = try await self.page(filter, from: asked.position, limit: asked.limit)
        return answer(page, next.map(\.cursor), asked.limit, call.request)
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
            for name in ["event", "key", "since"] {
                if let value = request.uri.queryParameters.get(name) { query += "&\(name)=\(Asked.escaped(value))" }
            }
            response.headers[.link] = "<\(request.uri.path)?\(query)>; rel=\"next\""
        }
        return response
    }

    /// All entries, a page at a time: each is read when the client has read the one before. The first is read before the answer
    /// begins, so that a store that cannot be asked leads to a problem and not to a list that breaks off.
    private func export(_ filter: AuditFilter, as form: ExportForm) async throws -> Response {
        let first = try await page(filter, from: AuditPosition(), limit: Self.exportPage)
        let headers: HTTPFields = [
            .contentType: form.mediaType, .cacheControl: "no-store",
            .contentDisposition: "attachment; filename=\"audit.\(form.suffix)\"",
        ]
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                var (entries, next) = first
                var text = form.auditHead
                while true {
                    for entry in entries { form.write(entry, to: &text) }
                    if !text.isEmpty { try await writer.write(ByteBuffer(bytes: text)) }
                    text.removeAll(keepingCapacity: true)
                    guard let position = next else { break }
                    (entries, next) = try await page(filter, from: position, limit: Self.exportPage)
                }
                try await writer.finish(nil)
            })
    }

    /// What a request asks for.
    private struct Asked {
        var limit = 100
        var position = AuditPosition()
        var filter = AuditFilter()

        init(_ request: Request) throws {
            func member(_ name: String) -> String? { request.uri.queryParameters.get(name) }
            var mistakes: [Mistake] = []
            func note(_ name: String, _ demand: String) { mistakes.append(.query(name, demand)) }
            if let text = member("limit") {
                limit = Int(text) ?? 0
                if !(1...Page.most).contains(limit) { note("limit", "must be from 1 to \(Page.most)") }
            }
            if let text = member("cursor") {
                if let found = AuditPosition(cursor: text) {
                    position = found
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

        /// A value of ours for a query: only a moment has characters that need it.
        static func escaped(_ text: String) -> String {
            String(text.flatMap { $0 == "+" ? Array("%2B") : [$0] })
        }
    }
}
