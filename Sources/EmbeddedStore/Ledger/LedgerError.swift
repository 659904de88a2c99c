/// Why a ledger cannot be opened, read or written.
public enum LedgerError: Error, Sendable, Equatable, CustomStringConvertible {
    case cannotOpen(path: String, reason: String)
    /// It is where no ledger can be kept, or belongs to another user.
    case unsuitable(path: String, reason: String)
    case inUse(path: String, process: String?)
    /// A later release wrote it.
    case tooNew(path: String)
    /// It is another program's database, or no database.
    case notALedger(path: String)
    /// Files of the directory are missing, or were replaced by older ones.
    case incomplete(what: String)
    /// SQLite did not accept a setting that a promise depends on.
    case settingRefused(name: String, wanted: String, got: String)
    /// The rows contradict each other.
    case damaged(String)
    case writeFailed(reason: String)
    case diskFull
    /// The sale was exported, to go on elsewhere (R51 Moving a sale).
    case departed(path: String)

    public var description: String {
        switch self {
        case .unsuitable(let path, let reason): "\(path) cannot be used: \(reason)"
        case .cannotOpen(let path, let reason): "cannot open \(path): \(reason)"
        case .inUse(let path, let process):
            "\(path) is held by another holdfast" + (process.map { " (process \($0))" } ?? "")
                + ": only one process can write a ledger; stop it, or choose another --data"
        case .tooNew(let path): "\(path) was written by a later release of holdfast"
        case .notALedger(let path): "\(path) is not a ledger of holdfast"
        case .incomplete(let what):
            "\(what). Restore what is missing from a copy, or start once with --accept-losses to go on with what is left"
        case .settingRefused(let name, let wanted, let got):
            "SQLite did not accept \(name) = \(wanted); it is \(got)"
        case .damaged(let what): "the ledger is damaged: \(what)"
        case .writeFailed(let reason): "the ledger could not be written: \(reason)"
        case .diskFull: "the ledger's disk is full"
        case .departed(let path):
            "the sale in \(path) was exported, to go on elsewhere; if it did not, holdfast export sale --undo lets it go on "
                + "here"
        }
    }
}
