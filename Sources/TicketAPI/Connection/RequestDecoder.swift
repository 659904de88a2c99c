internal import NIOCore
internal import NIOHTTP1

/// The decoder in front of the fast path.
enum RequestDecoder {
    typealias Decoder = ByteToMessageHandler<HTTPRequestDecoder>

    static func makeDecoder(_ configuration: ServiceConfiguration) -> Decoder {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = configuration.headerBytes
        limits.maxHeaderListSize = configuration.headerBytes
        limits.maxHeaderFieldCount = configuration.headerFields
        return ByteToMessageHandler(
            // Bytes are left over only where a decoder is replaced, and are the next one's.
            HTTPRequestDecoder(
                leftOverBytesStrategy: .forwardBytes, informationalResponseStrategy: .forward,
                limitConfiguration: limits))
    }

    /// Replaces the decoder of a connection by a fresh one.
    ///
    /// The decoder stops behind a request that offers an upgrade, as if the connection were given over to another
    /// protocol. We take no offer (RFC 9110, 7.8), and what follows is the next request.
    ///
    /// - Precondition: `stopped` has stopped: one that is in the middle of a request would lose it.
    /// - Returns: the fresh decoder, and when it has what the other one had left over.
    static func replace(
        _ stopped: Decoder, in context: ChannelHandlerContext, _ configuration: ServiceConfiguration
    ) throws -> (Decoder, EventLoopFuture<Void>) {
        let pipeline = context.pipeline.syncOperations
        let fresh = makeDecoder(configuration)
        try pipeline.addHandler(fresh, position: .after(stopped))
        return (fresh, pipeline.removeHandler(stopped))
    }
}
