internal import Logging
internal import NIOCore
internal import NIOExtras
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization

/// Listens at every address of a service, and hands the connections to the channels of the service.
struct ServiceListeners: Sendable {
    /// Connections that are accepted in one turn of the loop that listens. An on-sale opens many at once; NIO's four are
    /// slow then.
    static let acceptedAtOnce = 64

    private struct Bound: Sendable {
        let channel: NIOAsyncChannel<ServiceChannel.Value, Never>
        let setup: ServiceChannel
        let quiescing: ServerQuiescingHelper
        /// As people write the address.
        let text: String
        /// The socket's file, to be removed at the end.
        let file: UnixSocket?
    }

    let configuration: ServiceConfiguration
    let group: MultiThreadedEventLoopGroup
    let gate: AcceptGate
    let logger: Logger
    let makeChannel: @Sendable (ListenAddress) -> ServiceChannel

    /// Serves until a graceful shutdown, and until then all connections are closed.
    ///
    /// If one of the addresses accepts nothing more, the service stops: it would live on unseen, and nobody could reach it
    /// there.
    ///
    /// - Parameter whenListening: called with the addresses once connections are accepted.
    /// - Throws: ``ListenFailure`` if one of the addresses cannot be listened at; then none is. ``ListenerEnded`` if one of
    ///   them accepts nothing more, when all connections are closed.
    func run(_ whenListening: @Sendable ([String]) async -> Void) async throws {
        var bound: [Bound] = []
        for address in configuration.addresses {
            do {
                bound.append(try await bind(address))
            } catch {
                for other in bound {
                    try? await other.channel.executeThenClose { _ in }
                    other.file?.remove()
                }
                throw ListenFailure(address.text(), error)
            }
        }
        let listeners = bound
        let shutDown: @Sendable () -> Void = {
            for listener in listeners { listener.quiescing.initiateShutdown(promise: nil) }
        }
        let ended = FirstEnd()
        await withGracefulShutdownHandler {
            await whenListening(listeners.map(\.text))
            await withDiscardingTaskGroup { tasks in
                for listener in listeners {
                    tasks.addTask {
                        await accept(listener) { reason in
                            guard !Task.isShuttingDownGracefully, !Task.isCancelled else { return }
                            if ended.note(ListenerEnded(address: listener.text, reason: reason)) { shutDown() }
                        }
                    }
                }
            }
        } onGracefulShutdown: {
            shutDown()
        }
        for listener in listeners { listener.file?.remove() }
        if let ended = ended.known { throw ended }
    }

    /// Serves the connections that one address accepts, until all of them are closed.
    ///
    /// - Parameter end: called when it accepts nothing more.
    private func accept(_ listener: Bound, _ end: @Sendable ((any Error)?) -> Void) async {
        await withDiscardingTaskGroup { tasks in
            var reason: (any Error)?
            do {
                try await listener.channel.executeThenClose { connections in
                    for try await connection in connections {
                        tasks.addTask { await listener.setup.handle(value: connection, logger: logger) }
                    }
                }
            } catch {
                reason = error
            }
            end(reason)
        }
    }

    private func bind(_ address: ListenAddress) async throws -> Bound {
        let setup = makeChannel(address)
        let quiescing = ServerQuiescingHelper(group: group)
        let bootstrap = bootstrap(address, quiescing)
        let initialize: @Sendable (any Channel) -> EventLoopFuture<ServiceChannel.Value> = { [logger] channel in
            setup.setup(channel: channel, logger: logger)
        }
        var file: UnixSocket?
        let channel: NIOAsyncChannel<ServiceChannel.Value, Never>
        switch address {
        case .tcp(let host, let port, _):
            channel = try await bootstrap.bind(host: host, port: port, childChannelInitializer: initialize)
        case .inherited(let descriptor, _, _):
            channel = try await bootstrap.bind(descriptor, childChannelInitializer: initialize)
        case .unix(let path, let mode):
            let made = try UnixSocket(path: path, mode: mode)
            file = made
            do {
                channel = try await bootstrap.bind(made.descriptor, childChannelInitializer: initialize)
            } catch {
                made.remove()
                throw error
            }
        }
        return Bound(
            channel: channel, setup: setup, quiescing: quiescing,
            text: address.text(port: channel.channel.localAddress?.port), file: file)
    }

    private func bootstrap(_ address: ListenAddress, _ quiescing: ServerQuiescingHelper) -> ServerBootstrap {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: numericCast(configuration.backlog))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // Connections inherit it. By default the kernel keeps megabytes for a client that does not read, and reports
            // a slow client's progress once in minutes.
            .serverChannelOption(.socketOption(.so_sndbuf), value: SocketOptionValue(configuration.kernelBytes))
            .serverChannelOption(.maxMessagesPerRead, value: UInt(Self.acceptedAtOnce))
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .serverChannelInitializer { [gate] channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(AcceptGateHandler(gate))
                    try pipeline.addHandler(quiescing.makeServerChannelHandler(channel: channel))
                }
            }
        guard address.isSixOnly(among: configuration.addresses) else { return bootstrap }
        return
            bootstrap
            .serverChannelOption(ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only), value: 1)
    }
}

/// Which of the addresses accepted nothing more before any other.
private final class FirstEnd: Sendable {
    private let end = Mutex<ListenerEnded?>(nil)

    var known: ListenerEnded? { end.withLock { $0 } }

    /// - Returns: whether it is the first.
    func note(_ other: ListenerEnded) -> Bool {
        end.withLock { end in
            guard end == nil else { return false }
            end = other
            return true
        }
    }
}
