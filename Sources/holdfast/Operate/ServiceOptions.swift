public import ArgumentParser
public import BoxOffice
internal import Foundation
internal import Settings

/// The address of a running service and the key for it, for every command that sends requests.
struct ServiceOptions: ParsableArguments {
    /// The address of `holdfast serve` without configuration.
    static let standardURL = "http://127.0.0.1:8000"
    /// The most bytes to read of a key's file: fifty times a key.
    private static let keyFileBytes = 4_096

    @Option(
        help: ArgumentHelp(
            "Address of the service (or HOLDFAST_URL in the environment; default: \(standardURL))", valueName: "url"))
    var url: String?

    // There is no option for the key itself: anyone who can list the machine's processes could read it.
    @Option(
        help: ArgumentHelp(
            "File with an operator's key, if it is not in HOLDFAST_KEY in the environment", valueName: "file"),
        completion: .file())
    var keyFile: String?

    @Flag(help: "Print the service's JSON.")
    var json = false

    /// Calls `body` with a client of the service.
    func withClient(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        _ body: (ServiceClient) async throws -> Void
    ) async throws {
        do {
            try Settings.refuseUnknownVariables(in: environment)
        } catch {
            throw Failure(error.description, status: error.exitCode)
        }
        let address = try ServiceAddress(url ?? environment["HOLDFAST_URL"] ?? Self.standardURL)
        // A header must be printable.
        let trace = environment["TRACEPARENT"].flatMap { $0.utf8.allSatisfy { (0x21...0x7e).contains($0) } ? $0 : nil }
        try await body(ServiceClient(address: address, key: key(environment), traceparent: trace))
    }

    /// The key, if there is one. A failure does not contain it.
    private func key(_ environment: [String: String]) throws -> String? {
        let text: String
        let source: String
        if let keyFile {
            guard let file = FileHandle(forReadingAtPath: keyFile),
                let data = try? file.read(upToCount: Self.keyFileBytes)
            else { throw Failure("cannot read the key in \(keyFile)", status: Failure.badConfiguration) }
            text = String(decoding: data, as: UTF8.self)
            source = keyFile
        } else if let variable = environment["HOLDFAST_KEY"], !variable.isEmpty {
            text = variable
            source = "HOLDFAST_KEY"
        } else {
            return nil
        }
        // A byte order mark is skipped, as in every file.
        let key = text.trimmingPrefix("\u{feff}").trimmingCharacters(in: .whitespacesAndNewlines)
        // This checks only that it fits into a header. The service knows whether it is a key.
        guard key.hasPrefix("hfk_"), key.utf8.count < 200, key.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw Failure("\(source) does not contain a key (hfk_…)", status: Failure.badConfiguration)
        }
        return key
    }
}

/// The address of a service.
struct ServiceAddress {
    /// Without a slash at the end.
    let text: String
    let isSecure: Bool
    /// A name or an IP address, without brackets.
    let host: String
    let port: Int
    /// What a `Host` header says.
    let hostField: String
    /// What every path begins with; mostly empty.
    let path: String

    init(_ text: String) throws {
        guard let parts = URLComponents(string: text), parts.scheme == "http" || parts.scheme == "https",
            let host = parts.encodedHost, !host.isEmpty, parts.user == nil, parts.password == nil, parts.query == nil,
            parts.fragment == nil
        else {
            // Without the text, because it may contain a password.
            throw Failure(
                "the service's address must look like \(ServiceOptions.standardURL), without user and query",
                status: Failure.wrongUse)
        }
        self.text = Self.withoutSlashes(text)
        isSecure = parts.scheme == "https"
        self.host = host.trimmingCharacters(in: ["[", "]"])
        port = parts.port ?? (isSecure ? 443 : 80)
        hostField = (self.host.contains(":") ? "[\(self.host)]" : host) + (parts.port.map { ":\($0)" } ?? "")
        path = Self.withoutSlashes(parts.percentEncodedPath)
    }

    private static func withoutSlashes(_ text: String) -> String {
        var text = text
        while text.hasSuffix("/") { text.removeLast() }
        return text
    }
}

extension Code: ExpressibleByArgument {
    public init?(argument: String) {
        self.init(argument)
    }
}
