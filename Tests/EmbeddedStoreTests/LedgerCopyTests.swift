import EmbeddedStore
import Foundation
import GRDB
import StoreContract
import Synchronization
import Testing

/// R63 Backup: what a copy is, whatever is written and folded while it is made.
@Suite("A copy is one moment of a ledger")
struct LedgerCopyTests {
    /// A ledger with a table that the test writes and folds by itself: a page for each row, and all rows say the same after
    /// each change.
    private struct WrittenLedger {
        static let rows = 700
        let directory: TemporaryDirectory
        let queue: DatabaseQueue

        init() throws {
            let store = try TestStore()
            store.embedded.stop()
            directory = store.directory
            var configuration = Configuration()
            configuration.journalMode = .wal
            configuration.prepareDatabase { db in
                try db.execute(sql: "PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0")
            }
            queue = try DatabaseQueue(path: directory.path + "/ledger.sqlite", configuration: configuration)
            try queue.write { db in
                try db.execute(sql: "CREATE TABLE sheets (number INTEGER PRIMARY KEY, said INTEGER, rest BLOB)")
                for _ in 1...Self.rows {
                    try db.execute(sql: "INSERT INTO sheets (said, rest) VALUES (1, zeroblob(3000))")
                }
            }
            try fold(.truncate)
        }

        /// Has all rows say a number, in one transaction.
        func say(_ number: Int) throws {
            try queue.write { try $0.execute(sql: "UPDATE sheets SET said = ?", arguments: [number]) }
        }

        /// Has each row say a number in a transaction of its own.
        func sayOneByOne(_ number: Int) throws {
            for row in 1...Self.rows {
                try queue.write {
                    try $0.execute(sql: "UPDATE sheets SET said = ? WHERE number = ?", arguments: [number, row])
                }
            }
        }

        func fold(_ mode: Database.CheckpointMode = .passive) throws {
            _ = try queue.writeWithoutTransaction { try $0.checkpoint(mode) }
        }

        /// Makes a copy.
        ///
        /// - Parameter meanwhile: called after each mebibyte with its number.
        /// - Returns: the numbers that rows of the copy say, and what SQLite says of its pages.
        func copy(_ meanwhile: @escaping (Int) throws -> Void) throws -> (said: [Int], pages: String?, files: [String])
        {
            let room = try TemporaryDirectory()
            let keys = room.path + "/token.keys"
            try Data("1 secret".utf8).write(to: URL(fileURLWithPath: keys))
            let copy = room.path + "/copy"
            var steps = 0
            var backup = DataBackup(of: directory.path, tokenKeys: keys, to: copy)
            backup.rest = { _ in }
            _ = try backup.make(recounts: false) { _ in
                steps += 1
                try meanwhile(steps)
            }
            let files = try FileManager.default.contentsOfDirectory(atPath: copy).sorted()
            let reader = try DatabaseQueue(path: copy + "/ledger.sqlite")
            defer { try? reader.close() }
            return try reader.read { db in
                (
                    try Int.fetchAll(db, sql: "SELECT DISTINCT said FROM sheets ORDER BY 1"),
                    try String.fetchOne(db, sql: "PRAGMA integrity_check"), files
                )
            }
        }
    }

    @Test("What is written and folded while the ledger is copied is not in the copy")
    func foldedMeanwhile() throws {
        let ledger = try WrittenLedger()
        defer { try? ledger.queue.close() }
        // All of it is in the log alone when the copy begins.
        try ledger.say(2)
        let copy = try ledger.copy { step in
            try ledger.fold()
            try ledger.say(10 + step)
            try ledger.fold()
        }
        #expect(copy.said == [2])
        #expect(copy.pages == "ok")
        #expect(copy.files == ["ledger.sqlite", "token.keys"])
    }

    @Test("A log that is begun anew while it is copied brings nothing old back")
    func logBegunAnew() throws {
        let ledger = try WrittenLedger()
        defer { try? ledger.queue.close() }
        try ledger.sayOneByOne(2)
        try ledger.say(3)
        // Writers may begin the log anew, since all of it is in the file.
        try ledger.fold()
        let copy = try ledger.copy { step in
            if step == 1 { try ledger.say(4) }
        }
        #expect(copy.said == [3])
        #expect(copy.pages == "ok")
    }

    @Test("A ledger whose log was begun anew before the copy has its newest content, too")
    func newLog() throws {
        let ledger = try WrittenLedger()
        defer { try? ledger.queue.close() }
        try ledger.sayOneByOne(2)
        try ledger.fold()
        try ledger.say(3)
        #expect(try ledger.copy { _ in try ledger.fold() }.said == [3])
    }
}
