import BoxOffice
import Foundation
import RedisServers
import RedisStore
import StoreContract
import Testing
import TicketStore

/// An event in parts, command for command against the core, which has nothing to split.
@Suite("An event in parts is decided as one that is whole", .serialized)
struct PartsContractTests {
    static func breaches(
        _ servers: TestServers, parts: Int, seed: UInt64, contract: StoreContract = StoreContract(),
        mostSettled: Int = 2_000, plant: @escaping @Sendable (String) -> String = { $0 }
    ) async throws -> [String] {
        let subject = try await RedisSubject(
            servers: servers, prefix: "s\(seed)-\(UUID().uuidString.prefix(8))", limits: contract.limits,
            mostSettled: mostSettled, plant: plant)
        var contract = contract
        contract.parts = parts
        let breaches = try await contract.breaches(of: subject, seed: seed)
        if breaches.isEmpty { #expect(try await subject.node.store.recount().broken == nil) }
        return breaches
    }

    @Test("On one server every answer and every count is the core's", arguments: [2, 3, 5])
    func oneServer(parts: Int) async throws {
        let server = try RedisServer()
        for seed in UInt64(1)...5 {
            let breaches = try await Self.breaches(.one(server), parts: parts, seed: seed + UInt64(parts) * 1_000)
            #expect(breaches == [])
        }
        let breaches = try await Self.breaches(
            .one(server), parts: parts, seed: 1, mostSettled: 3)
        #expect(breaches == [])
    }

    @Test("So they are when the servers are others after every few commands", arguments: [2, 3])
    func restarts(parts: Int) async throws {
        let server = try RedisServer()
        for seed in UInt64(101)...106 {
            let breaches = try await Self.breaches(.one(server), parts: parts, seed: seed, contract: .withRestarts)
            #expect(breaches == [])
        }
    }

    @Test("On a cluster they are, too")
    func cluster() async throws {
        let cluster = try RedisCluster()
        for seed in UInt64(1)...12 {
            let breaches = try await Self.breaches(.cluster(cluster), parts: [2, 3, 5][Int(seed % 3)], seed: seed)
            #expect(breaches == [])
        }
    }

    static let mistakes = [
        PlantedMistake(
            "the parts have more together than the event",
            "return terms.part < total - least * terms.parts and",
            "return terms.part <= total - least * terms.parts and"
        ),
        PlantedMistake(
            "a new capacity takes back what moved", "event.capacity[pool] + share(total, terms) - share(was, terms)",
            "share(total, terms)"),
        PlantedMistake(
            "after a capacity was lowered each part sells what it has (rule 1)",
            "if total < was then event.stopped[pool] = 1 end", ""),
        PlantedMistake(
            "what is stopped is sold (rule 1)", "return event.stopped[pool] == 1 and 0 or spare(event, pool)",
            "return spare(event, pool)"),
        PlantedMistake(
            "places are taken that are held (rule 1)", "max(0, min(wanted, spare(event, pool)))",
            "max(0, min(wanted, event.capacity[pool]))"),
        PlantedMistake(
            "places that leave stay, too (rule 1)", "set_capacity(event, pool, event.capacity[pool] - quantity) end",
            "set_capacity(event, pool, event.capacity[pool]) end"),
        PlantedMistake(
            "places do not arrive (rule 2)", "set_capacity(event, pool, event.capacity[pool] + quantity)", ""),
        PlantedMistake(
            "a part gives fewer where all of them would have all",
            "if not command.takes_fewer or command.is_whole then return refusal end",
            "if not command.takes_fewer then return refusal end"),
        PlantedMistake(
            "a late payment is refused though another part has places (rule 9)",
            "if event.terms.parts and not is_final then", "if false then"),
        PlantedMistake(
            "an event is cut anew", "if parts ~= asked.parts then", "if false then"),
        PlantedMistake(
            "an event in parts drops a pool", "found[#found + 1] = pack('<BBc0', OBSTACLE.pool_in_parts, #code, code)",
            ""),
        PlantedMistake(
            "other parts are not paused with the first",
            "local is_news = terms.revision > event.terms.revision or", "local is_news ="),
    ]

    @Test("The contract catches mistakes that are planted in what parts do")
    func planted() async throws {
        try await expect(Self.mistakes, toBeCaughtBy: StoreContract())
    }

    @Test("The contract with restarts catches mistakes that are planted in the recovery grace")
    func plantedInGrace() async throws {
        try await expect(PlantedMistake.inRestarts, toBeCaughtBy: .withRestarts)
    }

    private func expect(_ mistakes: [PlantedMistake], toBeCaughtBy contract: StoreContract) async throws {
        let server = try RedisServer()
        for mistake in mistakes {
            var isCaught = false
            for seed in UInt64(1)...20 where !isCaught {
                isCaught = try await !Self.breaches(
                    .one(server), parts: 3, seed: seed, contract: contract, plant: mistake.planted
                ).isEmpty
            }
            #expect(isCaught, "\(mistake.name): not caught")
        }
    }
}
