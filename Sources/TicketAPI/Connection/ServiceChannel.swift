internal import BoxOffice
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes
internal import NIOHTTPTypesHTTP1

/// How each connection is set up: HTTP decoder, fast path, and behind it the framework's own codec and router.
struct ServiceChannel: HTTPChannelHandler {
    let responder: Responder
    let loops: LoopContexts

    typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let (loop, sink, stream) = loops.at(channel.eventLoop)
            let decoder = RequestDecoder.makeDecoder(loop.configuration)
            let handler = FastPathHandler(loop: loop, sink: sink, behind: decoder)
            try channel.syncOptions?.setOption(.autoRead, value: false)
            let pipeline = channel.pipeline.syncOperations
            let watch = ReceiveWatch(handler)
            try pipeline.addHandler(watch)
            try pipeline.addHandler(decoder)
            try pipeline.addHandler(handler)
            try pipeline.addHandler(HTTPResponseEncoder())
            try pipeline.addHandler(RoutedAnswerHandler(handler, watch, stream))
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
            return try NIOAsyncChannel(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    func handle(value: Value, logger: Logger) async {
        await handleHTTP(asyncChannel: value, logger: logger)
    }
}
