import BoxOffice
import EmbeddedStore
import Foundation
import GRDB
import StoreContract
import Testing
import TicketStore

/// R63 Backup: what a store does that goes on from a copy, while another one may have gone on from the same state.
@Suite("A copy gives no number again that was given after it")
struct CopiedLedgerTests {
    @Test(
        "A store that is restored from copies again and again decides as one that stays", arguments: UInt64(641)...643)
    func contract(seed: UInt64) async throws {
        var contract = StoreContract()
        contract.commands = 240
        contract.restartsEvery = 24
        contract.limits.recoveryGrace = .seconds(5)
        let room = try TemporaryDirectory()
        let keys = room.path + "/token.keys"
        try Data("1 00\n".utf8).write(to: URL(fileURLWithPath: keys))
        let subject = try RelocatedStore(limits: contract.limits, renumbers: true) { stopped in
            let copy = room.path + "/copy"
            var backup = DataBackup(of: stopped.directory.path, tokenKeys: keys, to: copy)
            backup.now = { [clock = stopped.clock] in clock.read().wall }
            _ = try backup.make(recounts: true) { _ in }
            return try TemporaryDirectory(movedFrom: copy)
        }
        let breaches = try await contract.breaches(of: subject, seed: seed)
        #expect(breaches == [])
    }

    /// A store that sells, a copy of it, and what it did after that.
    private final class Sale {
        let lost: TestStore
        let room: TemporaryDirectory
        let clock = TestClock()
        /// What callers may know of the lost time.
        private(set) var holds: [HoldID] = []
        private(set) var revision: UInt64 = 0
        private(set) var version: UInt64 = 0

        var copy: String { room.path + "/copy" }

        init() async throws {
            room = try TemporaryDirectory()
            lost = try TestStore(clock: clock)
            _ = try await lost.outcome(.define(try hall(90)))
            for _ in 1...3 { _ = try await lost.outcome(try holdGA(1)) }
            let keys = room.path + "/token.keys"
            try Data("1 00\n".utf8).write(to: URL(fileURLWithPath: keys))
            var backup = DataBackup(of: lost.directory.path, tokenKeys: keys, to: copy)
            backup.now = { [clock] in clock.read().wall }
            _ = try backup.make(recounts: false) { _ in }
            lost.pass(.seconds(1))
            for _ in 1...5 {
                guard case .held(let hold, _) = try await lost.outcome(try holdGA(1)) else { continue }
                holds.append(hold.id)
            }
            _ = try await lost.outcome(.define(try hall(91)))
            revision = try #require(lost.embedded.event(try code("hall"))).revision
            version = try #require(try left(lost.embedded))
        }

        /// The version of what is left.
        func left(_ store: any TicketStore) throws -> UInt64? {
            guard case .current(let left, _) = store.availability(of: try code("hall"), unless: nil) else { return nil }
            return left.version
        }

        /// Puts the copy back at this moment.
        func restored(at wall: WallTime? = nil) throws -> TestStore {
            let directory = try TemporaryDirectory()
            for name in try FileManager.default.contentsOfDirectory(atPath: copy) {
                try FileManager.default.copyItem(atPath: copy + "/" + name, toPath: directory.path + "/" + name)
            }
            return try TestStore(directory: directory, clock: TestClock(at: wall ?? clock.read().wall))
        }
    }

    private func known(_ store: TestStore) -> RenumberedStore<EmbeddedStore> {
        RenumberedStore(store.embedded, store.embedded.numbering)
    }

    private func hold(_ store: TestStore) async throws -> HoldID? {
        guard case .decided(.held(let hold, _), _) = await known(store).perform(try holdGA(1)) else { return nil }
        return hold.id
    }

    private func look(_ id: HoldID, _ store: TestStore) async -> Outcome? {
        guard case .decided(let outcome, _) = await known(store).perform(.look(id)) else { return nil }
        return outcome
    }

    @Test("Holds of the lost time are unknown, older ones are what they were, and new ones have numbers of their own")
    func numbers() async throws {
        let sale = try await Sale()
        let store = try sale.restored()
        let first = try #require(try await hold(store))
        #expect(sale.holds.map(\.number) == [4, 5, 6, 7, 8])
        #expect(first.number > 8)
        for id in sale.holds { #expect(await look(id, store) == .refused(.unknownHold)) }
        for number in 1...3 as ClosedRange<UInt64> {
            guard case .looked(let hold, _) = await look(HoldID(number), store) else {
                Issue.record("hold \(number) is unknown")
                continue
            }
            #expect(hold.id.number == number)
        }
        guard case .looked(let hold, _) = await look(first, store) else {
            Issue.record("the new hold is unknown")
            return
        }
        #expect(hold.id == first)
        _ = await known(store).perform(.purchase(first))
        try store.restart()
        #expect(try await self.hold(store)?.number == first.number + 1)
        store.embedded.stop()
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
        let shown = try await DatabaseQueue(path: store.ledgerPath).read {
            try String.fetchAll($0, sql: "SELECT purchase FROM sales")
        }
        #expect(shown == ["P\(first)"])
    }

    @Test("Tokens of the lost time are bound to a mark that no series has")
    func marks() async throws {
        let sale = try await Sale()
        func mark(_ number: UInt64, _ store: TestStore) -> UInt64? {
            store.embedded.series.last { $0.first.number <= number }?.mark
        }
        let store = try sale.restored()
        #expect(mark(3, store) == mark(3, sale.lost))
        for id in sale.holds { #expect(mark(id.number, store) != mark(id.number, sale.lost)) }
        let first = try #require(try await hold(store)).number
        #expect(mark(first, store) != mark(8, store))
    }

    @Test("A copy that is put back twice gives each number once, also where the second machine's clock is behind")
    func again() async throws {
        let sale = try await Sale()
        let made = sale.clock.read().wall
        func first(_ later: Duration) async throws -> UInt64 {
            let wall = WallTime(milliseconds: made.milliseconds + later.inMilliseconds)
            return try #require(try await hold(try sale.restored(at: wall))).number
        }
        let numbers = [try await first(.seconds(7_200)), try await first(.seconds(7_260))]
        // A minute has room for 256 numbers in each millisecond.
        #expect(numbers[1] - numbers[0] == 60_000 * 256)
        #expect(try await first(.seconds(-5)) > 8)
        // The numbers of stores on Redis begin at 2^42.
        #expect(try await first(.seconds(200 * 365 * 86_400)) < 1 << 42)
    }

    @Test("The copy of a copy keeps the moment of the first one, which it goes on from")
    func copyOfCopy() async throws {
        let sale = try await Sale()
        let wall = WallTime(milliseconds: sale.clock.read().wall.milliseconds + 7_200_000)
        let first = try #require(try await hold(try sale.restored(at: wall)))
        var backup = DataBackup(
            of: sale.copy, tokenKeys: sale.room.path + "/token.keys", to: sale.room.path + "/second")
        backup.now = { WallTime(milliseconds: wall.milliseconds - 1_000) }
        _ = try backup.make(recounts: false) { _ in }
        try FileManager.default.removeItem(atPath: sale.copy)
        try FileManager.default.moveItem(atPath: sale.room.path + "/second", toPath: sale.copy)
        #expect(try await hold(try sale.restored(at: wall)) == first)
    }

    @Test("Tags of the lost time fit nothing, and facts of it leave a gap that a recount knows")
    func tags() async throws {
        let sale = try await Sale()
        let store = try sale.restored()
        #expect(try #require(try sale.left(store.embedded)) > sale.version)
        _ = try await store.outcome(.define(try hall(92)))
        #expect(try #require(store.embedded.event(try code("hall"))).revision > sale.revision)
        let recounted = try await store.embedded.recount()
        #expect(recounted.broken == nil)
        // A definition, three holds, the copy's recovery, a definition.
        #expect(recounted.facts == 6)
        try sql(store.ledgerPath, "DELETE FROM losses")
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken?.contains("is missing") == true)
    }

    @Test("A ledger that is not a copy goes on with the next number, and one whose losses are accepted does not")
    func accepted() async throws {
        let sale = try await Sale()
        func opened(_ change: (String) throws -> Void = { _ in }, accepts: Bool) async throws -> (UInt64, Int) {
            let directory = try TemporaryDirectory()
            try FileManager.default.copyItem(
                atPath: sale.copy + "/ledger.sqlite", toPath: directory.path + "/ledger.sqlite")
            try sql(directory.path + "/ledger.sqlite", "PRAGMA user_version = 0")
            try change(directory.path)
            var configuration = EmbeddedStore.Configuration(directory: directory.path)
            configuration.acceptsLosses = accepts
            configuration.clock = sale.clock.read
            let store = try EmbeddedStore(configuration, logger: .init(label: "test"))
            defer { store.stop() }
            let known = RenumberedStore(store, store.numbering)
            if store.events.isEmpty { _ = await known.perform(.define(try hall(9))) }
            guard case .decided(.held(let hold, _), _) = await known.perform(try holdGA(1)) else { return (0, 0) }
            return (hold.id.number, store.series.count)
        }
        #expect(try await opened(accepts: false).0 == 4)
        #expect(try await opened(accepts: true).0 > 8)
        // The lock says which fact was on the disk.
        let digits = sale.lost.embedded.ledgerIdentity.map { String(format: "%02x", $0) }.joined()
        func knowing(_ fact: Int) -> (String) throws -> Void {
            { try Data("1 \(digits) \(fact)\n".utf8).write(to: URL(fileURLWithPath: $0 + "/lock")) }
        }
        #expect(try await opened(knowing(2), accepts: true).0 == 4, "nothing was lost")
        await #expect(throws: LedgerError.self) { _ = try await opened(knowing(9_999), accepts: false) }
        #expect(try await opened(knowing(9_999), accepts: true).0 > 8)
        let gone: (String) throws -> Void = {
            try knowing(9_999)($0)
            try FileManager.default.removeItem(atPath: $0 + "/ledger.sqlite")
        }
        #expect(try await opened(gone, accepts: true).0 > 9_999, "a new ledger after one that was lost")
    }

    @Test("A copy that was put into the directory of the lost ledger is refused, since its log may be there")
    func sameDirectory() async throws {
        let sale = try await Sale()
        sale.lost.embedded.stop()
        try FileManager.default.removeItem(atPath: sale.lost.ledgerPath)
        try FileManager.default.copyItem(atPath: sale.copy + "/ledger.sqlite", toPath: sale.lost.ledgerPath)
        let failure = #expect(throws: LedgerError.self) { try sale.lost.restart() }
        #expect(failure?.description.contains("an older copy was put back") == true)
    }
}
