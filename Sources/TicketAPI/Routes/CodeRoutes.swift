internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import StrictJSON
internal import TicketStore

/// What operators read of access codes (R46 Access codes). Batches are made and revoked by changes of their event.
struct CodeRoutes: Sendable {
    let reader: RequestReader
    let ledger: any SalesLedger
    let mint: AccessCodeMint

    /// Codes that an export reads at once.
    private static let exportPage = 500

    /// The codes of the batch that the query names, with their texts.
    @Sendable func list(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let event = try reader.event(call.segment).definition
        let batch = try Self.batch(call.request, event)
        let page = try Page(call.request)
        if let form = ExportForm(accept: call.request.headers[.accept]) {
            return try await export(batch, of: event.id, as: form)
        }
        let behind = page.behind.map { Int(clamping: $0) } ?? 0
        let found = try await codes(of: batch, in: event.id, after: behind, page.limit + 1)
        return page.answer("codes", found, of: call.request.uri.path, "batch=\(batch.name)&", number: \.cursor) {
            $1.code($0)
        }
    }

    private static func batch(_ request: Request, _ event: EventDefinition) throws -> EventDefinition.CodeBatch {
        guard let name = request.uri.queryParameters.get("batch") else {
            throw Refused.invalid([.query("batch", "must be named")])
        }
        guard let batch = event.codes.first(where: { $0.name.text == name }) else {
            throw Refused.invalid([.queryBatchUnknown])
        }
        return batch
    }

    private func codes(
        of batch: EventDefinition.CodeBatch, in event: Code, after: Int, _ limit: Int
    ) async throws -> [ListedCode] {
        let counts = try await ledger.codes(of: batch.name, in: event, after: after, limit: limit) ?? []
        return counts.map { count in
            ListedCode(
                batch: batch.name.text, text: mint.text(of: count.number, in: batch.name, of: event),
                tickets: batch.tickets, count: count)
        }
    }

    /// All codes of the batch.
    private func export(
        _ batch: EventDefinition.CodeBatch, of event: Code, as form: ExportForm
    ) async throws -> Response {
        let first = try await codes(of: batch, in: event, after: 0, Self.exportPage)
        return form.download("codes-\(event)-\(batch.name)", head: form.headOfCodes, from: first) { page, text in
            for code in page { form.write(code, to: &text) }
        } next: { page in
            guard page.count == Self.exportPage, let last = page.last?.count.number else { return nil }
            return try await codes(of: batch, in: event, after: last, Self.exportPage)
        }
    }
}

/// An access code with its text, in operators' lists.
struct ListedCode: Sendable {
    var batch: String
    var text: String
    var tickets: Int
    var count: CodeCount

    /// Where the next page begins.
    var cursor: UInt64 { UInt64(count.number) }
    var left: Int { count.isRevoked ? 0 : max(0, tickets - count.held - count.sold) }
    /// What became of it, in a word.
    var state: String {
        if count.isRevoked { return "revoked" }
        return count.sold > 0 ? "sold" : count.held > 0 ? "held" : "unused"
    }
}

extension JSONWriter {
    mutating func code(_ code: ListedCode) {
        object { writer in
            writer.member("number", code.count.number)
            writer.member("code", code.text)
            writer.member("state", code.state)
            writer.member("tickets", code.tickets)
            writer.member("held", code.count.held)
            writer.member("sold", code.count.sold)
            writer.member("left", code.left)
        }
    }
}

extension ExportForm {
    fileprivate var headOfCodes: [UInt8] {
        switch self {
        case .csv: Array("batch,number,code,state,tickets,held,sold,left\r\n".utf8)
        case .ndjson: []
        }
    }

    fileprivate func write(_ code: ListedCode, to text: inout [UInt8]) {
        switch self {
        case .ndjson:
            var writer = JSONWriter(reserving: 160)
            writer.code(code)
            text += writer.bytes
            text.append(UInt8(ascii: "\n"))
        case .csv:
            // Nothing in it needs a quote, and nothing begins like a formula but the name of a batch with a hyphen.
            let fields = [
                code.batch.first == "-" ? "'" + code.batch : code.batch, "\(code.count.number)", code.text, code.state,
                "\(code.tickets)", "\(code.count.held)", "\(code.count.sold)", "\(code.left)",
            ]
            text += Array((fields.joined(separator: ",") + "\r\n").utf8)
        }
    }
}
