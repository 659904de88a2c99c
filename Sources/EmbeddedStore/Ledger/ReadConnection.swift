internal import GRDB
internal import Synchronization

/// A connection to the ledger that only reads. It can be closed and opened again.
final class ReadConnection: Sendable {
    private let path: String
    private let label: String
    private let opened: Mutex<DatabaseQueue>

    /// - Parameter label: the name of the connection in SQLite's messages.
    init(path: String, label: String) throws(LedgerError) {
        self.path = path
        self.label = label
        opened = Mutex(try Self.open(path, label: label))
    }

    /// Reads that use it while the connection is closed fail.
    var queue: DatabaseQueue { opened.withLock { $0 } }

    func close() {
        try? queue.close()
    }

    func reopen() throws(LedgerError) {
        let new = try Self.open(path, label: label)
        opened.withLock { $0 = new }
    }

    /// Opens a database to read it beside its writer.
    ///
    /// - Parameter name: the path in messages, if SQLite gets another form of it.
    static func open(_ path: String, as name: String? = nil, label: String) throws(LedgerError) -> DatabaseQueue {
        do {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.label = label
            configuration.busyMode = .timeout(5)
            return try DatabaseQueue(path: path, configuration: configuration)
        } catch {
            throw Ledger.translate(error, opening: name ?? path)
        }
    }
}
