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
            stops at once, without a restart of the service. A key can be bound to events, and it can have an end. The
            audit of the service says which keys were made and revoked here.

            EXAMPLES
              holdfast key create --role operator --name Anna
              holdfast key create --role viewer --name accounting --data /srv/hall
              holdfast key create --role shop --name webshop      for a shop that completes paid holds
              holdfast key create --role operator --name Ben --for-event gala --for-event matinee
              holdfast key create --role shop --name market-stall --expires 2026-12-31
              holdfast key list
              holdfast key revoke 3f9ab2cd
              holdfast key list --store redis://10.0.0.5:6379
            """,
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a key, and show it once.")

        @Option(help: "The person or program that uses it: 1 to 100 characters. All keys of a shop have one name.")
        var name: String

        @Option(
            help: """
                operator (may do everything), viewer (may look at everything) or shop (may complete holds, and return \
                what was sold under its name).
                """
        )
        var role: OperatorKey.Role

        @Option(
            name: .customLong("for-event"),
            help: ArgumentHelp("An event that it works for; may be given again (default: all).", valueName: "event"))
        var events: [Code] = []

        @Option(
            help: ArgumentHelp(
                "When it ends: a moment such as 2026-12-31T22:00:00Z, or a date, whose day it still works (UTC).",
                valueName: "moment"))
        var expires: KeyEnd?

        @OptionGroup var why: ReasonOption

        @OptionGroup(title: "Settings") var options: SettingsOptions

        func validate() throws {
            guard events.count <= OperatorKey.mostEvents, Set(events).count == events.count else {
                throw ValidationError("--for-event may name \(OperatorKey.mostEvents) events at the most, each once")
            }
            if let expires, expires.moment <= Keys.now { throw ValidationError("--expires must be later than now") }
            guard OperatorCredential.isName(name) else {
                throw ValidationError("--name must be 1 to 100 characters, none of them a control character")
            }
        }

        func run() async throws {
            try await Failure.reported {
                try await OperatorKeyStore.with(options.loadReported()) { store in
                    let draft = OperatorKey.Draft(name: name, role: role, events: events, expiresAt: expires?.moment)
                    try await store.make(draft, by: Keys.author(why.reason), at: Keys.now) { key, credential in
                        print(
                            """
                            Key \(key.id) for \(key.name), \(key.role.rawValue)\(key.bounds). It is shown only now:

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
                        print("\(key.id)  \(role)  made \(key.madeAt.rfc3339)  \(key.name)\(key.bounds)\(end)")
                    }
                }
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Revoke a key, from now on.")

        @Argument(help: "The key's eight characters, as `holdfast key list` shows them.")
        var id: String

        @OptionGroup var why: ReasonOption

        @OptionGroup(title: "Settings") var options: SettingsOptions

        func run() async throws {
            try await Failure.reported {
                try await OperatorKeyStore.with(options.loadReported()) { store in
                    let outcome = try await store.revoke(id, by: Keys.author(why.reason), at: Keys.now)
                    guard outcome == .revoked else { throw Failure("there is no key \(id)", status: Failure.atWork) }
                    print("key \(id) is revoked")
                }
            }
        }
    }

    fileprivate static var now: WallTime { MachineClock.read().wall }

    fileprivate static func author(_ reason: String?) -> OperatorKey.Author {
        var author = OperatorKey.Author.command
        author.reason = reason
        return author
    }
}

/// When a key ends, as an operator writes it.
struct KeyEnd: ExpressibleByArgument {
    let moment: WallTime

    /// A moment, or a date: its end.
    init?(argument: String) {
        if let moment = WallTime(rfc3339: argument) {
            self.moment = moment
        } else if let midnight = WallTime(rfc3339: argument + "T00:00:00Z") {
            moment = WallTime(milliseconds: midnight.milliseconds + 24 * 3_600_000)
        } else {
            return nil
        }
    }
}

extension OperatorKey {
    /// What a key is bound to, behind its name.
    fileprivate var bounds: String {
        (isBound ? ", for " + events.map(\.text).joined(separator: ", ") : "")
            + (expiresAt.map { ", until \($0.rfc3339)" } ?? "")
    }
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
        _ draft: OperatorKey.Draft, by author: OperatorKey.Author, at wall: WallTime,
        show: (OperatorKey, String) throws -> Void
    ) async throws {
        let made =
            switch self {
            case .file(let file): try reportingLedgerErrors { try file.make(draft, by: author, at: wall, show: show) }
            case .redis(let keyring): try await keyring.make(draft, by: author, at: wall, show: show)
            }
        guard made != nil else { throw Failure("there are \(OperatorKey.most) keys already", status: Failure.atWork) }
    }

    func list() async throws -> [OperatorKey] {
        switch self {
        case .file(let file): try reportingLedgerErrors { try file.list() }
        case .redis(let keyring): try await keyring.list()
        }
    }

    func revoke(_ id: String, by author: OperatorKey.Author, at wall: WallTime) async throws -> KeyRevocation {
        switch self {
        case .file(let file): try reportingLedgerErrors { try file.revoke(id, by: author, at: wall) }
        case .redis(let keyring): try await keyring.revoke(id, by: author, at: wall)
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
        let now = MachineClock.read().wall
        return try reportingLedgerErrors { try list().contains { $0.isValid(at: now) } }
    }
}

private func reportingLedgerErrors<Value>(_ body: () throws -> Value) throws -> Value {
    do {
        return try body()
    } catch let error as LedgerError {
        throw Failure(error.description, status: Failure.cannotCreate)
    }
}
