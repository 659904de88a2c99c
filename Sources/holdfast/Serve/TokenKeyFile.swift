internal import EmbeddedStore
internal import Foundation
internal import Settings
internal import TicketAPI

/// The file of the secrets that sign tokens, beside the ledger. Each line is `NUMBER SECRET`, the secret in 64 or more
/// hexadecimal digits. The last key signs and all are accepted: a new line rotates the key, and a key without a line is
/// no longer accepted (R20 Tokens).
enum TokenKeyFile {
    static let name = "token.keys"

    /// The keys in the file that the settings name, or in the data directory. If the directory has none, this makes a file
    /// that only its owner can read.
    ///
    /// - Parameter mayBeMade: whether no buyer has a token, so that new keys invalidate none.
    static func keys(_ settings: Settings, mayBeMade: Bool) throws -> [TokenKey] {
        if let path = settings.tokenKeys { return try keys(at: path) }
        let path = settings.data + "/" + name
        if !FileManager.default.fileExists(atPath: path) {
            guard mayBeMade else {
                throw incomplete(
                    "\(path) is missing, and without it the tokens of all holds in the ledger are unknown")
            }
            // A store on Redis has made no directory.
            try? FileManager.default.createDirectory(
                atPath: settings.data, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            try make(path)
        }
        return try keys(at: path)
    }

    /// Refuses token keys without a ledger: the directory has lost its ledger.
    static func refuseKeysWithoutLedger(_ settings: Settings) throws {
        let (path, ledger) = (settings.data + "/" + name, settings.data + "/" + EmbeddedStore.ledgerName)
        guard FileManager.default.fileExists(atPath: path) else { return }
        let bytes = try? FileManager.default.attributesOfItem(atPath: ledger)[.size] as? Int
        guard bytes ?? 0 == 0 else { return }
        throw incomplete("\(ledger) is missing or empty, but \(path) exists, so something was sold from here")
    }

    private static func incomplete(_ what: String) -> Failure {
        Failure(LedgerError.incomplete(what: what).description, status: Failure.cannotRead)
    }

    static func keys(at path: String) throws -> [TokenKey] {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw Failure("cannot read the token keys in \(path): \(error)", status: Failure.cannotCreate)
        }
        // A byte order mark is skipped, as in every file.
        let lines = text.trimmingPrefix("\u{feff}").split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("#") }
        let keys = try lines.enumerated().map { index, line in
            guard let key = key(line) else {
                throw Failure(
                    "\(path): line \(index + 1) is not a number from 1 to 255 and 64 or more hexadecimal digits",
                    status: Failure.badConfiguration)
            }
            return key
        }
        guard !keys.isEmpty, Set(keys.map(\.number)).count == keys.count else {
            throw Failure("\(path): needs one key or more, each with its own number", status: Failure.badConfiguration)
        }
        return keys
    }

    private static func make(_ path: String) throws {
        var random = SystemRandomNumberGenerator()
        let secret = (0..<TokenKey.minimumBytes).map { _ in UInt8.random(in: 0...255, using: &random) }
        let line = "1 " + secret.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "\n"
        // Synced under another name first: if a power cut undid the file, every token that its key signed would be unknown.
        let fresh = path + ".new"
        let descriptor = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        let bytes = Array(line.utf8)
        defer { if descriptor >= 0 { close(descriptor) } }
        let folder = open((path as NSString).deletingLastPathComponent, O_RDONLY | O_CLOEXEC)
        defer { if folder >= 0 { close(folder) } }
        guard descriptor >= 0, write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0,
            rename(fresh, path) == 0, folder >= 0, fsync(folder) == 0
        else {
            throw Failure(
                "cannot make the token keys in \(path): \(String(cString: strerror(errno)))",
                status: Failure.cannotCreate)
        }
    }

    private static func key(_ line: Substring) -> TokenKey? {
        let parts = line.split(whereSeparator: \.isWhitespace)
        guard parts.count == 2, let number = UInt8(parts[0]), number > 0, parts[1].utf8.count % 2 == 0,
            parts[1].utf8.count >= TokenKey.minimumBytes * 2
        else { return nil }
        var secret = [UInt8]()
        var rest = parts[1]
        while !rest.isEmpty {
            guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
            secret.append(byte)
            rest = rest.dropFirst(2)
        }
        return TokenKey(number: number, secret: secret)
    }
}
