import BoxOffice
import StoreContract
import Testing

/// The store on Redis, command by command against the core.
@Suite("The store on Redis keeps the contract", .serialized)
struct ContractTests {
    @Test("Every answer and every count is the core's", arguments: UInt64(1)...12)
    func plain(seed: UInt64) async throws {
        let breaches = try await StoreContract().breaches(of: RedisSubject(), seed: seed)
        #expect(breaches == [])
    }

    @Test("They are so if the server restarts after every few commands", arguments: UInt64(101)...106)
    func restarts(seed: UInt64) async throws {
        let contract = StoreContract.withRestarts
        let breaches = try await contract.breaches(of: RedisSubject(limits: contract.limits), seed: seed)
        #expect(breaches == [])
    }

    @Test("They are so if many commands come at once", arguments: UInt64(401)...406)
    func together(seed: UInt64) async throws {
        let contract = StoreContract.withCrowds
        let breaches = try await contract.breaches(of: RedisSubject(limits: contract.limits), seed: seed)
        #expect(breaches == [])
    }

    @Test("They are so with queues", arguments: UInt64(501)...512)
    func queues(seed: UInt64) async throws {
        let breaches = try await StoreContract.withQueues.breaches(of: RedisSubject(), seed: seed)
        #expect(breaches == [])
    }

    @Test("They are so with a queue if many commands come at once", arguments: UInt64(601)...604)
    func queuedTogether(seed: UInt64) async throws {
        var contract = StoreContract.withQueues
        (contract.commands, contract.events, contract.together) = (1_200, 1, 20)
        let breaches = try await contract.breaches(of: RedisSubject(), seed: seed)
        #expect(breaches == [])
    }

    @Test("They are so if one call counts at most three entries that ended", arguments: UInt64(301)...304)
    func bounded(seed: UInt64) async throws {
        let breaches = try await StoreContract().breaches(
            of: RedisSubject(mostSettled: 3), seed: seed)
        #expect(breaches == [])
    }
}

extension StoreContract {
    /// Some commands of a crowd come while the first call is under way, and are decided in one call.
    static var withCrowds: StoreContract {
        var contract = StoreContract()
        contract.commands = 2_000
        contract.events = 1
        contract.together = 40
        // So few that a crowd reaches the limit (R21 Bounds).
        contract.limits.liveHolds = 4
        return contract
    }

    /// Half of the commands are for queues.
    static var withQueues: StoreContract {
        var contract = StoreContract()
        contract.queues = 50
        return contract
    }

    /// One command after the other, so that holds are released before time ends them.
    static var withFewHolds: StoreContract {
        var contract = StoreContract()
        contract.events = 1
        contract.limits.liveHolds = 2
        return contract
    }

    /// The grace is as long as the shortest hold. With a longer one, a younger hold within the grace would live as long as the
    /// older ones here (`Lua/away.lua`), and shorter in the core.
    static var withRestarts: StoreContract {
        var contract = StoreContract()
        contract.commands = 240
        contract.restartsEvery = 12
        contract.limits.recoveryGrace = .seconds(1)
        return contract
    }
}
