import BoxOffice
import Foundation
import Logging
import NIOCore
import NIOPosix
import RedisServers
import RedisStore
import RedisWire
import StoreContract
import Testing
import TicketStore

/// Servers that a node asks.
enum TestServers: Sendable {
    case one(RedisServer)
    case cluster(RedisCluster)

    var configuration: RedisConfiguration {
        switch self {
        case .one(let server):
            RedisConfiguration(servers: .standalone(.init(host: "127.0.0.1", port: server.port)))
        case .cluster(let cluster):
            RedisConfiguration(servers: .cluster(cluster.servers.map { .init(host: "127.0.0.1", port: $0.port) }))
        }
    }
}

extension TestServers {
    var first: RedisServer {
        switch self {
        case .one(let server): server
        case .cluster(let cluster): cluster.servers[0]
        }
    }
}

/// A node: a store on a server of its own or a shared one, with its client.
///
/// The node stops with its last reference, and its store then answers `.closing`. So keep it in a variable while its store is
/// used: `TestNode(server).store.counts()` may stop it too early.
final class TestNode: Sendable {
    let servers: TestServers
    let client: RedisClient
    let store: RedisStore
    private let run: Task<Void, any Error>

    convenience init(
        _ server: RedisServer, limits: Limits = Limits(), callTimeout: Duration = .seconds(30),
        change: (inout RedisStore.Configuration) -> Void = { _ in }
    ) async throws {
        try await self.init(.one(server), limits: limits, callTimeout: callTimeout, change: change)
    }

    init(
        _ servers: TestServers, limits: Limits = Limits(), callTimeout: Duration = .seconds(30), user: String? = nil,
        timeouts: RedisConfiguration.Timeouts? = nil,
        change: (inout RedisStore.Configuration) -> Void = { _ in }
    ) async throws {
        self.servers = servers
        var address = servers.configuration
        address.user = user
        if let timeouts { address.timeouts = timeouts }
        address.timeouts.call = callTimeout
        let client = try RedisClient(
            configuration: address, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: .quiet)
        self.client = client
        run = Task { try await client.run() }
        var configuration = RedisStore.Configuration(limits: limits)
        // Most tests are about what is decided; those about durability say so.
        configuration.durability = .relaxed
        change(&configuration)
        store = try await RedisStore(configuration, client: client, isCluster: address.isCluster, logger: .quiet)
    }

    var server: RedisServer { servers.first }

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

extension TestNode {
    /// Expects that the outcome of a command is unknown.
    func expectUnknown(_ command: Command, sourceLocation: SourceLocation = #_sourceLocation) async {
        let reply = await store.perform(command)
        guard case .failed(.outcomeUnknown) = reply else {
            Issue.record("\(reply)", sourceLocation: sourceLocation)
            return
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

/// Replaces the server's clock and its run by those that a test sets.
struct TestClock: Sendable {
    /// Functions of two libraries on one server need different names.
    private let name = "test_clock_\(UInt64.random(in: 0...UInt64.max))"
    private let longestGap: String
    private let mostSettled: Int
    /// A server without functions keeps nothing between calls of a script: there the clock is in its data.
    private let isFunction: Bool

    init(on server: RedisServer, longestGap: String = "1e300", mostSettled: Int = 2_000) throws {
        self.longestGap = longestGap
        self.mostSettled = mostSettled
        isFunction = try server.hasFunctions
    }

    func put(into functions: String) -> String {
        let clock = functions.range(of: "-- The one place that reads a clock")?.lowerBound ?? functions.startIndex
        let head = functions.range(of: "-- An event as it stands")?.lowerBound ?? functions.startIndex
        return functions[..<clock] + (isFunction ? inFunctions : inData) + """
            local function this_run() return test_run end
            local function read_clocks() return test_ticks, test_wall end
            local function read_fine_clock() return math.floor(test_ticks * 62.5) end
            local longest_gap, noticed_absence = \(longestGap), 1000
            local most_settled = \(mostSettled)

            """ + functions[head...]
    }

    /// The command that sets the server's clock and run.
    func shows(ticks: Int64, wall: Int64, life: Int = 1) -> [String] {
        isFunction
            ? ["FCALL", "set_\(name)", "0", "\(ticks)", "\(wall)", "\(life)"]
            : ["SET", name, "\(ticks) \(wall) \(life)"]
    }

    private var inFunctions: String {
        """
        local test_ticks, test_wall, test_run = 0, 0, 1
        redis.register_function('set_\(name)', function(keys, args)
          test_ticks, test_wall, test_run = tonumber(args[1]), tonumber(args[2]), tonumber(args[3])
          return 1
        end)

        """
    }

    private var inData: String {
        """
        local test_ticks, test_wall, test_run =
          string.match(redis.call('GET', '\(name)') or '0 0 1', '(%d+) (%d+) (%d+)')
        test_ticks, test_wall, test_run = tonumber(test_ticks), tonumber(test_wall), tonumber(test_run)

        """
    }
}

/// A node under the contract, with a clock that the test sets.
final class RedisSubject: ContractSubject {
    let node: TestNode
    private let clock: TestClock
    private var life = 1
    private var moment = Moment(office: .zero, wall: WallTime(milliseconds: 0))

    /// - Parameter plant: puts a mistake into the functions.
    init(
        servers: TestServers? = nil, prefix: String = "holdfast", limits: Limits = Limits(),
        longestGap: String = "1e300", mostSettled: Int = 2_000,
        plant: @escaping @Sendable (String) -> String = { $0 }
    ) async throws {
        let servers = try servers ?? .one(RedisServer())
        let clock = try TestClock(on: servers.first, longestGap: longestGap, mostSettled: mostSettled)
        self.clock = clock
        node = try await TestNode(servers, limits: limits) {
            $0.prefix = prefix
            // A node must not correct the effects of a planted mistake.
            $0.mendsByItself = false
            $0.rewriteFunctions = { plant(clock.put(into: $0)) }
        }
    }

    var store: any TicketStore { node.store }

    func advance(to moment: Moment) async throws {
        self.moment = moment
        let words = clock.shows(
            ticks: moment.office.milliseconds, wall: moment.wall.milliseconds, life: life)
        var command = RedisCommand(words[0])
        for word in words.dropFirst() { command.append(word) }
        for answer in await node.client.callEachMaster(command) { _ = try answer.outcome.get() }
    }

    /// Restarts the server, which loses nothing.
    func restart() async throws {
        life += 1
        try await advance(to: moment)
        _ = try await counts()
    }

    func counts() async throws -> [PoolCount] {
        try await node.store.counts()
    }
}

/// Set once.
final class Flag: @unchecked Sendable {
    private let lock = NSLock()
    private var value = false

    var isSet: Bool { lock.withLock { value } }

    func set() { lock.withLock { value = true } }

    /// Blocks its thread until then, for at most a minute: for code that is not asynchronous.
    func waitUntilSet() {
        for _ in 0..<60_000 where !isSet { usleep(1_000) }
    }
}
