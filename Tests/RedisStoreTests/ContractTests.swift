import BoxOffice
import StoreContract
import Testing

/// The store on Redis, command for command against the core.
@Suite("The store on Redis keeps the contract", .serialized)
struct ContractTests {
    @Test("Every answer and every count is the core's", arguments: UInt64(1)...12)
    func plain(seed: UInt64) async throws {
        let breaches = try await StoreContract().breaches(of: RedisSubject(), seed: seed)
        #expect(breaches == [])
    }

    @Test("So they are when one call counts no more than three entries that ended", arguments: UInt64(301)...304)
    func bounded(seed: UInt64) async throws {
        let breaches = try await StoreContract().breaches(
            of: RedisSubject(mostSettled: 3), seed: seed)
        #expect(breaches == [])
    }
}
