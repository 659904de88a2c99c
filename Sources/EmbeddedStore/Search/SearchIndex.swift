internal import BoxOffice
internal import Foundation
internal import GRDB

/// The search index: a SQLite file beside the ledger that finds the holds of a query (R47 Search).
///
/// The ledger has no index but its keys, so that selling writes rows in the order of a log. This file has what
/// searching needs, and it is made from the ledger. So it is never synced, and after anything but an orderly stop it is
/// made anew: nothing is lost with it. One thread uses it (``SearchFollower``).
final class SearchIndex: Sendable {
    /// What an index was made from: it fits no other ledger, and no ledger that went on without it.
    struct Origin: Equatable {
        /// The ledger's identity.
        var ledger: [UInt8]
        /// The mark of the series of holds that was the last one then.
        var mark: UInt64
        /// The last fact.
        var sequence: UInt64
    }

    /// How to find holds.
    enum Way: Equatable, Sendable {
        case hold(Int64)
        case payment(digest: Int64)
        case buyer(digest: Int64)
        /// -1 for any event or type.
        case entries(event: Int64, types: [Int64], states: [IndexedState])
    }

    /// A part of what a way finds: the last `limit` holds of a range.
    struct Search: Sendable {
        var way: Way
        var range: Range<Int64>
        var limit: Int
    }

    /// How much a ticket type has in a state.
    struct Count: Equatable, Sendable {
        var type: Int64
        var state: IndexedState
        var currency: String
        var holds: Int
        var tickets: Int
        var amount: Int64
    }

    /// The file inside the ledger's directory.
    static let name = "search.sqlite"
    private static let any: Int64 = -1

    private let queue: DatabaseQueue

    /// Opens the index at `path` if it was made from `origin` and closed in order; otherwise makes an empty one.
    ///
    /// - Returns: `waiting`: the holds that changed and were not taken in; `nil` for an empty index.
    static func open(_ path: String, madeFrom origin: Origin) throws -> (index: SearchIndex, waiting: [Int64]?) {
        if LedgerFiles.isFilled(path), let kept = try? SearchIndex(path), let waiting = try? kept.reopen(origin) {
            return (kept, waiting)
        }
        return (try make(path), nil)
    }

    /// Makes an empty index in the place of whatever is there.
    static func make(_ path: String) throws -> SearchIndex {
        for suffix in ["", "-journal", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
        try LedgerFiles.makePrivate(path)
        let index = try SearchIndex(path)
        try index.queue.write { try $0.execute(sql: SearchSchema.tables) }
        return index
    }

    private init(_ path: String) throws {
        var configuration = Configuration()
        configuration.label = "search index"
        configuration.prepareDatabase { db in
            for pragma in [
                "locking_mode = EXCLUSIVE", "journal_mode = MEMORY", "synchronous = OFF", "cache_size = -16000",
                // Deleted rows leave no trace in the file.
                "secure_delete = ON",
            ] { try db.execute(sql: "PRAGMA \(pragma)") }
        }
        queue = try DatabaseQueue(path: path, configuration: configuration)
    }

    /// The holds that wait to be taken in, if the file has all other facts of `origin`; `nil` if it was made from
    /// something else, or not closed. It counts as open from here on.
    private func reopen(_ origin: Origin) throws -> [Int64]? {
        try queue.write { db in
            guard let head = try Row.fetchOne(db, sql: "SELECT * FROM head WHERE one = 1") else { return nil }
            let found = Origin(
                ledger: [UInt8](head["ledger"] as Data), mark: UInt64(bitPattern: head["mark"]),
                sequence: UInt64(clamping: head["sequence"] as Int64))
            guard head["version"] == SearchSchema.version, head["closed"] == 1, found == origin else { return nil }
            try db.execute(sql: "UPDATE head SET closed = 0")
            return (head["waiting"] as Data).withUnsafeBytes { bytes in
                stride(from: 0, to: bytes.count - 7, by: 8).map {
                    bytes.loadUnaligned(fromByteOffset: $0, as: Int64.self)
                }
            }
        }
    }

    /// Closes the file, which the next start makes anew.
    func close() throws {
        try queue.close()
    }

    /// Closes the file for the next start.
    ///
    /// - Parameter waiting: the holds that changed before `origin` and were not taken in.
    func close(completeUpTo origin: Origin, besides waiting: [Int64]) throws {
        // Synced once, at the stop: the next start must not trust a file whose pages a power cut took. First all pages,
        // then the mark that they are complete.
        try queue.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA synchronous = FULL")
            try db.execute(
                sql: "INSERT OR REPLACE INTO head VALUES (1, ?, ?, ?, ?, ?, 0)",
                arguments: [
                    SearchSchema.version, Data(origin.ledger), Int64(bitPattern: origin.mark),
                    Int64(clamping: origin.sequence), waiting.withUnsafeBytes { Data($0) },
                ])
            try db.execute(sql: "UPDATE head SET closed = 1")
        }
        try queue.close()
    }

    // MARK: Writing

    /// Makes the index say this about the holds, whatever it said about them before.
    ///
    /// - Parameter gone: holds that the ledger does not have.
    func write(_ holds: [IndexedHold], gone: [Int64] = []) throws {
        try queue.write { db in
            var changes = SearchChanges(db)
            for hold in holds { try changes.replace(try Self.known(hold.hold, db), with: hold, number: hold.hold) }
            for number in gone { try changes.replace(try Self.known(number, db), with: nil, number: number) }
            try changes.writeCounts()
        }
    }

    /// Notes up to `limit` live holds whose deadline has passed as expired.
    ///
    /// - Returns: whether there may be more.
    func expire(at now: Timestamp, limit: Int) throws -> Bool {
        try queue.write { db in
            let due = try Int64.fetchAll(
                db.cachedStatement(sql: "SELECT hold FROM due WHERE deadline <= ? ORDER BY deadline, hold LIMIT ?"),
                arguments: [now.milliseconds, limit])
            var changes = SearchChanges(db)
            for number in due {
                guard let known = try Self.known(number, db) else { continue }
                var expired = known
                expired.state = .expired
                try changes.replace(known, with: expired, number: number)
            }
            try changes.writeCounts()
            return due.count == limit
        }
    }

    private static func known(_ number: Int64, _ db: Database) throws -> IndexedHold? {
        let statement = try db.cachedStatement(sql: "SELECT * FROM known WHERE hold = ?")
        guard let row = try Row.fetchOne(statement, arguments: [number]) else { return nil }
        return IndexedHold(
            hold: number, event: row["event"], state: IndexedState(rawValue: row["state"]) ?? .held,
            deadline: row["deadline"], buyer: row["buyer"], payments: IndexedHold.numbers(row["payments"]),
            lines: IndexedHold.lines(row["lines"]), currency: row["currency"])
    }

    // MARK: Reading

    /// The last holds of a range that a way finds, newest first.
    func find(_ search: Search) throws -> [Int64] {
        try queue.read { db in
            let range = [search.range.lowerBound, search.range.upperBound]
            func rows(_ table: String, _ which: String, _ values: [Int64]) throws -> [Int64] {
                let sql = """
                    SELECT hold FROM \(table) WHERE \(which) AND hold >= ? AND hold < ? ORDER BY hold DESC LIMIT ?
                    """
                return try Int64.fetchAll(
                    db.cachedStatement(sql: sql), arguments: StatementArguments(values + range + [Int64(search.limit)]))
            }
            switch search.way {
            case .hold(let number): return search.range.contains(number) ? [number] : []
            case .payment(let digest): return try rows("payments", "digest = ?", [digest])
            case .buyer(let digest): return try rows("buyers", "digest = ?", [digest])
            case .entries(let event, let types, let states):
                var found: Set<Int64> = []
                for type in types {
                    for state in states {
                        found.formUnion(
                            try rows("entries", "event = ? AND type = ? AND state = ?", [event, type, state.rawValue]))
                    }
                }
                return Array(found.sorted(by: >).prefix(search.limit))
            }
        }
    }

    /// The live holds of an event.
    func live(of event: Int64) throws -> [Int64] {
        try queue.read { db in
            try Int64.fetchAll(
                db.cachedStatement(sql: "SELECT hold FROM entries WHERE event = ? AND type = ? AND state = ?"),
                arguments: [event, Self.any, IndexedState.held.rawValue])
        }
    }

    func counts(of event: Int64) throws -> [Count] {
        try queue.read { db in
            try Row.fetchAll(
                db.cachedStatement(sql: "SELECT * FROM counts WHERE event = ? AND holds > 0"), arguments: [event]
            ).map { row in
                Count(
                    type: row["type"], state: IndexedState(rawValue: row["state"]) ?? .held, currency: row["currency"],
                    holds: row["holds"], tickets: row["tickets"], amount: row["amount"])
            }
        }
    }
}
