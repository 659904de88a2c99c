internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import StrictJSON

/// Sends a server single requests, before and after the load.
struct LoadProbe {
    let target: LoadTarget
    let group: any EventLoopGroup

    /// What a server answered to one `GET`.
    struct Answer: Sendable {
        var status: Int
        var body: [UInt8]
    }

    func get(_ path: String) async throws -> Answer {
        try await ask(path, within: .seconds(10)).get()
    }

    private func ask(_ path: String, within patience: TimeAmount) -> EventLoopFuture<Answer> {
        let loop = group.next()
        let promise = loop.makePromise(of: Answer.self)
        let head = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: path,
            headers: ["Host": target.authority, "Connection": "close"])
        ClientBootstrap(group: loop)
            .connectTimeout(min(patience, .seconds(5)))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(OneAnswer(promise))
                }
            }
            .connect(host: target.host, port: target.port)
            .whenComplete { result in
                switch result {
                case .failure(let error): promise.fail(error)
                case .success(let channel):
                    promise.futureResult.whenFailure { _ in channel.close(promise: nil) }
                    channel.write(HTTPClientRequestPart.head(head), promise: nil)
                    channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
                }
            }
        let timeout = loop.scheduleTask(in: patience) { promise.fail(LoadError.noAnswer) }
        promise.futureResult.whenComplete { _ in timeout.cancel() }
        return promise.futureResult
    }

    /// Whether the server is Holdfast. Other servers only get the GET requests of `availability` and `churn`.
    func isOurs() async throws -> Bool {
        let answer = try await get("/health/live")
        return answer.status == 200 && answer.body == Array(#"{"status":"live"}"#.utf8)
    }

    /// Free tickets of the plan's type as the service counts them; nil if it does not say.
    func free(_ plan: LoadPlan) async throws -> Int? {
        Self.free(plan, in: try await get(LoadProbe.availabilityPath(plan)))
    }

    /// The same for the display during a run; nil also if no answer comes soon.
    func freeNow(_ plan: LoadPlan) -> EventLoopFuture<Int?> {
        ask(LoadProbe.availabilityPath(plan), within: .milliseconds(500))
            .map { Self.free(plan, in: $0) }
            .flatMapErrorThrowing { _ in nil }
    }

    private static func free(_ plan: LoadPlan, in answer: Answer) -> Int? {
        guard answer.status == 200, case .object(let members) = try? JSONValue.read(answer.body, limits: JSONLimits())
        else { return nil }
        switch members.first(where: { $0.name == "types" })?.value {
        case .object(let types):
            guard case .integer(let free) = types.first(where: { $0.name == plan.type })?.value else { return nil }
            return Int(free)
        case .array(let types):
            for case .object(let type) in types where type.contains(.init("type", .string(plan.type))) {
                guard case .integer(let free) = type.first(where: { $0.name == "free" })?.value else { return nil }
                return Int(free)
            }
            return nil
        default: return nil
        }
    }

    /// How long the store keeps a hold, as v1 says about the event: the hold time and the grace. `nil` if it does not
    /// say.
    func life(_ plan: LoadPlan) async throws -> TimeAmount? {
        let answer = try await get("/v1/events/\(plan.event)")
        guard answer.status == 200, case .object(let members) = try? JSONValue.read(answer.body, limits: JSONLimits()),
            case .object(let definition) = members.first(where: { $0.name == "definition" })?.value,
            case .integer(let told) = definition.first(where: { $0.name == "hold_seconds" })?.value,
            case .integer(let grace) = definition.first(where: { $0.name == "grace_seconds" })?.value
        else { return nil }
        return .seconds(told + grace)
    }

    static func availabilityPath(_ plan: LoadPlan) -> String {
        switch plan.face {
        case .classic: "/remaining_tickets"
        case .v1: "/v1/events/\(plan.event)/availability"
        }
    }
}

/// Why a run of load cannot start.
public enum LoadError: Error, Sendable, Equatable, CustomStringConvertible {
    case noAnswer
    case notOurs(LoadPlan.Scenario)
    case nothingThere(String)
    case notSoldOut(free: Int)

    public var description: String {
        switch self {
        case .noAnswer: "the server does not answer"
        case .notOurs(let scenario):
            "this is not a holdfast: it is only looked at (--scenario availability or churn), not asked for \(scenario)"
        case .nothingThere(let what): "there is no \(what)"
        case .notSoldOut(let free): "\(free) tickets are free; the scenario soldout is for when none are"
        }
    }
}

private final class OneAnswer: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let promise: EventLoopPromise<LoadProbe.Answer>
    private var answer = LoadProbe.Answer(status: 0, body: [])

    init(_ promise: EventLoopPromise<LoadProbe.Answer>) {
        self.promise = promise
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): answer.status = Int(head.status.code)
        case .body(let part): answer.body += part.readableBytesView
        case .end:
            promise.succeed(answer)
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(LoadError.noAnswer)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(error)
        context.close(promise: nil)
    }
}
