internal import Foundation
internal import Logging
internal import NIOHTTP1
internal import ServiceLifecycle
internal import ServiceLog
internal import Settings
internal import TicketAPI

/// Sends a span for each request that it hears of to a collector, as OTLP in JSON over HTTP (R59 Traces).
///
/// Once a second it sends what gathered. While the collector is slow or away, up to ``mostQueued`` spans wait and further ones are
/// dropped; what was sent and not taken is lost. Nothing else ever waits for it.
final class TraceExporter: RequestObserver, Service {
    /// Spans that may wait: some seconds of sampled requests, half a megabyte.
    private static let mostQueued = 2_048
    /// Spans of one message.
    private static let mostSent = 512
    private static let pause: Duration = .seconds(1)
    /// What a stop waits for the last message.
    private static let farewell: Duration = .seconds(2)

    let oneOf: Int
    let followsTraces = true
    private let address: ServiceAddress
    private let queue = SpanQueue(most: mostQueued)
    private let instance = UUID().uuidString.lowercased()
    private let logger = Logger(label: "holdfast.traces")

    /// `nil` if the settings name no collector.
    init?(_ settings: Settings.Traces) throws {
        guard let endpoint = settings.endpoint else { return nil }
        address = try ServiceAddress(endpoint)
        oneOf = settings.sample
    }

    func answered(_ request: AnsweredRequest) {
        // What could not be read belongs to no trace.
        guard let method = request.method else { return }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let end = UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
        queue.add(
            Span(
                trace: request.trace?.trace ?? Self.digits() + Self.digits(), id: Self.digits(),
                parent: request.trace?.span, method: method, route: request.route, status: request.status,
                start: end - UInt64(max(0, request.nanoseconds)), end: end))
    }

    /// 16 hexadecimal digits that nobody else has, not all of them zero.
    private static func digits() -> String {
        let text = String(UInt64.random(in: 1...UInt64.max), radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }

    /// Sends until a graceful shutdown, and then what is left.
    func run() async {
        await cancelWhenGracefulShutdown { await self.sendAgainAndAgain() }
        await withTaskGroup { tasks in
            tasks.addTask { await self.sendAll() }
            tasks.addTask { try? await ContinuousClock().sleep(for: Self.farewell) }
            await tasks.next()
            tasks.cancelAll()
        }
    }

    private func sendAgainAndAgain() async {
        while !Task.isCancelled {
            try? await ContinuousClock().sleep(for: Self.pause)
            if !Task.isCancelled { await sendAll() }
        }
    }

    private func sendAll() async {
        while !Task.isCancelled {
            let (spans, dropped) = queue.take(Self.mostSent)
            if dropped > 0 {
                logger.warning(
                    "Spans were dropped, because the collector is too slow", metadata: ["spans": "\(dropped)"])
            }
            guard !spans.isEmpty else { return }
            await send(spans)
        }
    }

    private func send(_ spans: [Span]) async {
        let head = HTTPRequestHead(
            version: .http1_1, method: .POST, uri: address.path.isEmpty ? "/v1/traces" : address.path,
            headers: [
                "Host": address.hostField, "Content-Type": "application/json",
                "User-Agent": "holdfast/\(Holdfast.version)",
            ])
        let body = SpanDocument.write(spans, version: Holdfast.version, instance: instance)
        do {
            let connection = try await ServiceConnection(to: address)
            let status = try await connection.exchange(head, body: body) { head, parts in
                while try await parts.nextPiece() != nil {}
                return head.status.code
            }
            guard !(200..<300).contains(status) else { return }
            complain("status \(status)", spans)
        } catch {
            // A stop cuts it off.
            if !Task.isCancelled { complain("\(error)", spans) }
        }
    }

    private func complain(_ reason: String, _ spans: [Span]) {
        logger.warning(
            "The collector did not take spans", metadata: ["spans": "\(spans.count)", "reason": "\(reason)"])
    }
}
