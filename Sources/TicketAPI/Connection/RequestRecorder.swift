internal import BoxOffice
internal import NIOCore
internal import NIOHTTP1

/// Reports the answered requests of one event loop to those that observe them, as many as they want.
///
/// Lives on its loop and is touched nowhere else. Without observers there is none, and a request costs one comparison.
final class RequestRecorder {
    private let observers: [any RequestObserver]
    private let figures: ServiceFigures
    private let classicEvent: Code
    /// The state of a generator that is good enough to choose requests.
    private var chance = UInt64.random(in: 1...UInt64.max)
    /// What the router answers; known when its first request was.
    private lazy var routes = figures.callNames.map(CallName.init)

    /// `nil` if nobody observes.
    init?(_ service: ServiceContext) {
        guard !service.configuration.observers.isEmpty else { return nil }
        observers = service.configuration.observers
        figures = service.figures
        classicEvent = service.configuration.classicEvent
    }

    /// An answer of the fast path.
    ///
    /// - Parameters:
    ///   - buffer: has the answer from `start` on.
    ///   - waited: in nanoseconds.
    ///   - connection: who sends what comes on its connection, unless the request says otherwise.
    func note(
        _ request: CallRequest, _ buffer: ByteBuffer, from start: Int, waited: Int64, on connection: RequestSender
    ) {
        note(request.mark?.trace) {
            let name = CallName(LoopFigures.name(of: request.call, classicEvent).name)
            let (status, bytes) = Self.measure(buffer, from: start)
            return AnsweredRequest(
                method: request.form.isHead ? "HEAD" : name.method, route: name.route, status: status,
                nanoseconds: waited, bytes: bytes,
                caller: (request.mark.map(\.address) ?? connection.address)?.description, trace: request.mark?.trace)
        }
    }

    /// A request that could not be read, or not be accepted.
    func note(_ refused: Refused, on connection: RequestSender) {
        note(nil) {
            AnsweredRequest(
                method: nil, route: nil, status: refused.problem.status, nanoseconds: 0, bytes: 0,
                caller: connection.address?.description, trace: nil)
        }
    }

    /// An answer of the router, or the beginning of a stream.
    func note(_ request: RoutedRequest, status: Int, bytes: Int, took: TimeAmount) {
        let head = request.head
        let trace = head.headers["traceparent"].first.flatMap(TraceParent.init)
        note(trace) {
            AnsweredRequest(
                method: head.method.rawValue, route: route(of: head), status: status, nanoseconds: took.nanoseconds,
                bytes: bytes, caller: request.sender.address?.description, trace: trace)
        }
    }

    private func note(_ trace: TraceParent?, _ request: () -> AnsweredRequest) {
        var made: AnsweredRequest?
        for observer in observers where wants(observer, trace) {
            let request = made ?? request()
            made = request
            observer.answered(request)
        }
    }

    private func wants(_ observer: any RequestObserver, _ trace: TraceParent?) -> Bool {
        if observer.followsTraces, let trace { return trace.isSampled }
        guard observer.oneOf > 1 else { return true }
        // xorshift (Marsaglia 2003): the system's generator would be a call into the kernel.
        chance ^= chance << 13
        chance ^= chance >> 7
        chance ^= chance << 17
        return chance % UInt64(observer.oneOf) == 0
    }

    /// Status and length of the body of an answer: `HTTP/1.1 200 …`, lines, an empty line, the body.
    private static func measure(_ buffer: ByteBuffer, from start: Int) -> (status: Int, bytes: Int) {
        let answer = buffer.viewBytes(at: start, length: buffer.writerIndex - start) ?? ByteBufferView()
        let digits = answer.dropFirst(9).prefix(3).reduce(0) { $0 * 10 + Int($1 & 0xf) }
        var newlines = 0
        for (index, byte) in answer.enumerated() {
            switch byte {
            case UInt8(ascii: "\n"): newlines += 1
            case UInt8(ascii: "\r"): continue
            default: newlines = 0
            }
            if newlines == 2 { return (digits, answer.count - index - 1) }
        }
        return (digits, 0)
    }

    private func route(of head: HTTPRequestHead) -> String? {
        let method = head.method == .HEAD ? "GET" : head.method.rawValue
        let path = RequestTarget(head.uri).pathText.split(separator: "/", omittingEmptySubsequences: false)
        return routes.first { $0.method == method && $0.matches(path) }?.route
    }
}

/// A call's method and route, apart.
private struct CallName {
    /// `nil` for what is not a call.
    let method: String?
    let route: String?
    private let segments: [Substring]

    /// - Parameter name: `GET /v1/holds/:hold`, or a word.
    init(_ name: String) {
        let parts = name.split(separator: " ")
        method = parts.count == 2 ? String(parts[0]) : nil
        route = parts.count == 2 ? String(parts[1]) : nil
        segments = (route ?? "").split(separator: "/", omittingEmptySubsequences: false)
    }

    func matches(_ path: [Substring]) -> Bool {
        path.count == segments.count
            && zip(segments, path).allSatisfy { $0 == $1 || ($0.hasPrefix(":") && !$1.isEmpty) }
    }
}
