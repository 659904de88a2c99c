internal import Foundation
internal import Settings

/// The file of the secret that signs what browsers carry to shops' pages for payments (R55 Checkout). Spaces and line ends
/// around the secret do not count.
enum CheckoutSecretFile {
    /// The fewest bytes of a secret: as many as its signatures have (RFC 2104, 3).
    static let leastBytes = 32
    /// A longer file is not a secret.
    static let mostBytes = 4_096

    /// The secret in the file that the settings name; `nil` if they name none.
    static func read(_ settings: Settings) throws -> [UInt8]? {
        guard let path = settings.checkoutSecretFile else { return nil }
        let attributes: [FileAttributeKey: Any]
        do {
            // The file itself, where the path is a link to it.
            let real = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
            attributes = try FileManager.default.attributesOfItem(atPath: real)
        } catch {
            throw refused(path, "there is no such file, or it cannot be looked at")
        }
        guard attributes[.type] as? FileAttributeType == .typeRegular, attributes[.size] as? Int ?? .max <= mostBytes
        else { throw refused(path, "it is not a file of \(mostBytes) bytes or fewer") }
        // A user who reads the secret can make up amounts.
        guard let mode = attributes[.posixPermissions] as? Int, mode & 0o007 == 0 else {
            throw refused(path, "everybody on this machine may read or change it; chmod 600 it, or 640 for its group")
        }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw refused(path, "this user may not read it")
        }
        let secret = Array(data.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
        guard !secret.isEmpty else { throw refused(path, "it is empty") }
        guard secret.count >= leastBytes else {
            throw refused(path, "it has \(secret.count) bytes, and needs \(leastBytes); try: openssl rand -hex 32")
        }
        return secret
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

    private static func refused(_ path: String, _ why: String) -> Failure {
        Failure("checkout.secret_file: \(path): \(why)", status: Failure.badConfiguration)
    }
}
