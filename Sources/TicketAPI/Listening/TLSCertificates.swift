public import BoxOffice
internal import CLibrary
public import Logging
internal import NIOSSL
internal import Synchronization
internal import TicketStore

/// The certificate that the service shows, and its key: read from files, and read anew while the service runs (R62 TLS).
///
/// A new certificate is for new connections; open ones stay as they are. Files that cannot be used change nothing.
public final class TLSCertificates: Sendable {
    /// Why files cannot be used, in a sentence.
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    private struct State {
        var context: NIOSSLContext
        var end: WallTime
        var watch: FileWatch
        /// What the log has said about the files that are there now.
        var failure: String?
    }

    /// A longer file is something else.
    static let mostBytes: off_t = 1 << 20
    /// The suites of TLS 1.2: with forward secrecy and authenticated encryption only. TLS 1.3 has no others.
    static let suites = [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    ].joined(separator: ":")

    private let certificate: String
    private let key: String
    private let now: @Sendable () -> WallTime
    private let logger: Logger
    private let state: Mutex<State>

    /// Reads the files.
    ///
    /// - Parameters:
    ///   - certificate: path of the certificate (PEM), with those between it and its authority behind it.
    ///   - key: path of its key (PEM), without a passphrase.
    public init(
        certificate: String, key: String, now: @escaping @Sendable () -> WallTime, logger: Logger
    ) throws(Failure) {
        self.certificate = certificate
        self.key = key
        self.now = now
        self.logger = logger
        let watch = FileWatch(FileMark.all([certificate, key]))
        let (context, end) = try Self.load(certificate, key, at: now())
        state = Mutex(State(context: context, end: end, watch: watch))
    }

    /// When the certificate in force ends.
    public var end: WallTime { state.withLock { $0.end } }

    /// What a new connection is encrypted with.
    func makeHandler() -> NIOSSLServerHandler {
        NIOSSLServerHandler(context: state.withLock { $0.context })
    }

    /// Reads the files anew, as an operator asked.
    ///
    /// - Returns: whether they are in force now; if not, the log says why.
    @discardableResult
    public func renew() -> Bool {
        read(repeatsFailure: true)
    }

    /// - Parameter repeatsFailure: whether the log says again what it has said already.
    private func read(repeatsFailure: Bool) -> Bool {
        let marks = FileMark.all([certificate, key])
        do throws(Failure) {
            let (context, end) = try Self.load(certificate, key, at: now())
            state.withLock { state in
                state.context = context
                state.end = end
                state.watch.know(marks)
                state.failure = nil
            }
            logger.notice("The TLS certificate was read anew", metadata: ["ends": "\(end.rfc3339)"])
            return true
        } catch {
            let isNew = state.withLock { state in
                state.watch.refuse(marks)
                defer { state.failure = error.description }
                return state.failure != error.description
            }
            if isNew || repeatsFailure {
                logger.error(
                    "The TLS certificate cannot be read anew; the one before stays in force",
                    metadata: ["why": "\(error)", "ends": "\(end.rfc3339)"])
            }
            return false
        }
    }

    /// Reads the files anew if they have changed and nobody writes them any more, and those that could not be used once a
    /// minute. To be called once a second or so.
    public func look() {
        let marks = FileMark.all([certificate, key])
        if state.withLock({ $0.watch.look(marks) }) { _ = read(repeatsFailure: false) }
    }

    private static func load(
        _ certificate: String, _ key: String, at now: WallTime
    ) throws(Failure) -> (NIOSSLContext, WallTime) {
        for (path, setting) in [(certificate, "tls.certificate"), (key, "tls.key")] {
            var info = stat()
            guard stat(path, &info) == 0, access(path, R_OK) == 0 else {
                throw Failure(description: "\(setting): \(path) cannot be read: \(String(cString: strerror(errno)))")
            }
            guard info.st_size <= mostBytes else {
                throw Failure(description: "\(setting): \(path) is longer than \(mostBytes) bytes")
            }
        }
        guard let chain = try? NIOSSLCertificate.fromPEMFile(certificate), let leaf = chain.first else {
            throw Failure(
                description: "tls.certificate: \(certificate) has no certificate (PEM), or is not whole")
        }
        let end = WallTime(milliseconds: Int64(leaf.notValidAfter) * 1_000)
        let start = WallTime(milliseconds: Int64(leaf.notValidBefore) * 1_000)
        guard now < end else {
            throw Failure(description: "tls.certificate: the certificate in \(certificate) ended at \(end.rfc3339)")
        }
        guard start <= now else {
            throw Failure(description: "tls.certificate: the certificate in \(certificate) begins at \(start.rfc3339)")
        }
        guard let secret = try? NIOSSLPrivateKey(file: key, format: .pem) else {
            throw Failure(
                description: "tls.key: \(key) has no private key (PEM, without a passphrase), or is not whole")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(secret))
        configuration.minimumTLSVersion = .tlsv12
        configuration.cipherSuites = suites
        configuration.applicationProtocols = ["http/1.1"]
        do {
            return (try NIOSSLContext(configuration: configuration), end)
        } catch {
            throw Failure(description: "tls.key: the key in \(key) does not fit the certificate in \(certificate)")
        }
    }
}

/// Decides when files that changed are read: when two looks in a row have found them alike, and other than what is known.
/// So a file is not read while it is written. Files that could not be used are read again from time to time, though they
/// stay alike: a certificate begins, a folder gets other permissions.
package struct FileWatch: Sendable {
    /// Looks until files that could not be used are read again.
    package static let patience = 60

    private var known: [FileMark?]
    private var seen: [FileMark?]?
    /// Looks until the known files are read again; `nil` if they are in force.
    private var looksLeft: Int?

    package init(_ known: [FileMark?]) {
        self.known = known
    }

    /// These were read, and are in force.
    package mutating func know(_ marks: [FileMark?]) {
        known = marks
        seen = nil
        looksLeft = nil
    }

    /// These were read, and cannot be used.
    package mutating func refuse(_ marks: [FileMark?]) {
        know(marks)
        looksLeft = Self.patience
    }

    /// - Returns: whether to read the files now.
    package mutating func look(_ marks: [FileMark?]) -> Bool {
        guard marks != known else {
            seen = nil
            guard let left = looksLeft else { return false }
            looksLeft = max(0, left - 1)
            return left <= 1
        }
        guard marks == seen else {
            seen = marks
            return false
        }
        return true
    }
}
