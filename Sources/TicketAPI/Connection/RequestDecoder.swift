internal import NIOCore
internal import NIOHTTP1

/// Makes the decoder in front of the fast path.
enum RequestDecoder {
    typealias Decoder = ByteToMessageHandler<HTTPRequestDecoder>

    static func makeDecoder(_ configuration: ServiceConfiguration) -> Decoder {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = configuration.headerBytes
        limits.maxHeaderListSize = configuration.headerBytes
        limits.maxHeaderFieldCount = configuration.headerFields
        return ByteToMessageHandler(
            // Bytes are left over only when a decoder is replaced; the next decoder gets them.
            HTTPRequestDecoder(
                leftOverBytesStrategy: .forwardBytes, informationalResponseStrategy: .forward,
                limitConfiguration: limits))
    }

    /// Replaces the decoder of a connection with a fresh one.
    ///
    /// The decoder stops behind a request that offers an upgrade, as if the connection now spoke another protocol. We
    /// accept no offer (RFC 9110, 7.8), so what follows is the next request.
    ///
    /// - Precondition: `stopped` has stopped: in the middle of a request it would lose it.
    /// - Returns: the fresh decoder, and a future that succeeds when it has read what the old one had left over.
    static func replace(
        _ stopped: Decoder, in context: ChannelHandlerContext, _ configuration: ServiceConfiguration
    ) throws -> (Decoder, EventLoopFuture<Void>) {
        let pipeline = context.pipeline.syncOperations
        let fresh = makeDecoder(configuration)
        try pipeline.addHandler(fresh, position: .after(stopped))
        return (fresh, pipeline.removeHandler(stopped))
    }
}
