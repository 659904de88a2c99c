internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import Synchronization
internal import TicketStore

/// What operators read of a sale in sums (R50 Reports).
struct ReportRoutes: Sendable {
    let reader: RequestReader
    let ledger: any SalesLedger
    let figures: ServiceFigures
    private let room = ReportRoom()

    init(reader: RequestReader, ledger: any SalesLedger, figures: ServiceFigures) {
        self.reader = reader
        self.ledger = ledger
        self.figures = figures
    }

    @Sendable func report(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let event = try reader.event(call.segment).definition.id
        guard let offset = UTCOffset(call.request.uri.queryParameters.get("utc_offset") ?? "Z") else {
            throw Refused.invalid([.query("utc_offset", UTCOffset.demand)])
        }
        guard room.enter() else {
            var refused = Refused(.reducedCapacity, "Another report is under way.")
            refused.retryAfter = .milliseconds(Int.random(in: 1_000...3_000))
            throw refused
        }
        defer { room.leave() }
        let report = try await ledger.report(of: event, utcOffset: offset.minutes)
        let refused = ReportDocument.Refused(since: figures.since, counts: figures.refusedHolds(of: event))
        guard case .csv? = ExportForm(accept: call.request.headers[.accept]) else {
            return json(.ok, ReportDocument.json(report, refused))
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/csv; charset=utf-8; header=present", .cacheControl: "no-store",
                .contentDisposition: "attachment; filename=\"report-\(event).csv\"",
            ], body: .init(byteBuffer: ByteBuffer(bytes: ReportDocument.csv(report, refused))))
    }
}

/// Lets one report at a time read the holds of a sale: several would only be slower together.
private final class ReportRoom: Sendable {
    private let isTaken = Mutex(false)

    func enter() -> Bool {
        isTaken.withLock { isTaken in
            defer { isTaken = true }
            return !isTaken
        }
    }

    func leave() {
        isTaken.withLock { $0 = false }
    }
}
