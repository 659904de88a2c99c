public import ArgumentParser
public import BoxOffice
internal import Foundation
internal import Settings

/// Where a running service is and with which key it is asked, for every command that asks one.
struct ServiceOptions: ParsableArguments {
    /// Where `holdfast serve` listens with nothing configured.
    static let standardURL = "http://127.0.0.1:8000"
    /// The longest file of a key that is read: fifty times a key.
    private static let keyFileBytes = 4_096

    @Option(
        help: ArgumentHelp(
            "Address of the service (or HOLDFAST_URL in the environment; default: \(standardURL))", valueName: "url"))
    var url: String?

    // There is no option with the key itself: who may list the processes of a machine would read it.
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
        // Whatever is not printable would be no header.
        let trace = environment["TRACEPARENT"].flatMap { $0.utf8.allSatisfy { (0x21...0x7e).contains($0) } ? $0 : nil }
        try await ServiceClient.with(address, key: try key(environment), traceparent: trace, body)
    }

    /// The key, if there is one. What is wrong with it is told without it.
    private func key(_ environment: [String: String]) throws -> String? {
        let text: String
        let place: String
        if let keyFile {
            guard let file = FileHandle(forReadingAtPath: keyFile),
                let data = try? file.read(upToCount: Self.keyFileBytes)
            else { throw Failure("cannot read the key in \(keyFile)", status: Failure.badConfiguration) }
            text = String(decoding: data, as: UTF8.self)
            place = keyFile
        } else if let variable = environment["HOLDFAST_KEY"], !variable.isEmpty {
            text = variable
            place = "HOLDFAST_KEY"
        } else {
            return nil
        }
        // A byte order mark is passed over, as in every file.
        let key = text.trimmingPrefix("\u{feff}").trimmingCharacters(in: .whitespacesAndNewlines)
        // Only what can stand in a header; whether it is a key the service knows.
        guard key.hasPrefix("hfk_"), key.utf8.count < 200, key.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw Failure("\(place) holds no operator's key (hfk_…)", status: Failure.badConfiguration)
        }
        return key
    }
}

/// The address of a service.
struct ServiceAddress {
    /// Without a slash at the end.
    let text: String

    init(_ text: String) throws {
        guard let parts = URLComponents(string: text), parts.scheme == "http" || parts.scheme == "https",
            let host = parts.host, !host.isEmpty, parts.user == nil, parts.password == nil, parts.query == nil,
            parts.fragment == nil
        else {
            // Not with the text: somebody may have put a password into it.
            throw Failure(
                "the service's address must be as in \(ServiceOptions.standardURL), without user and query",
                status: Failure.wrongUse)
        }
        var text = text
        while text.hasSuffix("/") { text.removeLast() }
        self.text = text
    }
}

extension Code: ExpressibleByArgument {
    public init?(argument: String) {
        self.init(argument)
    }
}
