import NIOCore
import NIOPosix
import RedisWire
import Synchronization
import Workload

/// Answers `ECHO` correctly and in order, and otherwise as badly as a server may: in pieces, late, with push messages in
/// between, and sometimes it closes the connection. All of it follows from a seed and the order of the commands.
struct MoodyServer {
    private let channel: any Channel

    /// - Parameter isHangingUp: whether it closes connections at random.
    static func start(seed: UInt64, isHangingUp: Bool) async throws -> MoodyServer {
        let turns = Turns()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let turn = turns.count.add(1, ordering: .relaxed).newValue
                    try channel.pipeline.syncOperations.addHandler(
                        Mood(seed: seed &+ turn &* 1_000_003, isHangingUp: isHangingUp))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return MoodyServer(channel: channel)
    }

    var node: RedisNode { RedisNode(host: "127.0.0.1", port: channel.localAddress?.port ?? 0) }

    func stop() async throws { try await channel.close() }

    /// Each connection has a random sequence of its own.
    private final class Turns: Sendable {
        let count = Atomic<UInt64>(0)
    }

    private final class Mood: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private var reader = RESPReader(limits: RESPLimits())
        private var seed: SeededGenerator
        /// Commands that it answers before it closes the connection.
        private var patience: Int
        private var unsent = ByteBuffer()
        private var isWaiting = false

        init(seed: UInt64, isHangingUp: Bool) {
            self.seed = SeededGenerator(seed: seed)
            patience = isHangingUp ? self.seed.number(in: 1...120) : .max
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            reader.feed(unwrapInboundIn(data))
            while let command = try? reader.next() { answer(command) }
            if patience <= 0 { return context.close(promise: nil) }
            send(context)
        }

        private func answer(_ command: RedisReply) {
            patience -= 1
            if seed.chance(20) { unsent.writeString(">2\r\n+invalidate\r\n*1\r\n$3\r\nkey\r\n") }
            guard let arguments = try? command.array(), let name = try? arguments[0].text(), name == "ECHO",
                let text = try? arguments[1].text()
            else {
                _ = unsent.writeString("%0\r\n")
                return
            }
            if seed.chance(10) { unsent.writeString("|1\r\n+mood\r\n:7\r\n") }
            unsent.writeString("$\(text.utf8.count)\r\n\(text)\r\n")
        }

        /// Some bytes now, and the others later.
        private func send(_ context: ChannelHandlerContext) {
            guard !isWaiting, unsent.readableBytes > 0 else { return }
            let count = seed.chance(60) ? unsent.readableBytes : seed.number(in: 1...min(unsent.readableBytes, 40))
            guard let part = unsent.readSlice(length: count) else { return }
            context.writeAndFlush(wrapOutboundOut(part), promise: nil)
            isWaiting = true
            let pause = TimeAmount.microseconds(Int64(seed.chance(5) ? 15_000 : seed.number(in: 0...300)))
            context.eventLoop.assumeIsolated().scheduleTask(in: pause) {
                self.isWaiting = false
                if context.channel.isActive { self.send(context) }
            }
        }
    }
}
