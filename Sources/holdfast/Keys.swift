public import ArgumentParser
internal import BoxOffice
internal import EmbeddedStore
internal import Foundation
internal import Settings
public import TicketStore

/// Operators' keys, in the data directory; also while the service runs.
struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Make, list and revoke the keys of operators.",
        discussion: """
            A key is shown once, when it is made; only a digest of it is kept. It works at once, and no more from the
            moment it is revoked, without a restart of the service.

            EXAMPLES
              holdfast key create --role operator --name Anna
              holdfast key create --role viewer --name accounting --data /srv/hall
              holdfast key list
              holdfast key revoke 3f9ab2cd
            """,
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a key and show it, this once.")

        @Option(help: "Whom or what it is for: 1 to 100 characters.")
        var name: String

        @Option(help: "operator (everything) or viewer (looking at everything, changing nothing).")
        var role: OperatorKey.Role

        @OptionGroup(title: "Settings") var options: SettingsOptions

        func validate() throws {
            guard OperatorCredential.isName(name) else {
                throw ValidationError("--name must be 1 to 100 characters, none of them a control character")
            }
        }

        func run() async throws {
            try await Failure.told {
                let (key, credential) = try toldLedgerErrors {
                    try OperatorKeyFile(directory: options.loadTold().data).make(name: name, role: role, at: Keys.now)
                }
                print(
                    """
                    Key \(key.id) for \(key.name), \(key.role.rawValue). It is shown this once:

                      \(credential)

                    Send it as "Authorization: Bearer \(credential.prefix(13))…". To take it back: holdfast key revoke \(key.id)
                    """)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List all keys, revoked ones too.")

        @OptionGroup(title: "Settings") var options: SettingsOptions

        func run() async throws {
            try await Failure.told {
                let keys = try toldLedgerErrors { try OperatorKeyFile(directory: options.loadTold().data).list() }
                if keys.isEmpty {
                    print("no keys yet; make one with: holdfast key create --role operator --name YOUR-NAME")
                }
                for key in keys {
                    let end = key.revokedAt.map { "  revoked \($0.rfc3339)" } ?? ""
                    let role = key.role.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)
                    print("\(key.id)  \(role)  made \(key.madeAt.rfc3339)  \(key.name)\(end)")
                }
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take a key back, from now on.")

        @Argument(help: "The key's eight characters, as `holdfast key list` shows them.")
        var id: String

        @OptionGroup(title: "Settings") var options: SettingsOptions

        func run() async throws {
            try await Failure.told {
                let isKnown = try toldLedgerErrors {
                    try OperatorKeyFile(directory: options.loadTold().data).revoke(id, at: Keys.now)
                }
                guard isKnown else { throw Failure("there is no key \(id)", status: Failure.atWork) }
                print("key \(id) is revoked")
            }
        }
    }

    fileprivate static var now: WallTime { MachineClock.read().wall }
}

extension OperatorKey.Role: ExpressibleByArgument {}

extension OperatorKeyFile {
    /// The keys in a data directory, what is wrong with them as a failure of the command.
    static func told(in directory: String) throws -> OperatorKeyFile {
        try toldLedgerErrors { try OperatorKeyFile(directory: directory) }
    }

    /// Whether there is a key that works.
    func hasKeys() throws -> Bool {
        try toldLedgerErrors { try list().contains { $0.revokedAt == nil } }
    }
}

private func toldLedgerErrors<Value>(_ body: () throws -> Value) throws -> Value {
    do {
        return try body()
    } catch let error as LedgerError {
        throw Failure(error.description, status: Failure.cannotCreate)
    }
}
