import BoxOffice
import StoreContract
import Testing

/// The embedded store, command for command against the core.
@Suite("The embedded store keeps the contract")
struct ContractTests {
    @Test("Every answer and every count is the core's", arguments: UInt64(1)...12)
    func plain(seed: UInt64) async throws {
        let breaches = try await StoreContract().breaches(of: TestStore(), seed: seed)
        #expect(breaches == [])
    }

    @Test("With a restart after every few commands they are, too", arguments: UInt64(101)...106)
    func restarts(seed: UInt64) async throws {
        var contract = StoreContract()
        contract.commands = 240
        contract.restartsEvery = 12
        contract.limits.recoveryGrace = .seconds(5)
        let breaches = try await contract.breaches(of: TestStore(limits: contract.limits), seed: seed)
        #expect(breaches == [])
    }

    @Test("They are, too, when ended holds are answered from the ledger", arguments: UInt64(201)...204)
    func forgetting(seed: UInt64) async throws {
        var contract = StoreContract()
        contract.commands = 5_000
        var limits = Limits()
        limits.settledHolds = 0
        limits.recalledHolds = 3
        let breaches = try await contract.breaches(of: TestStore(limits: limits), seed: seed)
        #expect(breaches == [])
    }
}
