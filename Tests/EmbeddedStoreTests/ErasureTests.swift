import BoxOffice
import EmbeddedStore
import Foundation
import GRDB
import StoreContract
import Testing
import TicketStore

/// R41 Erasure, in the ledger's files.
@Suite("Erasures in the ledger")
struct ErasureTests {
    private let secrets = ["ann@example.org", "pay-ann", "owed-ann", "unconfirmed-ann"]

    /// Ann bought one hold with a payment, and another payment was owed back for it; Ben bought as well.
    private func soldStore() async throws -> TestStore {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(9)))
        for buyer in [secrets[0], "ben"] { _ = try await store.outcome(try holdGA(buyer: buyer)) }
        _ = try await store.outcome(.purchase(HoldID(1), payment(secrets[1])))
        _ = try await store.outcome(.purchase(HoldID(2), payment("pay-ben")))
        _ = try await store.outcome(.purchase(HoldID(1), payment(secrets[2]), by: .key))
        _ = try await store.outcome(.purchase(HoldID(1), payment(secrets[3])))
        let note = AuditNote(key: "k", name: "Eve", action: "payment.paid_back", subject: "H1 \(secrets[2])")
        _ = await store.embedded.perform(.payBack(HoldID(1), try payment(secrets[2])), note: note)
        return store
    }

    private func payment(_ text: String) throws -> PaymentReference {
        try #require(PaymentReference(text))
    }

    private func erase(_ store: TestStore) async throws -> Outcome {
        let page = try await store.embedded.erasable(.hold(HoldID(1)), after: nil)
        let references = page.holds.first?.references ?? []
        return try await store.outcome(.erase(ErasureRequest(hold: HoldID(1), references: references)))
    }

    /// What the ledger's files contain of these texts.
    private func found(_ store: TestStore) throws -> [String] {
        try ["", "-wal"].flatMap { suffix -> [String] in
            let path = store.ledgerPath + suffix
            guard FileManager.default.fileExists(atPath: path) else { return [] }
            let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            return secrets.filter { bytes.range(of: Data($0.utf8)) != nil }.map { suffix + " " + $0 }
        }
    }

    @Test("Nothing of what was erased is left in the ledger's files while it sells, and everything else is")
    func files() async throws {
        let store = try await soldStore()
        #expect(try found(store) != [])
        #expect(try await erase(store) == .erased(HoldID(1), repeated: false))
        #expect(try await eventually { try found(store) == [] })
        for _ in 0..<2 {
            let list = try await store.embedded.purchases(of: try code("hall"), after: nil, limit: 9)
            #expect(list.map(\.buyer) == [nil, "ben"])
            #expect(list.map(\.payment) == [nil, "pay-ben"])
            #expect(list.map { $0.erasedAt != nil } == [true, false])
            #expect(list.map(\.total) == [1_000, 1_000])
            let audit = try await store.embedded.audit(of: nil, after: nil, limit: 9)
            #expect(audit.map(\.note.subject) == ["H1"])
            #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
            #expect(
                try await store.outcome(.purchase(HoldID(1), payment(secrets[1])))
                    == .purchased(try await view(store), late: false, repeated: true))
            #expect(
                try await store.outcome(.purchase(HoldID(2), payment(secrets[1])))
                    == .refused(.paymentConflict(refundRequired: false)))
            #expect(
                try await store.outcome(.purchase(HoldID(2), payment(secrets[2])))
                    == .refused(.paymentConflict(refundRequired: false)))
            #expect(try await erase(store) == .erased(HoldID(1), repeated: true))
            try store.restart()
        }
    }

    private func view(_ store: TestStore) async throws -> HoldView {
        guard case .looked(let view, _) = try await store.outcome(.look(HoldID(1))) else { throw StoreFailure.closing }
        return view
    }

    @Test("A process that dies right behind an erasure has erased it, and the next start cuts the log")
    func killed() async throws {
        let store = try await soldStore()
        // A reader keeps the log from being cut.
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let reader = try DatabaseQueue(path: store.ledgerPath, configuration: configuration)
        try await reader.writeWithoutTransaction { try $0.execute(sql: "BEGIN; SELECT count(*) FROM holds") }
        #expect(try await erase(store) == .erased(HoldID(1), repeated: false))
        #expect(try found(store) != [])
        let copy = try TestStore(directory: try store.directory.copy())
        #expect(try found(copy) == [])
        #expect(try await erase(copy) == .erased(HoldID(1), repeated: true))
        #expect(try LedgerAudit.recount(path: copy.ledgerPath).broken == nil)
        try await reader.writeWithoutTransaction { try $0.execute(sql: "COMMIT") }
        #expect(try await eventually { try found(store) == [] })
    }

    @Test("A page has what a buyer, or an event before a moment, has to erase, and nothing twice")
    func scopes() async throws {
        let store = try await soldStore()
        func holds(_ scope: ErasureScope) async throws -> [UInt64] {
            try await store.embedded.erasable(scope, after: nil).holds.map(\.hold.number)
        }
        let (ann, ben, hall) = (try #require(Buyer(secrets[0])), try #require(Buyer("ben")), try code("hall"))
        let now = store.embedded.now.wall
        let later = WallTime(milliseconds: now.milliseconds + 1)
        _ = try await store.outcome(try holdGA())
        #expect(try await holds(.buyer(ann, event: nil)) == [1])
        #expect(try await holds(.buyer(ben, event: hall)) == [2])
        #expect(try await holds(.buyer(ben, event: try code("other"))) == [])
        #expect(try await holds(.event(hall, before: now)) == [])
        #expect(try await holds(.event(hall, before: later)) == [1, 2])
        let known = try await store.embedded.erasable(.hold(HoldID(1)), after: nil).holds[0]
        #expect(known.references.map(\.text) == ["owed-ann", "pay-ann", "unconfirmed-ann"])
        #expect(known.isSold)
        _ = try await erase(store)
        #expect(try await holds(.buyer(ann, event: nil)) == [])
        #expect(try await holds(.event(hall, before: later)) == [2])
        let page = try await store.embedded.erasable(.event(hall, before: later), after: HoldID(2))
        #expect(page == ErasurePage(holds: [], behind: nil))
        // A correction that was taken back has left a name (R40 Corrections).
        let (nobody, former) = (Correction.State(), Correction.State(buyer: Buyer("former")))
        for change in [Correction(from: nobody, to: former), Correction(from: former, to: nobody)] {
            _ = try await store.outcome(.correct(HoldID(3), change))
        }
        #expect(try await holds(.event(hall, before: WallTime(milliseconds: later.milliseconds + 60_000))) == [2, 3])
    }

    @Test("The recount finds a hold that was erased with a debt, and one that was erased while it was live")
    func tampered() async throws {
        let store = try await soldStore()
        _ = try await store.outcome(.purchase(HoldID(2), payment("debt-ben"), by: .key))
        _ = try await store.outcome(try holdGA(buyer: "cy"))
        store.embedded.stop()
        for (hold, wanted) in [(2, "confirmed debt"), (3, "while it was live")] {
            let copy = try store.directory.copy()
            let path = copy.path + "/ledger.sqlite"
            try await DatabaseQueue(path: path).write { db in
                let next = try Int64.fetchOne(db, sql: "SELECT max(seq) + 1 FROM holds") ?? 0
                try db.execute(
                    sql: "INSERT INTO erasures SELECT ?, max(at), ? FROM holds", arguments: [next, hold])
            }
            let broken = try LedgerAudit.recount(path: path).broken
            #expect(broken?.contains("R41 Erasure") == true, "\(broken ?? "nothing")")
            #expect(broken?.contains(wanted) == true, "\(broken ?? "nothing")")
        }
    }
}
