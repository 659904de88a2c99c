import BoxOffice
import EmbeddedStore
import Foundation
import Logging
import NIOPosix
import RedisServers
import RedisStore
import RedisWire
import StoreContract
import Synchronization
import TicketStore

/// The time that a test sets.
private final class ShownTime: Sendable {
    let now = Mutex(
        ClockReading(
            monotonic: MonotonicTime(nanoseconds: 1_000_000_000_000), wall: WallTime(milliseconds: 1_000_000)))
}

/// A node on Redis, with its client.
final class MovedNode: Sendable {
    let client: RedisClient
    let store: RedisStore
    private let run: Task<Void, any Error>

    /// A node whose functions have a test's clock.
    fileprivate convenience init(_ server: RedisServer, _ limits: Limits, clock: FunctionClock) async throws {
        try await self.init(on: .standalone(RedisNode(host: "127.0.0.1", port: server.port)), limits) {
            $0.rewriteFunctions = { clock.put(into: $0) }
        }
    }

    convenience init(onCluster cluster: RedisCluster) async throws {
        try await self.init(on: .cluster(cluster.servers.map { RedisNode(host: "127.0.0.1", port: $0.port) }), Limits())
    }

    private init(
        on servers: RedisConfiguration.Servers, _ limits: Limits,
        change: (inout RedisStore.Configuration) -> Void = { _ in }
    ) async throws {
        var address = RedisConfiguration(servers: servers)
        address.timeouts.call = .seconds(30)
        let client = try RedisClient(
            configuration: address, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: .quiet)
        self.client = client
        run = Task { try await client.run() }
        var configuration = RedisStore.Configuration(limits: limits)
        configuration.durability = .relaxed
        configuration.mendsByItself = false
        change(&configuration)
        do {
            store = try await RedisStore(configuration, client: client, isCluster: address.isCluster, logger: .quiet)
        } catch {
            client.stop()
            throw error
        }
    }

    deinit {
        store.stop()
        client.stop()
    }
}

/// A sale that begins in a data directory and moves to Redis at its first restart. At later ones the server restarts, or the
/// sale moves back and forth.
final class MovingStore: ContractSubject {
    private let limits: Limits
    private let comesBack: Bool
    private let room: String
    private let time = ShownTime()
    private var embedded: EmbeddedStore
    private let server: RedisServer
    private let clock = FunctionClock()
    private var node: MovedNode?
    private var current: any TicketStore & SalesLedger
    private var moment = Moment(office: .zero, wall: WallTime(milliseconds: 0))
    private var life = 1
    var renumbers: Bool { comesBack }
    /// How often the sale moved.
    private(set) var moves = 0

    init(limits: Limits, comesBack: Bool = false) throws {
        self.limits = limits
        self.comesBack = comesBack
        room = NSTemporaryDirectory() + "/holdfast-move-\(UUID().uuidString)"
        server = try RedisServer()
        embedded = try Self.open(room + "/data", limits, time)
        current = embedded
    }

    deinit {
        embedded.stop()
        try? FileManager.default.removeItem(atPath: room)
    }

    private static func open(_ directory: String, _ limits: Limits, _ time: ShownTime) throws -> EmbeddedStore {
        var configuration = EmbeddedStore.Configuration(directory: directory, limits: limits)
        configuration.durability = .relaxed
        configuration.clock = { time.now.withLock { $0 } }
        return try EmbeddedStore(configuration, logger: .quiet)
    }

    var redis: RedisStore? { node?.store }
    var store: any TicketStore { current }
    var ledger: any SalesLedger { current }
    var identity: [UInt8] { node?.store.ledgerIdentity ?? embedded.ledgerIdentity }
    var series: [HoldSeries] { node?.store.series ?? embedded.series }
    /// Where the sale is, if it is in a data directory.
    var directory: String { embedded.configuration.directory }

    func advance(to moment: Moment) async throws {
        self.moment = moment
        if let node { return try await show(moment, on: node.client) }
        // The store takes a longer step for a pause of the process.
        while true {
            let behind = moment.office.since(embedded.now.office)
            guard behind > .zero else { break }
            time.now.withLock { $0.monotonic.nanoseconds += min(behind, .milliseconds(900)).inMilliseconds * 1_000_000 }
        }
        time.now.withLock { $0.wall = moment.wall }
    }

    private func show(_ moment: Moment, on client: RedisClient) async throws {
        var command = RedisCommand("FCALL")
        for word in clock.shows(moment, life: life) { command.append(word) }
        for answer in await client.callEachMaster(command) { _ = try answer.outcome.get() }
    }

    func restart() async throws {
        if node == nil {
            try await moveToRedis()
        } else if comesBack {
            try await moveBack()
        } else {
            life += 1
            try await advance(to: moment)
        }
        _ = try await counts()
    }

    func moveToRedis() async throws {
        let file = try export()
        let first = try await open()
        _ = try await SaleMove(into: first.store).take(ArchivedSale(file))
        // A node that starts on the moved sale.
        let node = try await open()
        self.node = node
        current = RenumberedStore(node.store, node.store.numbering)
        moves += 1
    }

    func moveBack() async throws {
        guard let node else { return }
        let file = room + "/back-\(moves)"
        let sale = try await DepartingSale(closing: node.store)
        _ = try await SaleArchive.write(sale, to: file, endingAt: moment.office)
        self.node = nil
        let directory = room + "/data-\(moves)"
        _ = try SaleArchive.restore(file, into: directory)
        // The next move finds an empty server.
        try server.ask("FLUSHALL")
        embedded = try Self.open(directory, limits, time)
        current = embedded.numbering.isEmpty ? embedded : RenumberedStore(embedded, embedded.numbering)
        moves += 1
    }

    func counts() async throws -> [PoolCount] {
        guard let node else { return embedded.counts() }
        return try await node.store.counts()
    }

    /// Stops the embedded store and exports its sale.
    func export() throws -> String {
        embedded.stop()
        let file = room + "/sale-\(moves)"
        _ = try SaleArchive.export(from: directory, to: file)
        return file
    }

    func open() async throws -> MovedNode {
        let node = try await MovedNode(server, limits, clock: clock)
        // The functions know the moment before they decide.
        try await show(embedded.now, on: node.client)
        return node
    }

    func stop() async throws {
        embedded.stop()
        current = embedded
        node = nil
    }

    // MARK: The server

    /// The keys of the sale, without those of a node that starts.
    func keys() throws -> [String] {
        let own = ["identity", "key-secret", "layout"].map { "holdfast:{events}:\($0)" }
        return try server.ask("KEYS", "holdfast:*").split(separator: "\n").map(String.init).filter { !own.contains($0) }
            .sorted()
    }

    func removeLeftovers() async throws {
        try await withClient { try await SaleMove.removeLeftovers(prefix: "holdfast", isCluster: false, $0) }
    }

    /// - Returns: whether there was an export to undo.
    func undo() async throws -> Bool {
        try await withClient { client in
            var opened: MovedNode?
            let wasExported = try await DepartingSale.undo(prefix: "holdfast", isCluster: false, client) {
                let node = try await open()
                opened = node
                return node.store
            }
            withExtendedLifetime(opened) {}
            return wasExported
        }
    }

    private func withClient<Value>(_ body: (RedisClient) async throws -> Value) async throws -> Value {
        let address = RedisConfiguration(servers: .standalone(.init(host: "127.0.0.1", port: server.port)))
        let client = try RedisClient(
            configuration: address, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: .quiet)
        async let run: Void = client.run()
        let value = try await body(client)
        client.stop()
        try await run
        return value
    }

    /// What a move leaves behind whose process dies.
    func breakOff() throws {
        try server.ask("SET", "holdfast:{events}:layout", "move under way")
        try server.ask("HSET", "holdfast:{events}", "next", "2")
        try server.ask("HSET", "holdfast:{1}:holds", "1", "x")
    }
}

/// Replaces the clock of the functions by one that a test sets.
struct FunctionClock: Sendable {
    private let name = "test_clock_\(UInt64.random(in: 0...UInt64.max))"

    func put(into functions: String) -> String {
        let clock = functions.range(of: "-- The one place that reads a clock")?.lowerBound ?? functions.startIndex
        let head = functions.range(of: "-- An event as it stands")?.lowerBound ?? functions.startIndex
        return functions[..<clock] + """
            local test_ticks, test_wall, test_run = 0, 0, 1
            redis.register_function('\(name)', function(keys, args)
              test_ticks, test_wall, test_run = tonumber(args[1]), tonumber(args[2]), tonumber(args[3])
              return 1
            end)
            local function this_run() return test_run end
            local function read_clocks() return test_ticks, test_wall end
            local function read_fine_clock() return math.floor(test_ticks * 62.5) end
            local longest_gap, noticed_absence = 1e300, 1000
            local most_settled = 2000

            """ + functions[head...]
    }

    func shows(_ moment: Moment, life: Int) -> [String] {
        [name, "0", "\(moment.office.milliseconds)", "\(moment.wall.milliseconds)", "\(life)"]
    }
}

extension Logger {
    static var quiet: Logger {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }
}
