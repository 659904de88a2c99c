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

    /// Remembers what somebody searches for, so that no address has it.
    func note(search: String, of page: PageRequest) -> Int? {
        page.cookie(Self.cookie).flatMap { id in table.withLock { $0.note(search: search, in: id, at: .now()) } }
    }

    func search(_ number: Int, of page: PageRequest) -> String? {
        page.cookie(Self.cookie).flatMap { id in table.withLock { $0.search(number, in: id, at: .now()) } }
    }

    /// Remembers that a form was sent which may count only once.
    ///
    /// - Returns: whether it is the first time.
    func send(form: String, of page: PageRequest) -> Bool {
        page.cookie(Self.cookie).map { id in table.withLock { $0.send(form: form, in: id, at: .now()) } } ?? true
    }

    /// Forgets a form that was sent and refused.
    func forget(form: String, of page: PageRequest) {
        if let id = page.cookie(Self.cookie) { table.withLock { $0.forget(form: form, in: id) } }
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
    /// Whether the browser came through TLS, to us or to a trusted proxy (``RoutedRequest/set(_:)``).
    var isSecure: Bool { request.headers[.forwardedProto] == "https" }
}

extension HTTPField.Name {
    static let forwardedProto = HTTPField.Name.ours("X-Forwarded-Proto")
}
