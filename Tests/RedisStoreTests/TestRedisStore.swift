import BoxOffice
import Logging
import NIOCore
import NIOPosix
import RedisStore
import RedisWire
import StoreContract
import TicketStore

/// A node: a store on a server of its own or a shared one, with its client.
final class TestNode {
    let server: RedisServer
    let client: RedisClient
    let store: RedisStore
    private let run: Task<Void, any Error>

    init(
        _ server: RedisServer, clock: String? = nil, limits: Limits = Limits(),
        change: (inout RedisStore.Configuration) -> Void = { _ in }
    ) async throws {
        self.server = server
        let servers = RedisConfiguration(servers: .standalone(.init(host: "127.0.0.1", port: server.port)))
        let client = try RedisClient(
            configuration: servers, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: .quiet)
        self.client = client
        run = Task { try await client.run() }
        var configuration = RedisStore.Configuration(limits: limits)
        configuration.clock = clock
        change(&configuration)
        store = try await RedisStore(configuration, client: client, isCluster: false, logger: .quiet)
    }

    deinit {
        store.stop()
        client.stop()
    }

    func outcome(_ command: Command) async throws -> Outcome {
        switch await store.perform(command) {
        case .decided(let outcome, _): return outcome
        case .failed(let failure): throw failure
        }
    }
}

extension Logger {
    static var quiet: Logger {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }
}

/// The piece of the functions that reads a clock, with one that shows what a test says.
enum TestClockPiece {
    static func text(longestGap: String = "1e300", mostSettled: Int = 2_000) -> String {
        """
        local test_ticks, test_wall = 0, 0
        redis.register_function('set_test_clock', function(keys, args)
          test_ticks, test_wall = tonumber(args[1]), tonumber(args[2])
          return 1
        end)
        local function read_clocks() return test_ticks, test_wall end
        local longest_gap = \(longestGap)
        local most_settled = \(mostSettled)
        """
    }
}

/// A node under the contract, with the server's clock in the test's hand.
final class RedisSubject: ContractSubject {
    let node: TestNode
    private let limits: Limits

    init(limits: Limits = Limits(), mostSettled: Int = 2_000) async throws {
        self.limits = limits
        node = try await TestNode(
            RedisServer(), clock: TestClockPiece.text(mostSettled: mostSettled), limits: limits)
    }

    var store: any TicketStore { node.store }

    func advance(to moment: Moment) async throws {
        let command = RedisCommand(
            "FCALL", "set_test_clock", "0", "\(moment.office.milliseconds)", "\(moment.wall.milliseconds)")
        for answer in await node.client.callEachMaster(command) { _ = try answer.outcome.get() }
    }

    func restart() async throws {}

    func counts() async throws -> [PoolCount] {
        try await node.store.counts()
    }
}
