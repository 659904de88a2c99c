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
    package func add(to channel: any Channel) throws {
        let decoder = RequestDecoder.makeDecoder(context.configuration)
        let handler = FastPathHandler(loop: context, sink: sink, streams: streams, behind: decoder)
        try channel.syncOptions?.setOption(.autoRead, value: false)
        // NIO would read four times, and the watch keep it all.
        try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
        let pipeline = channel.pipeline.syncOperations
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
