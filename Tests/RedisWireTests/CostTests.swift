import CLibrary
import Foundation
import Logging
import NIOCore
import NIOPosix
import RedisServers
import RedisWire
import Synchronization
import Testing

/// What a call costs the client, as CPU time of its loop's thread, on which nothing else runs.
@Suite("A call costs the client little", .timeLimit(.minutes(5)))
struct CostTests {
    /// Callers that call again from their callback, so that all of it happens on the loop.
    private final class Callers: Sendable {
        private let client: RedisClient
        private let command: RedisCommand
        private let left: Atomic<Int>
        private let busy: Atomic<Int>
        private let done: @Sendable () -> Void

        init(
            _ count: Int, calls: Int, _ command: RedisCommand, of client: RedisClient,
            done: @escaping @Sendable () -> Void
        ) {
            self.client = client
            self.command = command
            self.done = done
            left = Atomic(calls)
            busy = Atomic(count)
            client.eventLoop.execute { for _ in 0..<count { self.ask() } }
        }

        private func ask() {
            guard left.subtract(1, ordering: .relaxed).newValue >= 0 else {
                if busy.subtract(1, ordering: .relaxed).newValue == 0 { done() }
                return
            }
            client.call(command, for: nil) { outcome in
                #expect(outcome.isGood)
                self.ask()
            }
        }
    }

    private static func cpuOfThread() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
    }

    @Test("64 callers on one connection cost a few microseconds of CPU a call; the limit is far above that")
    func cost() async throws {
        let server = try RedisServer()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        try await withClient(configuration(server.node), on: group) { client in
            let library =
                "#!lua name=cost\nredis.register_function('count', function(k, a) return {redis.call('INCR', k[1]), a[1]} end)"
            _ = try await client.call(RedisCommand("FUNCTION", "LOAD", library), for: nil)
            let calls = 50_000
            for command in [RedisCommand("PING"), RedisCommand("FCALL", "count", "1", "{event}:count", "123456")] {
                let start = try await client.eventLoop.submit { Self.cpuOfThread() }.get()
                await withCheckedContinuation { continuation in
                    _ = Callers(64, calls: calls, command, of: client) { continuation.resume() }
                }
                let spent = try await client.eventLoop.submit { Self.cpuOfThread() }.get() - start
                print("CPU of the client a call, \(command): \(spent / Double(calls)) µs")
                // 1 to 2 in a release build, and some 20 in a debug build.
                #expect(spent / Double(calls) < 100)
            }
        }
        try await group.shutdownGracefully()
    }
}
