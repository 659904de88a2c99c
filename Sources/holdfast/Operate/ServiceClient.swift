internal import AsyncHTTPClient
internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import StrictJSON

/// Asks a running service, over its HTTP API as any other program would.
struct ServiceClient {
    /// The longest answer that is read whole: the list of every event that a service may have.
    private static let answerBytes = 64 << 20
    /// A service that is there takes a connection at once; one that drops packets does not hold up a script.
    private static let connectTime = TimeAmount.seconds(5)
    /// The longest silence: a service that syncs a slow disk, or reads for an export, is waited for.
    private static let silence = TimeAmount.seconds(60)

    enum Method: String {
        case get = "GET"
        case put = "PUT"
        case patch = "PATCH"
        case post = "POST"
    }

    let address: ServiceAddress
    private let key: String?
    /// Of the trace that the command is a part of (W3C trace context), for the service.
    private let traceparent: String?
    private let http: HTTPClient

    /// Calls `body` with a client, and closes its connections.
    static func with(
        _ address: ServiceAddress, key: String?, traceparent: String?, _ body: (ServiceClient) async throws -> Void
    ) async throws {
        var configuration = HTTPClient.Configuration(
            // Followed, a redirect would take the key to whoever it names.
            redirectConfiguration: .disallow,
            timeout: .init(connect: connectTime, read: silence))
        // One failure is told at once; whether to try again is for the caller's script to say.
        configuration.connectionPool.retryConnectionEstablishment = false
        try await HTTPClient.withHTTPClient(configuration: configuration) { http in
            try await body(ServiceClient(address: address, key: key, traceparent: traceparent, http: http))
        }
    }

    /// Asks for a document. Answers that refuse are answers; a service that is not there is a ``Failure``.
    ///
    /// - Parameter headers: besides the key.
    func ask(
        _ method: Method, _ path: String, headers: [(String, String)] = [], body: [UInt8]? = nil
    ) async throws -> ServiceAnswer {
        try await told(changes: method != .get) {
            let response = try await http.execute(
                request(method, path, headers, body), timeout: Self.silence)
            return try await answer(response)
        }
    }

    /// Asks for something endless: hands over the answer's body piece by piece, as fast as `take` takes it.
    ///
    /// - Returns: the answer if it refuses; `take` was not called then.
    func stream(
        _ path: String, accept: String, _ take: (ByteBuffer) throws -> Void
    ) async throws -> ServiceAnswer? {
        try await told(changes: false) {
            let response = try await http.execute(
                request(.get, path, [("Accept", accept)], nil), timeout: Self.silence)
            guard response.status == .ok, response.headers.first(name: "content-type")?.hasPrefix(accept) == true else {
                return try await answer(response)
            }
            for try await piece in response.body { try take(piece) }
            return nil
        }
    }

    private func request(
        _ method: Method, _ path: String, _ headers: [(String, String)], _ body: [UInt8]?
    ) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: address.text + path)
        request.method = HTTPMethod(rawValue: method.rawValue)
        request.headers.add(name: "User-Agent", value: "holdfast/\(Holdfast.version)")
        if let key { request.headers.add(name: "Authorization", value: "Bearer \(key)") }
        if let traceparent { request.headers.add(name: "traceparent", value: traceparent) }
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        return request
    }

    private func answer(_ response: HTTPClientResponse) async throws -> ServiceAnswer {
        let body = try await response.body.collect(upTo: Self.answerBytes)
        return ServiceAnswer(
            status: Int(response.status.code), tag: response.headers.first(name: "etag"),
            type: response.headers.first(name: "content-type") ?? "", body: Array(body.readableBytesView),
            address: address, hadKey: key != nil)
    }

    /// What keeps the service from answering, as a failure of the command. None of it has the key in it.
    private func told<Value>(changes: Bool, _ body: () async throws -> Value) async throws -> Value {
        let gone: String
        do {
            return try await body()
        } catch let failure as Failure {
            throw failure
        } catch is CancellationError {
            throw CancellationError()
        } catch let error as HTTPClientError where error == .cancelled {
            throw CancellationError()
        } catch let error as NIOConnectionError {
            throw notThere(Self.reason(error))
        } catch let error as IOError where error.errnoCode == ECONNREFUSED {
            throw notThere(Self.words(error.errnoCode))
        } catch let error as HTTPClientError where error == .connectTimeout {
            throw notThere("no connection in 5 s")
        } catch let error as HTTPClientError {
            gone = error.shortDescription.lowercased()
        } catch let error as IOError {
            gone = Self.words(error.errnoCode)
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

    private static func reason(_ error: NIOConnectionError) -> String {
        if let last = error.connectionErrors.last?.error {
            if let last = last as? IOError { return words(last.errnoCode) }
            if last is ChannelError { return "no connection in 5 s" }
            return "\(last)"
        }
        return "the host \(error.host) is not known"
    }

    private static func words(_ error: any Error) -> String {
        let text = "\(error)"
        guard String(reflecting: type(of: error)).hasPrefix("NIOSSL.") else { return text }
        // Told are a number, a place in BoringSSL's source, and a name such as CERTIFICATE_VERIFY_FAILED.
        let names = text.split { !($0.isUppercase || $0 == "_") }
        return "no TLS connection, \(names.max { $0.count < $1.count } ?? "for whatever reason")"
    }

    private static func words(_ number: CInt) -> String {
        String(cString: strerror(number))
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
                "this key may not do that: a viewer's only looks, a shop's completes holds", status: Failure.atWork)
        default: break
        }
        guard let code = problemCode, let problem = try? document(), let detail = problem.member("detail")?.text else {
            return stranger
        }
        var lines = ["\(subject): \(detail.printable) (\(code.printable))"]
        if case .array(let errors)? = problem.member("errors") {
            for error in errors {
                let place = error.member("pointer")?.text ?? ""
                let what = error.member("detail")?.text ?? ""
                lines.append("  " + (place.isEmpty ? what : "\(place) \(what)").printable)
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
