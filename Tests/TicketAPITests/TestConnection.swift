import BoxOffice
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import TicketAPI
import TicketStore

/// A connection of the service without a socket and without a clock: bytes in, bytes out, and a router that the test
/// plays.
final class TestConnection {
    /// One answer, taken apart.
    struct Answer: Equatable, CustomStringConvertible {
        var status: Int
        /// By lower-case name.
        var fields: [String: String]
        var body: String

        var description: String { "\(status) \(fields) \(body)" }
        var closes: Bool { fields["connection"] == "close" }
    }

    let service: ServiceContext
    let loop: EmbeddedEventLoop
    let setup: ConnectionSetup
    let channel: EmbeddedChannel
    let socket = FakeSocket()
    let router = FakeRouter()

    /// - Parameters:
    ///   - beside: a connection of the same service and loop.
    ///   - address: where it comes from; `nil` if it is gone before anybody asks for its address.
    ///   - tls: what stands where TLS does.
    ///   - isUnix: whether it came to a unix socket.
    init(
        _ store: CoreStore, beside other: TestConnection? = nil, from address: String? = "192.0.2.1",
        keyring: TestKeyring = TestKeyring(), tls: (any ChannelHandler)? = nil, isUnix: Bool = false,
        _ change: (inout ServiceConfiguration) -> Void = { _ in }
    ) throws {
        struct NoCode: Error {}
        guard let main = Code("main") else { throw NoCode() }
        var configuration = ServiceConfiguration(
            classicEvent: main, worth: DurabilityPromise(purchases: "nothing", holds: "nothing"))
        configuration.request = .seconds(10)
        change(&configuration)
        let secret = [UInt8](repeating: 7, count: 32)
        service =
            other?.service
            ?? ServiceContext(
                store: store, keyring: keyring, configuration: configuration,
                mint: TokenMint(keys: [TokenKey(number: 1, secret: secret)], ledger: secret),
                keys: KeyDigester(secret: secret), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                uptime: { store.uptime })
        loop = other?.loop ?? EmbeddedEventLoop()
        setup = other?.setup ?? service.setup(on: loop)
        channel = EmbeddedChannel(loop: loop)
        try channel.pipeline.syncOperations.addHandler(socket)
        try setup.add(to: channel, tls: tls, isUnix: isUnix)
        try channel.pipeline.syncOperations.addHandler(router)
        if isUnix {
            try channel.connect(to: SocketAddress(unixDomainSocketPath: "/http.sock")).wait()
        } else if let address {
            try channel.connect(to: SocketAddress(ipAddress: address, port: 4711)).wait()
        } else {
            channel.pipeline.fireChannelActive()
        }
    }

    deinit {
        _ = try? channel.finish(acceptAlreadyClosed: true)
    }

    // MARK: The client

    /// Bytes arrive, in one piece unless `pieces` says otherwise. A piece that is not read waits for ever.
    func send(_ text: String, pieces: Int = 1) {
        let bytes = Array(text.utf8)
        let step = max(1, (bytes.count + pieces - 1) / pieces)
        for start in stride(from: 0, to: bytes.count, by: step) where socket.reads > 0 && !socket.isClosed {
            socket.reads = 0
            channel.pipeline.fireChannelRead(ByteBuffer(bytes: bytes[start..<min(start + step, bytes.count)]))
            channel.pipeline.fireChannelReadComplete()
            loop.run()
        }
    }

    /// The client sends nothing more.
    func closeInput() {
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        loop.run()
    }

    /// The client reads again, or not.
    func setWritable(_ isWritable: Bool) {
        channel.isWritable = isWritable
        channel.pipeline.fireChannelWritabilityChanged()
        loop.run()
    }

    /// What the client got since it was last asked, as text.
    func received() -> String {
        defer { socket.sent = "" }
        return socket.sent
    }

    /// The answers that the client got since it was last asked. An answer to HEAD has no body: ask for ``received()``.
    func answers() -> [Answer] {
        var rest = received()[...]
        var answers: [Answer] = []
        while let end = rest.firstRange(of: "\r\n\r\n") {
            let lines = rest[..<end.lowerBound].split(separator: "\r\n")
            rest = rest[end.upperBound...]
            var fields: [String: String] = [:]
            for line in lines.dropFirst() {
                let parts = line.split(separator: ":", maxSplits: 1)
                fields[parts[0].lowercased()] = parts[1].drop { $0 == " " }.lowercased()
            }
            let length = Int(fields["content-length"] ?? "0") ?? 0
            answers.append(
                Answer(
                    status: lines.first.flatMap { Int($0.dropFirst(9).prefix(3)) } ?? 0, fields: fields,
                    body: String(decoding: rest.utf8.prefix(length), as: UTF8.self)))
            rest = rest[rest.utf8.index(rest.startIndex, offsetBy: min(length, rest.utf8.count))...]
        }
        return answers
    }

    var statuses: [Int] { answers().map(\.status) }

    // MARK: The service

    /// So many seconds pass.
    func pass(_ seconds: Int) {
        for _ in 0..<seconds where !socket.isClosed { setup.everySecond() }
        loop.run()
    }

    /// The service stops.
    func stop() {
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        loop.run()
    }
}

/// What is in front of a connection's pipeline in the place of a socket.
final class FakeSocket: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = IOData

    var sent = ""
    /// Reads that were asked for since bytes came last.
    var reads = 0
    var outputIsClosed = false
    var isClosed = false
    /// The kernel takes nothing: bytes stay in the channel.
    var isStuck = false
    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    /// The kernel takes what the channel has.
    func take() {
        isStuck = false
        context?.flush()
    }

    func read(context: ChannelHandlerContext) {
        reads += 1
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .byteBuffer(let bytes) = unwrapOutboundIn(data) else { return }
        sent += String(buffer: bytes)
        if isStuck { context.write(NIOAny(bytes), promise: promise) } else { promise?.succeed() }
    }

    func flush(context: ChannelHandlerContext) {}

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all else {
            outputIsClosed = true
            promise?.succeed()
            return
        }
        isClosed = true
        context.close(mode: mode, promise: promise)
    }
}

/// What is behind a connection's pipeline in the place of the router.
final class FakeRouter: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// The targets of the requests that came, each with its body behind a blank.
    var requests: [String] = []
    /// Answers wait until the test gives them.
    var isHeldUp = false
    var fields: HTTPHeaders = ["content-length": "6"]
    var inputIsClosed = false
    /// It ends its side behind an answer, as the framework does behind `Connection: close`.
    var closesOutput = false
    private var context: ChannelHandlerContext?
    private var target = ""
    private var body = ""

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): (target, body) = (head.uri, "")
        case .body(let bytes): body += String(buffer: bytes)
        case .end:
            requests.append(body.isEmpty ? target : "\(target) \(body)")
            if !isHeldUp { answer() }
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { inputIsClosed = true }
    }

    /// Answers the request that came last.
    func answer() {
        guard let context else { return }
        let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: fields)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: "routed")))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        if closesOutput { context.close(mode: .output, promise: nil) }
    }
}

/// The bytes of a request.
func request(
    _ method: String, _ target: String, _ headers: [String] = [], body: String? = nil, version: String = "1.1"
) -> String {
    let length = body.map { ["Content-Length: \($0.utf8.count)"] } ?? []
    let lines = ["\(method) \(target) HTTP/\(version)", "Host: localhost"] + headers + length
    return lines.map { $0 + "\r\n" }.joined() + "\r\n" + (body ?? "")
}
