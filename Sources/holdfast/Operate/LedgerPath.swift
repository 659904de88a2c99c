internal import EmbeddedStore
internal import Foundation

/// Finds the ledger that a command is to read.
enum LedgerPath {
    /// The file at `path`, or the ledger in the directory there.
    static func ledger(at path: String) throws -> String {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw Failure("there is no ledger at \(path)", status: Failure.cannotRead)
        }
        guard isDirectory.boolValue else { return path }
        let inside = path + "/" + EmbeddedStore.ledgerName
        guard FileManager.default.fileExists(atPath: inside) else {
            throw Failure("there is no ledger in \(path)", status: Failure.cannotRead)
        }
        return inside
    }
}

extension Failure {
    /// A ledger that cannot be read.
    init(_ error: LedgerError) {
        let status =
            switch error {
            case .damaged: Failure.atWork
            case .unsuitable, .diskFull, .writeFailed: Failure.cannotCreate
            case .inUse: Failure.unavailable
            case .notALedger, .tooNew: Failure.badConfiguration
            default: Failure.cannotRead
            }
        self.init(error.description, status: status)
    }
}
