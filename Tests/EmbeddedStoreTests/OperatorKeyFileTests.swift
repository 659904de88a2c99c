import BoxOffice
import EmbeddedStore
import Foundation
import StoreContract
import Testing
import TicketStore

/// The keys in a data directory (R48 Operator keys).
@Suite("The file of keys")
struct OperatorKeyFileTests {
    private let now = WallTime(milliseconds: 1_000)

    @Test("A key keeps its events, its end, and who made and revoked it")
    func bounds() async throws {
        let directory = try TemporaryDirectory()
        let file = try OperatorKeyFile(directory: directory.path)
        let draft = OperatorKey.Draft(
            name: "Anna", role: .operator, events: [try code("hall")], expiresAt: WallTime(milliseconds: 9_000))
        let author = OperatorKey.Author(key: "abcd1234", name: "Ben", reason: "a tour")
        let made = try #require(try await file.make(draft, by: author, at: now))
        let again = try OperatorKeyFile(directory: directory.path)
        #expect(try await again.key(of: made.credential) == made.key)
        #expect(made.key.events == draft.events && made.key.expiresAt == draft.expiresAt && made.key.madeBy == author)
        #expect(try await again.revoke(made.key.id, by: author, at: now, keepsManager: true) == .revoked)
        #expect(
            try await again.revoke(made.key.id, by: .command, at: WallTime(milliseconds: 2_000), keepsManager: true)
                == .revoked)
        let revoked = try #require(try await file.keys().first)
        #expect(revoked.revokedAt == now && revoked.revokedBy == author)
        #expect(try await file.key(of: made.credential) == nil)
    }

    @Test("The last key that manages keys goes by the command alone")
    func last() async throws {
        let file = try OperatorKeyFile(directory: try TemporaryDirectory().path)
        let anna = try #require(try file.make(.init(name: "Anna", role: .operator), at: now)).key
        let ben = try #require(try file.make(.init(name: "Ben", role: .operator), at: now)).key
        #expect(try await file.revoke(anna.id, by: .command, at: now, keepsManager: true) == .revoked)
        #expect(try await file.revoke(ben.id, by: .command, at: now, keepsManager: true) == .lastManager)
        #expect(try await file.keys().map(\.revokedAt).filter { $0 == nil }.count == 1)
        #expect(try file.revoke(ben.id, at: now) == .revoked)
        #expect(try file.revoke("unknown0", at: now) == .unknown)
    }

    @Test("A file of the release before is opened, and its keys work for all events")
    func upgraded() async throws {
        let directory = try TemporaryDirectory()
        let made = try #require(
            try OperatorKeyFile(directory: directory.path).make(.init(name: "Anna", role: .shop), at: now))
        try sql(
            directory.path + "/" + OperatorKeyFile.name,
            "ALTER TABLE keys DROP COLUMN more; DELETE FROM grdb_migrations WHERE identifier = '2 bounds';")
        let file = try OperatorKeyFile(directory: directory.path)
        #expect(try await file.key(of: made.credential) == made.key)
        #expect(try file.revoke(made.key.id, at: now) == .revoked)
        #expect(try file.list().first?.revokedBy == .command)
    }
}
