import NIOCore
import NIOPosix
import RedisWire

/// A server that is not Redis: it answers everything with the same text.
struct Impostor {
    private let channel: any Channel

    static func start(saying text: String) async throws -> Impostor {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Parrot(text: text))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return Impostor(channel: channel)
    }

    var node: RedisNode { RedisNode(host: "127.0.0.1", port: channel.localAddress?.port ?? 0) }

    func stop() async throws { try await channel.close() }

    private final class Parrot: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let text: String

        init(text: String) { self.text = text }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }
    }
}
