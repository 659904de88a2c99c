internal import BoxOffice
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes
internal import NIOHTTPTypesHTTP1

/// How each connection is set up: HTTP decoder, fast lane, and behind it the framework's own codec and router.
struct ServiceChannel: HTTPChannelHandler {
    let responder: Responder
    let windows: TicketWindows

    typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let (window, box, stream) = windows.at(channel.eventLoop)
            let decoder = RequestDecoding.makeDecoder(window.configuration)
            let lane = Lane(window: window, box: box, behind: decoder)
            try channel.syncOptions?.setOption(.autoRead, value: false)
            let pipeline = channel.pipeline.syncOperations
            let watch = ArrivalWatch(lane)
            try pipeline.addHandler(watch)
            try pipeline.addHandler(decoder)
            try pipeline.addHandler(lane)
            try pipeline.addHandler(HTTPResponseEncoder())
            try pipeline.addHandler(RoutedEnd(lane, watch, stream))
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
            return try NIOAsyncChannel(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    func handle(value: Value, logger: Logger) async {
        await handleHTTP(asyncChannel: value, logger: logger)
    }
}

/// Tells the lane that bytes came, before the decoder has made anything of them: a request whose headers never end
/// would otherwise look like silence. Behind the last request that is taken, bytes go no further.
private final class ArrivalWatch: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let lane: Lane
    /// The client or the service has said that nothing more comes.
    private(set) var sawEnd = false

    init(_ lane: Lane) {
        self.lane = lane
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if Listener.isEnd(event) { sawEnd = true }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if lane.takes(unwrapInboundIn(data)) { context.fireChannelRead(data) }
    }
}

/// Says in the router's answer how the connection goes on, and tells the lane where that answer ends. A request for a
/// stream goes no further: its connection listens from then on, and for the lane it is one that is never answered.
private final class RoutedEnd: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let lane: Lane
    private let watch: ArrivalWatch
    private let stream: AvailabilityStream
    private var listens = false

    init(_ lane: Lane, _ watch: ArrivalWatch, _ stream: AvailabilityStream) {
        self.lane = lane
        self.watch = watch
        self.stream = stream
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data), let asked = StreamRequest(head),
            // Where there is none the router says why.
            let listener = stream.listener(
                to: asked.event, known: asked.lastEventID, on: lane,
                quota: lane.window.quotaFields(lane.routedStanding))
        {
            listens = true
            do {
                try context.pipeline.syncOperations.addHandler(listener, position: .first)
            } catch {
                context.close(mode: .all, promise: nil)
            }
            // Whoever left with the request hears how things stand.
            if watch.sawEnd { context.close(mode: .all, promise: nil) }
        }
        if !listens { context.fireChannelRead(data) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head)
        where lane.routedAfter != .keepAlive || lane.routedStanding != nil || lane.routedFraming == .noChunks
            || lane.routedEndsWithClient:
            // To learn that its client left the router has taken the connection.
            if lane.routedEndsWithClient, head.headers["connection"].first == "close" { lane.routedEndsConnection() }
            if lane.routedFraming == .noChunks, head.status.mayHaveResponseBody,
                !head.headers.contains(name: "content-length")
            {
                lane.routedEndsConnection()
                // The encoder makes no chunks of it then.
                head.version = .http1_0
            }
            if lane.routedAfter != .keepAlive {
                let value = lane.routedAfter == .close ? "close" : "keep-alive"
                head.headers.replaceOrAdd(name: "connection", value: value)
            }
            if let quota = lane.window.quota, let standing = lane.routedStanding {
                for (name, value) in quota.fields(standing) { head.headers.replaceOrAdd(name: name, value: value) }
            }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end:
            context.write(data, promise: promise)
            lane.routedEnded()
        default:
            context.write(data, promise: promise)
        }
    }
}

/// The ticket windows of a group of event loops, one each.
struct TicketWindows: Sendable {
    private struct Place: Sendable {
        let loop: any EventLoop
        var window: NIOLoopBound<TicketWindow>
        var box: LoopBox
        var stream: NIOLoopBound<AvailabilityStream>
    }

    private let places: [ObjectIdentifier: Place]

    /// Opens a window on each loop of `group`, and lets it look at its clock every second.
    init(
        group: any EventLoopGroup, open: @escaping @Sendable () -> TicketWindow,
        stream: @escaping @Sendable (any EventLoop) -> AvailabilityStream
    ) async throws {
        var places: [ObjectIdentifier: Place] = [:]
        for loop in group.makeIterator() {
            places[ObjectIdentifier(loop)] = try await loop.submit {
                let window = open()
                let bound = NIOLoopBound(window, eventLoop: loop)
                loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
                    bound.value.everySecond()
                }
                return Place(
                    loop: loop, window: bound, box: LoopBox(window, on: loop),
                    stream: NIOLoopBound(stream(loop), eventLoop: loop))
            }.get()
        }
        self.places = places
    }

    /// Before the loops end: closes what a stop that was cut short has left open, and takes nothing more from the store.
    ///
    /// What a connection that closes leaves to other loops is done, too: a loop that has ended would complain of it.
    func close() async {
        for place in places.values { place.box.close() }
        for _ in 0..<2 {
            for place in places.values {
                try? await place.loop.submit { place.window.value.closeAll() }.get()
            }
        }
        // The framework stops its server in a task that it lets go of, and that touches a loop once more at its end.
        guard let loop = places.values.first?.loop else { return }
        try? await loop.scheduleTask(in: Self.frameworkEnds) {}.futureResult.get()
    }

    /// For what is a matter of microseconds; nobody waits for it but a stop.
    private static let frameworkEnds: TimeAmount = .milliseconds(100)

    /// - Precondition: called on `loop`, which is one of the group.
    func at(_ loop: any EventLoop) -> (TicketWindow, LoopBox, AvailabilityStream) {
        guard let place = places[ObjectIdentifier(loop)] else {
            preconditionFailure("a connection is on a loop of the group")
        }
        return (place.window.value, place.box, place.stream.value)
    }
}
