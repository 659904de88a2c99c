internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import Synchronization
internal import TicketStore

/// The sessions of this process, and the cookie that leads to them.
final class OperatorSessions: Sendable {
    static let cookie = "holdfast_operator"
    /// Pages that the cookie is sent to.
    static let path = "/operate"

    private let table = Mutex(SessionTable())

    /// Signs a browser in.
    ///
    /// - Returns: the cookie that it gets.
    func begin(_ key: OperatorKey, _ credential: String, isSecure: Bool) -> String {
        let id = Self.randomText()
        let session = SessionTable.Session(
            credential: credential, key: key.id, formToken: Self.randomText(), begunAt: .now())
        table.withLock { $0.begin(id, session) }
        return Self.header(id, seconds: SessionTable.life.nanoseconds / 1_000_000_000, isSecure: isSecure)
    }

    func session(of page: PageRequest) -> SessionTable.Session? {
        page.cookie(Self.cookie).flatMap { id in table.withLock { $0.session(id, at: .now()) } }
    }

    /// Ends the session of a browser, if it has one.
    func end(_ page: PageRequest) {
        if let id = page.cookie(Self.cookie) { table.withLock { $0.end(id) } }
    }

    /// Signs a browser out, or every browser of its key.
    ///
    /// - Returns: the cookie that takes the old one away.
    func end(_ page: PageRequest, everywhere: Bool, isSecure: Bool) -> String {
        if let id = page.cookie(Self.cookie) {
            table.withLock { table in
                if everywhere, let key = table.session(id, at: .now())?.key { table.endAll(of: key) }
                table.end(id)
            }
        }
        return Self.header("", seconds: 0, isSecure: isSecure)
    }

    private static func header(_ value: String, seconds: Int64, isSecure: Bool) -> String {
        "\(cookie)=\(value); Path=\(path); Max-Age=\(seconds); HttpOnly; SameSite=Strict" + (isSecure ? "; Secure" : "")
    }

    /// 32 characters of 192 random bits.
    static func randomText() -> String {
        var random = SystemRandomNumberGenerator()
        var bytes = (random.next(), random.next(), random.next())
        return withUnsafeBytes(of: &bytes) { bytes in
            String(unsafeUninitializedCapacity: 32) { text in
                Base64URL.encode(bytes, into: UnsafeMutableRawBufferPointer(text))
                return 32
            }
        }
    }
}

extension PageRequest {
    /// Whether the browser came through TLS, as the proxy in front says. A browser that claims it wrongly keeps its own
    /// cookie from being sent without TLS, and nothing else.
    var isSecure: Bool { request.headers[.forwardedProto] == "https" }
}

extension HTTPField.Name {
    static let forwardedProto = HTTPField.Name.ours("X-Forwarded-Proto")
}
