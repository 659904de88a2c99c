internal import Foundation
internal import GRDB
internal import Logging

extension EmbeddedStore {
    /// Makes the directory and those that it is in, if they are not there.
    static func makeDirectory(_ path: String) throws(LedgerError) {
        var made = ""
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            made += made.isEmpty && part.isEmpty ? "/" : (made.isEmpty || made == "/" ? "" : "/") + part
            if mkdir(made, 0o700) != 0, errno != EEXIST {
                throw .cannotOpen(path: path, reason: String(cString: strerror(errno)))
            }
        }
    }

    /// Refuses a directory whose ledger is missing although facts were recorded in it.
    static func refuseMissingLedger(
        in directory: String, _ known: LedgerLock.Knowledge?
    ) throws(LedgerError) {
        let path = directory + "/" + ledgerName
        guard !LedgerFiles.isFilled(path) else { return }
        if let copy = LedgerFiles.rescuedCopy(in: directory) {
            throw .incomplete(
                what: "\(path) is missing or empty, and \(copy) has its facts; rename that copy to \(ledgerName)")
        }
        if let known {
            throw .incomplete(what: "\(path) is missing or empty, and had \(known.sequence) facts or more")
        }
        if LedgerFiles.isFilled(path + "-wal") {
            throw .incomplete(what: "\(path) is missing or empty, but its log \(path)-wal exists")
        }
    }

    /// Refuses a ledger that has fewer facts than the last process had on the disk.
    static func refuseLostFacts(
        _ path: String, _ identity: [UInt8], _ sequence: UInt64, _ known: LedgerLock.Knowledge?
    ) throws(LedgerError) {
        guard let known else { return }
        guard known.identity == identity else {
            throw .incomplete(what: "\(path) is not the ledger that this directory had last")
        }
        guard sequence >= known.sequence else {
            throw .incomplete(
                what: """
                    \(path) ends with fact \(sequence), but fact \(known.sequence) was on the disk: its log is gone, or an \
                    older copy was put back
                    """)
        }
    }

    /// Leaves out the numbers that another ledger may have given, if this one is a copy or its losses are accepted.
    ///
    /// - Parameter knowledge: what the last process recorded beside the ledger.
    static func leaveOutLostNumbers(
        of ledger: Ledger, _ identity: [UInt8], _ knowledge: LedgerLock.Knowledge?, _ configuration: Configuration,
        _ logger: Logger
    ) throws(LedgerError) {
        let hasLeapt = try ledger.goOnAfterLosses(
            accepted: configuration.acceptsLosses, identity, knowledge, at: configuration.clock().wall,
            mark: UInt64.random(in: 1 ... .max)
        ) { last throws(LedgerError) in
            try refuseLostFacts(ledger.path, identity, last, configuration.acceptsLosses ? nil : knowledge)
        }
        guard hasLeapt else { return }
        let next = try ledger.read { try MovedNumbers.known((Int64.fetchOne($0, sql: lastHold) ?? 0) + 1, $0) }
        logger.warning(
            "The ledger is a copy, or lost something; numbers that may have been given since are not given again",
            metadata: ["next": "H\(next)"])
    }

    private static let lastHold = "SELECT max(id) FROM holds"

    /// Whether a service has the ledger in the directory.
    public static func isInUse(_ directory: String) -> Bool { LedgerLock.isHeld(directory + "/lock") }
}
