import Logging
import NIOCore
import NIOPosix
import RedisServers
import RedisWire
import Synchronization
import Testing

/// Runs a client while `body` uses it, and stops it afterwards.
func withClient<Value: Sendable>(
    _ configuration: RedisConfiguration, on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
    _ body: (RedisClient) async throws -> Value
) async throws -> Value {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let client = try RedisClient(
        configuration: configuration, eventLoopGroup: group, logger: logger)
    async let running: Void = client.run()
    let result: Result<Value, any Error>
    do { result = .success(try await body(client)) } catch { result = .failure(error) }
    client.stop()
    try await running
    return try result.get()
}

/// A configuration with timeouts that suit a test.
func configuration(_ node: RedisNode) -> RedisConfiguration {
    var configuration = RedisConfiguration(servers: .standalone(node))
    configuration.timeouts.connect = .seconds(20)
    configuration.timeouts.call = .seconds(30)
    configuration.timeouts.longestBackoff = .milliseconds(100)
    return configuration
}

extension RedisServer {
    /// Waits until a client waits for what nobody has pushed yet (`BLPOP`).
    func hasBlockedClient() async throws {
        try await eventually("a client waits") { try ask("INFO", "clients").contains("blocked_clients:1") }
    }
}

extension RedisClient {
    /// How a call ended, with the failure as a value.
    func outcome(
        _ command: RedisCommand, for key: RedisKey? = nil, within span: Duration? = nil
    ) async -> Outcome {
        do throws(RedisFailure) {
            return .success(try await call(command, for: key, deadline: span.map { .now() + TimeAmount($0) }))
        } catch {
            return .failure(error)
        }
    }
}

/// What the callers that load a server share with the test.
final class Shared<Value: Sendable>: Sendable {
    let value: Mutex<Value>
    let isOver = Atomic(false)

    init(_ value: Value) {
        self.value = Mutex(value)
    }
}

extension RedisClient {
    /// Sends a command many times in one tick of the loop, so that all of them go out in one write.
    func burst(_ command: RedisCommand, times: Int, within span: Duration) async -> [Outcome] {
        await withCheckedContinuation { continuation in
            let outcomes = Shared<[Outcome]>([])
            eventLoop.execute {
                for _ in 0..<times {
                    self.call(command, for: nil, deadline: .now() + TimeAmount(span)) { outcome in
                        let all = outcomes.value.withLock { all in
                            all.append(outcome)
                            return all
                        }
                        if all.count == times { continuation.resume(returning: all) }
                    }
                }
            }
        }
    }
}
