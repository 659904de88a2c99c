import StoreContract
import Testing

/// R50 Reports, read from Redis in pages.
@Suite("Reports of the store on Redis", .serialized)
struct ReportTests {
    @Test("They say what lists, looks and counts say", arguments: UInt64(1)...3)
    func contract(seed: UInt64) async throws {
        let breaches = try await ReportContract().breaches(of: RedisSubject(), seed: seed)
        #expect(breaches == [])
    }
}
