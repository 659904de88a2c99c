internal import Logging
package import NIOCore
internal import NIOHTTP1

/// What the connections of one event loop are set up with.
package struct ConnectionSetup {
    let context: LoopContext
    private let sink: LoopReplySink
    private let streams: AvailabilityStream

    init(_ context: LoopContext, streams: AvailabilityStream, on loop: any EventLoop) {
        self.context = context
        self.streams = streams
        sink = LoopReplySink(context, on: loop)
    }

    /// Adds the decoder, the fast path and the encoder to a fresh connection. Behind them the router's side speaks
    /// `HTTPServerRequestPart` and `HTTPServerResponsePart`.
    ///
    /// - Parameters:
    ///   - tls: what encrypts the connection; `nil` without TLS.
    ///   - isUnix: whether the connection came to a unix socket.
    package func add(to channel: any Channel, tls: (any ChannelHandler)? = nil, isUnix: Bool) throws {
        let decoder = RequestDecoder.makeDecoder(context.configuration)
        let handler = FastPathHandler(
            loop: context, sink: sink, streams: streams, behind: decoder, isSecure: tls != nil,
            isUnix: isUnix)
        try channel.syncOptions?.setOption(.autoRead, value: false)
        // NIO would read four times, and the watch keep it all.
        try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
        let pipeline = channel.pipeline.syncOperations
        if let proxies = context.configuration.proxies, proxies.sendsProxyHeader {
            try pipeline.addHandler(ProxyHeaderHandler(proxies, handler))
        }
        if let tls { try pipeline.addHandler(tls) }
        try pipeline.addHandler(ReceiveWatch(handler))
        try pipeline.addHandler(decoder)
        try pipeline.addHandler(handler)
        try pipeline.addHandler(HTTPResponseEncoder())
        try pipeline.addHandler(RoutedAnswerHandler(handler))
    }

    /// Once a second.
    package func everySecond() {
        context.everySecond()
    }

    /// Before the loop ends: takes nothing more from the store.
    func close() {
        sink.close()
    }
}
