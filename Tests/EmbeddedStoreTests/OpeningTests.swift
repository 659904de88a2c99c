import BoxOffice
import EmbeddedStore
import Foundation
import GRDB
import Logging
import StoreContract
import Testing
import TicketStore

/// What a start finds in a data directory (R35 The ledger's files).
@Suite("Opening a data directory")
struct OpeningTests {
    private func open(
        _ directory: TemporaryDirectory, _ change: (inout EmbeddedStore.Configuration) -> Void = { _ in }
    ) throws -> EmbeddedStore {
        var configuration = EmbeddedStore.Configuration(directory: directory.path)
        change(&configuration)
        return try EmbeddedStore(configuration, logger: Logger(label: "test"))
    }

    @Test("A directory with a rescued copy and no ledger does not become a new ledger, unless losses are accepted")
    func rescued() throws {
        let directory = try TemporaryDirectory()
        for name in ["ledger.rescued-9.sqlite", "ledger.rescued-12.sqlite", "ledger.rescued-x.sqlite"] {
            try Data([1]).write(to: URL(fileURLWithPath: directory.path + "/" + name))
        }
        let failure = #expect(throws: LedgerError.self) { _ = try open(directory) }
        #expect(failure?.description.contains("ledger.rescued-12.sqlite has its facts") == true)
        try open(directory) { $0.acceptsLosses = true }.stop()
    }

    @Test("A new series is in the ledger's file at once, also with relaxed durability (R20 Tokens)")
    func series() throws {
        let directory = try TemporaryDirectory()
        let store = try open(directory) { $0.durability = .relaxed }
        defer { store.stop() }
        // What a power cut leaves of a log that was never synced: nothing.
        let copy = directory.path + "/copy.sqlite"
        try FileManager.default.copyItem(atPath: store.ledgerPath, toPath: copy)
        let marks = try DatabaseQueue(path: copy).read { try Int64.fetchAll($0, sql: "SELECT mark FROM series") }
        #expect(marks.map(UInt64.init(bitPattern:)) == store.series.map(\.mark))
    }

    @Test("A ledger whose event has a name that is refused today opens, sells and is verified")
    func oldNames() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(3)))
        store.embedded.stop()
        let old =
            #"replace(replace(document, '"name": "hall"', '"name": "a\u0007\u202eb"'), '"name": "GA"', '"name": "\u0085"')"#
        try sql(store.ledgerPath, "UPDATE definitions SET document = \(old)")
        try store.restart()
        #expect(store.embedded.events.map(\.definition.name) == ["a\u{7}\u{202e}b"])
        guard case .held = try await store.outcome(try holdGA()) else {
            Issue.record("it does not sell")
            return
        }
        _ = try await store.outcome(.pause(event: try code("hall")))
        guard case .refused(.invalid) = try await store.outcome(.define(try hall(4) { $0.name = "a\u{7}" })) else {
            Issue.record("such a name is refused in a new definition")
            return
        }
        try store.restart()
        store.embedded.stop()
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
    }

    @Test("If the file of keys is replaced, a revocation in the new one works at once (R29 Operators and audit)")
    func replacedKeys() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/" + OperatorKeyFile.name
        let service = try OperatorKeyFile(directory: directory.path)
        let (key, credential) = try #require(
            try service.make(.init(name: "anna", role: .operator), at: WallTime(milliseconds: 1)))
        #expect(try await service.key(of: credential)?.id == key.id)
        // Restored from a copy, then a command revokes the key in it.
        try FileManager.default.copyItem(atPath: path, toPath: path + ".copy")
        _ = rename(path + ".copy", path)
        let command = try OperatorKeyFile(directory: directory.path)
        #expect(try command.revoke(key.id, at: WallTime(milliseconds: 2)) == .revoked)
        #expect(try await service.key(of: credential) == nil)
        try FileManager.default.removeItem(atPath: path)
        #expect(try await service.key(of: credential) == nil, "a file that is gone is read on")
    }
}
