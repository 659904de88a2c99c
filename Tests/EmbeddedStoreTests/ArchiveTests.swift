import BoxOffice
import EmbeddedStore
import Foundation
import GRDB
import StoreContract
import Testing
import TicketStore

/// R51 Moving a sale, between data directories.
@Suite("A sale moves in one file")
struct ArchiveTests {
    @Test("A store that moves again and again decides as one that stays", arguments: UInt64(501)...503)
    func contract(seed: UInt64) async throws {
        var contract = StoreContract()
        contract.commands = 240
        contract.restartsEvery = 24
        contract.limits.recoveryGrace = .seconds(5)
        let room = try TemporaryDirectory()
        let subject = try RelocatedStore(limits: contract.limits) { stopped in
            let file = room.path + "/sale"
            _ = try SaleArchive.export(from: stopped.directory.path, to: file)
            let next = try TemporaryDirectory()
            _ = try SaleArchive.restore(file, into: next.path)
            try FileManager.default.removeItem(atPath: file)
            return next
        }
        let breaches = try await contract.breaches(of: subject, seed: seed)
        #expect(breaches == [])
    }

    /// A stopped store that has sold a little, and its archive.
    private func archive() async throws -> (store: TestStore, room: TemporaryDirectory, file: String) {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(9)))
        for _ in 1...4 { _ = try await store.outcome(try holdGA(2, buyer: "ann")) }
        _ = try await store.outcome(.purchase(HoldID(1), PaymentReference("pay-1")))
        store.embedded.stop()
        let room = try TemporaryDirectory()
        let file = room.path + "/sale"
        _ = try SaleArchive.export(from: store.directory.path, to: file)
        return (store, room, file)
    }

    @Test("What tokens and keys are bound to moves with it; the file is its owner's alone, and is not replaced")
    func bindings() async throws {
        let (store, room, file) = try await archive()
        let before = store.embedded
        let next = try TemporaryDirectory()
        _ = try SaleArchive.restore(file, into: next.path)
        let moved = try TestStore(directory: next)
        #expect(moved.embedded.ledgerIdentity == before.ledgerIdentity)
        #expect(moved.embedded.keySecret == before.keySecret)
        #expect(moved.embedded.series.dropLast() == before.series[...])
        let rights = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(rights == 0o600)
        #expect(throws: ArchiveError.exists(path: file)) {
            try SaleArchive.export(from: store.directory.path, to: file)
        }
        #expect(try LedgerAudit.recount(path: file).broken == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: room.path) == ["sale"])
    }

    @Test("An archive that was cut off, changed or sealed by a later release becomes no ledger; nothing is left behind")
    func unfit() async throws {
        let (_, room, file) = try await archive()
        let whole = try #require(FileManager.default.contents(atPath: file))
        func refusal(_ change: (String) throws -> Void) throws -> (ArchiveError?, [String]) {
            let copy = room.path + "/copy"
            try whole.write(to: URL(fileURLWithPath: copy))
            try change(copy)
            let next = try TemporaryDirectory()
            let error = #expect(throws: ArchiveError.self) { try SaleArchive.restore(copy, into: next.path) }
            let left = try FileManager.default.contentsOfDirectory(atPath: next.path)
            try? FileManager.default.removeItem(atPath: copy)
            return (error, left.filter { $0 != "lock" })
        }
        let copy = room.path + "/copy"
        let changes: [(ArchiveError, (String) throws -> Void)] = [
            (.changed(path: copy), { try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: $0)) }),
            (.changed(path: copy), { try sql($0, "UPDATE holds SET price = 999 WHERE id = 1") }),
            (.changed(path: copy), { try sql($0, "DELETE FROM purchases") }),
            (.changed(path: copy), { try sql($0, "UPDATE holds SET buyer = 'bob' WHERE id = 1") }),
            (.otherFormat(path: copy, format: 2), { try sql($0, "UPDATE archive SET format = 2") }),
            (.notAnArchive(path: copy), { try sql($0, "DROP TABLE archive") }),
            (.notAnArchive(path: copy), { try Data("no archive".utf8).write(to: URL(fileURLWithPath: $0)) }),
            (
                .ledger(.tooNew(path: copy)),
                { try sql($0, "INSERT INTO grdb_migrations (identifier) VALUES ('99 later')") }
            ),
        ]
        for (wanted, change) in changes {
            let (error, left) = try refusal(change)
            #expect(error == wanted)
            #expect(left == [])
        }
    }

    @Test("What a move to another kind of store does not know is refused there, and moves between directories")
    func unknown() async throws {
        let (_, room, _) = try await archive()
        for statement in ["CREATE TABLE gifts (seq INTEGER) STRICT", "ALTER TABLE holds ADD COLUMN gift TEXT"] {
            let store = try TestStore()
            _ = try await store.outcome(.define(try hall(9)))
            _ = try await store.outcome(try holdGA())
            store.embedded.stop()
            try sql(store.ledgerPath, statement)
            let file = room.path + "/\(statement.count)"
            _ = try SaleArchive.export(from: store.directory.path, to: file)
            _ = try ArchivedSale(file)
            try FileManager.default.removeItem(atPath: file)
            let isTable = statement.hasPrefix("CREATE")
            try sql(store.ledgerPath, isTable ? "INSERT INTO gifts VALUES (1)" : "UPDATE holds SET gift = 'x'")
            _ = try SaleArchive.export(from: store.directory.path, to: file)
            #expect(throws: ArchiveError.notMovable(isTable ? "gifts" : "holds.gift")) { try ArchivedSale(file) }
            _ = try SaleArchive.restore(file, into: room.path + "/new-\(statement.count)")
        }
    }

    @Test("No service starts on a ledger that was exported, until the export is undone")
    func departed() async throws {
        let (store, room, file) = try await archive()
        let directory = store.directory
        #expect(throws: LedgerError.departed(path: store.ledgerPath)) { _ = try TestStore(directory: directory) }
        // It can be exported again, and what is taken in from the second file starts.
        _ = try SaleArchive.export(from: directory.path, to: file + "-2")
        let next = try TemporaryDirectory()
        _ = try SaleArchive.restore(file + "-2", into: next.path)
        _ = try TestStore(directory: next)
        #expect(try SaleArchive.undoExport(of: directory.path))
        #expect(try !SaleArchive.undoExport(of: directory.path))
        let again = try TestStore(directory: directory)
        guard case .held = try await again.outcome(try holdGA()) else {
            Issue.record("the sale does not go on")
            return
        }
        // An export that cannot write its file leaves no mark.
        again.embedded.stop()
        #expect(throws: ArchiveError.self) {
            try SaleArchive.export(from: directory.path, to: room.path + "/nowhere/sale")
        }
        _ = try TestStore(directory: directory)
    }

    @Test("A sale that goes on is not exported, and none is taken in where there is a ledger or was one")
    func places() async throws {
        let (store, room, file) = try await archive()
        let other = try TestStore()
        #expect(throws: ArchiveError.self) {
            try SaleArchive.export(from: other.directory.path, to: room.path + "/other")
        }
        #expect(throws: ArchiveError.self) { try SaleArchive.restore(file, into: other.directory.path) }
        #expect(throws: ArchiveError.exists(path: store.ledgerPath)) {
            try SaleArchive.restore(file, into: store.directory.path)
        }
        try FileManager.default.removeItem(atPath: store.ledgerPath)
        #expect(throws: ArchiveError.exists(path: store.ledgerPath)) {
            try SaleArchive.restore(file, into: store.directory.path)
        }
        let nowhere = room.path + "/nowhere"
        #expect(throws: ArchiveError.self) { try SaleArchive.export(from: nowhere, to: room.path + "/third") }
        #expect(throws: ArchiveError.self) { try SaleArchive.restore(nowhere, into: room.path + "/new") }
        #expect(try FileManager.default.contentsOfDirectory(atPath: room.path).sorted() == ["new", "sale"])
    }
}
