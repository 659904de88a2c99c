public import ArgumentParser
internal import BoxOffice
internal import EmbeddedStore
internal import Foundation
internal import RedisStore
internal import Settings
public import TicketStore

/// The commands for keys, in the data directory or on Redis. They also work while the service runs.
struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Make, list and revoke the keys of operators, viewers and shops.",
        discussion: """
            A key is shown once, when it is made. Only a digest of it is kept. A new key works at once, and a revoked key
            stops at once, without a restart of the service.

            EXAMPLES
              holdfast key create --role operator --name Anna
              holdfast key create --role viewer --name accounting --data /srv/hall
              holdfast key create --role shop --name webshop      for a shop that completes paid holds
              holdfast key list
              holdfast key revoke 3f9ab2cd
              holdfast key list --store redis://10.0.0.5:6379
            """,
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a key, and show it once.")

        @Option(help: "The person or program that uses it: 1 to 100 characters.")
        var name: String

        @Option(
            help: "operator (may do everything), viewer (may look at everything) or shop (may complete holds)."
        )
        var role: OperatorKey.Role

        @OptionGroup(title: "Settings") var options: SettingsOptions

        func validate() throws {
            guard OperatorCredential.isName(name) else {
                throw ValidationError("--name must be 1 to 100 characters, none of them a control character")
            }
        }

        func run() async throws {
            try await Failure.reported {
                try await OperatorKeyStore.with(options.loadReported()) { store in
                    try await store.make(name: name, role: role, at: Keys.now) { key, credential in
                        print(
                            """
                            Key \(key.id) for \(key.name), \(key.role.rawValue). It is shown only now:

                              \(credential)

                            Send it as "Authorization: Bearer \(credential.prefix(13))…". To revoke it: holdfast key revoke \(key.id)
                            """)
                        try finishStandardOutput()
                    }
                }
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List all keys, revoked ones included.")

        @OptionGroup(title: "Settings") var options: SettingsOptions

        func run() async throws {
            try await Failure.reported {
                try await OperatorKeyStore.with(options.loadReported()) { store in
                    let keys = try await store.list()
                    if keys.isEmpty {
                        print(
                            "There are no keys yet. To make one: holdfast key create --role operator --name YOUR-NAME")
                    }
                    for key in keys {
                        let end = key.revokedAt.map { "  revoked \($0.rfc3339)" } ?? ""
                        let role = key.role.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)
                        print("\(key.id)  \(role)  made \(key.madeAt.rfc3339)  \(key.name)\(end)")
                    }
                }
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Revoke a key, from now on.")

        @Argument(help: "The key's eight characters, as `holdfast key list` shows them.")
        var id: String

        @OptionGroup(title: "Settings") var options: SettingsOptions

        func run() async throws {
            try await Failure.reported {
                try await OperatorKeyStore.with(options.loadReported()) { store in
                    let isKnown = try await store.revoke(id, at: Keys.now)
                    guard isKnown else { throw Failure("there is no key \(id)", status: Failure.atWork) }
                    print("key \(id) is revoked")
                }
            }
        }
    }

    fileprivate static var now: WallTime { MachineClock.read().wall }
}

extension OperatorKey.Role: ExpressibleByArgument {}

/// The place where a store keeps its keys.
enum OperatorKeyStore {
    case file(OperatorKeyFile)
    case redis(RedisKeyring)

    /// Calls `body` with the keys of the store that the settings name.
    static func with(_ settings: Settings, _ body: (OperatorKeyStore) async throws -> Void) async throws {
        switch settings.store {
        case .embedded: try await body(.file(.opened(in: settings.data)))
        case .redis(let address):
            try await RedisAccess.with(settings, address: address) { client, _ in
                try await RedisAccess.reportingFailures {
                    try await body(.redis(RedisKeyring(settings.redis, client)))
                }
            }
        }
    }

    func make(
        name: String, role: OperatorKey.Role, at wall: WallTime, show: (OperatorKey, String) throws -> Void
    ) async throws {
        switch self {
        case .file(let file):
            try reportingLedgerErrors { _ = try file.make(name: name, role: role, at: wall, show: show) }
        case .redis(let keyring): _ = try await keyring.make(name: name, role: role, at: wall, show: show)
        }
    }

    func list() async throws -> [OperatorKey] {
        switch self {
        case .file(let file): try reportingLedgerErrors { try file.list() }
        case .redis(let keyring): try await keyring.list()
        }
    }

    func revoke(_ id: String, at wall: WallTime) async throws -> Bool {
        switch self {
        case .file(let file): try reportingLedgerErrors { try file.revoke(id, at: wall) }
        case .redis(let keyring): try await keyring.revoke(id, at: wall)
        }
    }
}

extension OperatorKeyFile {
    /// The keys in a data directory. Throws ``Failure`` if they cannot be opened.
    static func opened(in directory: String) throws -> OperatorKeyFile {
        try reportingLedgerErrors { try OperatorKeyFile(directory: directory) }
    }

    /// Whether there is a valid key.
    func hasKeys() throws -> Bool {
        try reportingLedgerErrors { try list().contains { $0.revokedAt == nil } }
    }
}

private func reportingLedgerErrors<Value>(_ body: () throws -> Value) throws -> Value {
    do {
        return try body()
    } catch let error as LedgerError {
        throw Failure(error.description, status: Failure.cannotCreate)
    }
}
