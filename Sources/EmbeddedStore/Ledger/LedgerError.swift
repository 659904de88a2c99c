/// What keeps a ledger from being opened, read or written.
public enum LedgerError: Error, Sendable, Equatable, CustomStringConvertible {
    case cannotOpen(path: String, reason: String)
    case inUse(path: String, process: String?)
    /// Made by a later release.
    case tooNew(path: String)
    /// A database of something else, or no database.
    case notALedger(path: String)
    /// Files of the directory are missing, or are older than they were.
    case incomplete(what: String)
    /// SQLite did not take the setting that a promise rests on.
    case settingRefused(name: String, wanted: String, got: String)
    /// The rows contradict each other.
    case damaged(String)
    case writeFailed(reason: String)
    case diskFull

    public var description: String {
        switch self {
        case .cannotOpen(let path, let reason): "cannot open \(path): \(reason)"
        case .inUse(let path, let process):
            "\(path) is held by another holdfast" + (process.map { " (process \($0))" } ?? "")
                + ": one process writes a ledger; stop it or choose another --data"
        case .tooNew(let path): "\(path) was written by a later release of holdfast"
        case .notALedger(let path): "\(path) is no ledger of holdfast"
        case .incomplete(let what):
            "\(what). Put back what is missing from a copy, or start once with --accept-losses to go on with what is there"
        case .settingRefused(let name, let wanted, let got):
            "SQLite did not take \(name) = \(wanted), it is \(got)"
        case .damaged(let what): "the ledger is damaged: \(what)"
        case .writeFailed(let reason): "the ledger could not be written: \(reason)"
        case .diskFull: "the ledger's disk is full"
        }
    }
}
