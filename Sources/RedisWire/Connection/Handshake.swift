/// The first commands on a connection, one after the other: protocol, login, database.
package struct Handshake: Sendable {
    /// What follows from a reply.
    package enum Next {
        case ask(RedisCommand)
        case done
        case refused(ConnectionFailure)
    }

    private enum Step {
        case hello, login, naming, database
    }

    private let user: String?
    private let password: String?
    private let database: Int
    private let clientName: String
    private var step = Step.hello

    package init(user: String?, password: String?, database: Int, clientName: String) {
        self.user = user
        // A user without a password (`nopass`) accepts any.
        self.password = password ?? user.map { _ in "" }
        self.database = database
        self.clientName = clientName
    }

    /// The first command.
    package func start() -> RedisCommand {
        var hello = RedisCommand("HELLO", "3")
        if let password {
            hello.append("AUTH")
            hello.append(user ?? "default")
            hello.append(password)
        }
        if !clientName.isEmpty {
            hello.append("SETNAME")
            hello.append(clientName)
        }
        return hello
    }

    /// Takes the reply to the last command.
    package mutating func heard(_ reply: RedisReply) -> Next {
        switch (step, reply) {
        case (.hello, .error(let error)): return refusedHello(error)
        case (.hello, _): return askForDatabase()
        case (.login, .error(let error)): return .refused(.loginRefused(code: error.code))
        case (.login, _): return askForName()
        // The name is only shown in `CLIENT LIST`: a user that may not set it is served all the same.
        case (.naming, _): return askForDatabase()
        case (.database, .error(let error)): return .refused(Self.failure(error))
        case (.database, _): return .done
        }
    }

    private mutating func refusedHello(_ error: RedisServerError) -> Next {
        // Servers before Redis 6 do not have the command; others may have it without this protocol.
        let isUnknown = error.code == "ERR" && error.message.lowercased().hasPrefix("unknown command")
        guard isUnknown || error.code == "NOPROTO" else { return .refused(Self.failure(error)) }
        guard let password else { return askForName() }
        step = .login
        var login = RedisCommand("AUTH")
        if let user { login.append(user) }
        login.append(password)
        return .ask(login)
    }

    private mutating func askForName() -> Next {
        guard !clientName.isEmpty else { return askForDatabase() }
        step = .naming
        return .ask(RedisCommand("CLIENT", "SETNAME", clientName))
    }

    private mutating func askForDatabase() -> Next {
        guard database != 0 else { return .done }
        step = .database
        var select = RedisCommand("SELECT")
        select.append(database)
        return .ask(select)
    }

    private static func failure(_ error: RedisServerError) -> ConnectionFailure {
        switch error.code {
        case "WRONGPASS", "NOAUTH", "NOPERM": .loginRefused(code: error.code)
        // A Redis server with `requirepass` only, and without the user, answers without an error code.
        case "ERR" where error.message.contains("password"): .loginRefused(code: error.code)
        default: .handshakeRefused(error)
        }
    }
}
