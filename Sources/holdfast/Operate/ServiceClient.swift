internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import StrictJSON

/// Asks a running service, over its HTTP API as any other program would.
struct ServiceClient {
    /// The longest answer that is read whole: the list of every event that a service may have.
    private static let answerBytes = 64 << 20

    enum Method: String {
        case get = "GET"
        case put = "PUT"
        case patch = "PATCH"
        case post = "POST"
    }

    let address: ServiceAddress
    /// An operator's key.
    let key: String?
    /// Of the trace that the command is a part of (W3C trace context), for the service.
    let traceparent: String?

    /// Asks for a document. Answers that refuse are answers; a service that is not there is a ``Failure``.
    ///
    /// - Parameter headers: besides the key.
    func ask(
        _ method: Method, _ path: String, headers: [(String, String)] = [], body: [UInt8]? = nil
    ) async throws -> ServiceAnswer {
        try await withFailures(changes: method != .get) {
            let connection = try await ServiceConnection(to: address)
            return try await connection.exchange(request(method, path, headers), body: body) {
                try await answer($0, &$1)
            }
        }
    }

    /// Asks for something endless: hands over the answer's body piece by piece, as fast as `take` takes it.
    ///
    /// - Returns: the answer if it refuses; `take` was not called then.
    func stream(
        _ path: String, accept: String, _ take: (ByteBuffer) throws -> Void
    ) async throws -> ServiceAnswer? {
        try await withFailures(changes: false) {
            let connection = try await ServiceConnection(to: address)
            return try await connection.exchange(request(.get, path, [("Accept", accept)]), body: nil) { head, parts in
                guard head.status == .ok, head.headers.first(name: "content-type")?.hasPrefix(accept) == true else {
                    return try await answer(head, &parts)
                }
                while let piece = try await parts.nextPiece() { try take(piece) }
                return nil
            }
        }
    }

    private func request(_ method: Method, _ path: String, _ headers: [(String, String)]) -> HTTPRequestHead {
        var head = HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: method.rawValue), uri: address.path + path,
            headers: ["Host": address.hostField, "User-Agent": "holdfast/\(Holdfast.version)"])
        if let key { head.headers.add(name: "Authorization", value: "Bearer \(key)") }
        if let traceparent { head.headers.add(name: "traceparent", value: traceparent) }
        for (name, value) in headers { head.headers.add(name: name, value: value) }
        return head
    }

    private func answer(
        _ head: HTTPResponseHead, _ parts: inout ServiceConnection.Parts.AsyncIterator
    ) async throws -> ServiceAnswer {
        var body: [UInt8] = []
        while let piece = try await parts.nextPiece() {
            guard body.count + piece.readableBytes <= Self.answerBytes else { throw ServiceConnectionFailure.tooLong }
            body.append(contentsOf: piece.readableBytesView)
        }
        return ServiceAnswer(
            status: Int(head.status.code), tag: head.headers.first(name: "etag"),
            type: head.headers.first(name: "content-type") ?? "", body: body, address: address, hadKey: key != nil)
    }

    /// Turns what keeps the service from answering into a failure of the command. No failure contains the key.
    private func withFailures<Value>(changes: Bool, _ body: () async throws -> Value) async throws -> Value {
        let gone: String
        do {
            return try await body()
        } catch let failure as Failure {
            throw failure
        } catch is CancellationError {
            throw CancellationError()
        } catch let error as NIOConnectionError {
            throw notThere(Self.reason(error))
        } catch ChannelError.connectTimeout {
            throw notThere(Self.noConnection)
        } catch {
            gone = Self.words(error)
        }
        let unknown = changes ? "; whether it was done is not known: look before you ask again" : ""
        throw Failure(
            "the service at \(address.text) did not answer to the end: \(gone.printable)\(unknown)",
            status: Failure.unavailable)
    }

    private func notThere(_ reason: String) -> Failure {
        Failure("there is no service at \(address.text): \(reason.printable)", status: Failure.unavailable)
    }

    private static let noConnection = "no connection in \(ServiceConnection.connectTime.nanoseconds / 1_000_000_000) s"

    private static func reason(_ error: NIOConnectionError) -> String {
        switch error.connectionErrors.last?.error {
        case nil: "the host \(error.host) is not known"
        case is ChannelError: noConnection
        case let last?: words(last)
        }
    }

    private static func words(_ error: any Error) -> String {
        switch error {
        case ServiceConnectionFailure.closed, HTTPParserError.invalidEOFState, NIOSSLError.uncleanShutdown:
            return "the connection was closed"
        case ServiceConnectionFailure.silent:
            return "nothing came for \(ServiceConnection.silence.nanoseconds / 1_000_000_000) s"
        case ServiceConnectionFailure.tooLong: return "the answer has more than \(answerBytes >> 20) MiB"
        case let error as IOError: return String(cString: strerror(error.errnoCode))
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            // Its text has a number, a place in BoringSSL's source, and a name such as CERTIFICATE_VERIFY_FAILED.
            let names = "\(error)".split { !($0.isUppercase || $0 == "_") }
            return "no TLS connection, \(names.max { $0.count < $1.count } ?? "for an unknown reason")"
        default: return "\(error)"
        }
    }
}

/// What a service answered.
struct ServiceAnswer {
    let status: Int
    /// The `ETag`.
    let tag: String?
    let type: String
    let body: [UInt8]
    fileprivate let address: ServiceAddress
    fileprivate let hadKey: Bool

    /// The body's text, as `--json` prints it.
    var text: String { String(decoding: body, as: UTF8.self) }

    /// The body as JSON; anything else comes from something that is no Holdfast.
    func document() throws -> JSONValue {
        do {
            return try JSONValue.read(body, limits: JSONLimits(bytes: max(1, body.count), depth: 32))
        } catch {
            throw stranger
        }
    }

    /// The `code` of the problem that this answer is.
    var problemCode: String? {
        type.hasPrefix("application/problem+json") ? (try? document())?.member("code")?.text : nil
    }

    /// The refusal that this answer is, as a failure of the command: what was refused, why, and every mistake.
    func refusal(of subject: String) -> Failure {
        switch status {
        case 401 where hadKey:
            return Failure("the service does not know this key, or it was revoked", status: Failure.atWork)
        case 401:
            return Failure(
                "an operator's key is needed, in HOLDFAST_KEY or in a file for --key-file; on the service's machine "
                    + "`holdfast key create` makes one", status: Failure.atWork)
        case 403:
            return Failure(
                "this key may not do that: a viewer's only looks, a shop's completes holds, and one that is bound to "
                    + "events works only for them", status: Failure.atWork)
        default: break
        }
        guard let code = problemCode, let problem = try? document(), let detail = problem.member("detail")?.text else {
            return stranger
        }
        var lines = ["\(subject): \(detail.printable) (\(code.printable))"]
        if case .array(let errors)? = problem.member("errors") {
            for error in errors {
                let pointer = error.member("pointer")?.text ?? ""
                let what = error.member("detail")?.text ?? ""
                lines.append("  " + (pointer.isEmpty ? what : "\(pointer) \(what)").printable)
            }
        }
        return Failure(lines.joined(separator: "\n"), status: Failure.atWork)
    }

    private var stranger: Failure {
        Failure(
            "what is at \(address.text) answers \(status), and not as Holdfast does; is it the right address?",
            status: Failure.atWork)
    }
}

extension JSONValue {
    /// The value of the object's member `name`.
    func member(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// The string.
    var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }
}
