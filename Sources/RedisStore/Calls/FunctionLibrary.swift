internal import BoxOffice
internal import NIOCore
internal import RedisStoreTexts
internal import RedisWire

/// The text of the functions, as a server takes it.
///
/// The library's name has a digest of its text. So nodes of two releases each find their own functions on one server,
/// and a loaded library need not be loaded again.
struct FunctionLibrary: Sendable {
    enum Function: String, CaseIterable, Sendable {
        case decide
        case change
        case countBuyers = "count_buyers"
        case lookUp = "look_up"
        case enter
        case listEvents = "list_events"
        case details
        case pageOfHolds = "page_of_holds"
        case pageOfSale = "page_of_sale"
        case findHolds = "find_holds"
        case countSales = "count_sales"
        case pageOfCodes = "page_of_codes"
        case tally
        case claim
        case reclaim
        case unclaim
        case someClaims = "some_claims"
        case dropClaims = "drop_claims"
        case eraseClaims = "erase_claims"
        case giveUp = "give_up"
        case settleDebts = "settle_debts"
        case eraseDebts = "erase_debts"
        case mend
        case adoptSale = "adopt_sale"
        case closeEvent = "close_event"
        case tryCommands = "try_commands"

        /// May run on a replica and on a server that is full.
        var onlyReads: Bool {
            switch self {
            case .decide, .change, .countBuyers, .enter, .tally, .claim, .reclaim, .unclaim, .someClaims, .dropClaims,
                .eraseClaims, .giveUp, .settleDebts, .eraseDebts, .mend, .adoptSale, .closeEvent,
                .tryCommands:
                false
            case .lookUp, .listEvents, .details, .pageOfHolds, .pageOfSale, .findHolds, .countSales, .pageOfCodes: true
            }
        }
    }

    /// How the functions are called.
    enum Calling: Sendable {
        case functions
        /// On a server before 7.0, which has scripts instead, by the digests of their texts.
        case scripts([Function: String])
    }

    private let body: String
    let name: String

    /// - Parameters:
    ///   - writesAlways: whether each call of a function that may write does write, for the `WAIT` behind it. An answer
    ///     may report what another node wrote, and Valkey waits only for the writes of the connection itself; Redis 6.2
    ///     and 7.0 wait for all of them.
    ///   - rewrite: changes the text: tests put in a clock of their own or plant a mistake.
    init(writesAlways: Bool = false, rewrite: ((String) -> String)? = nil) {
        let text = WireNumbers.prelude + String(cString: redis_store_functions)
        body = EventKey.indexed(rewrite?(text) ?? text) + "\n" + (writesAlways ? Self.writing : Self.plain)
        var print = Fingerprint()
        print.add(body)
        name = "holdfast_" + String(print.value, radix: 36)
    }

    /// For `FUNCTION LOAD`.
    var text: String {
        let registrations = Function.allCases.map { function in
            """
            redis.register_function{function_name='\(name)_\(function.rawValue)', \
            callback=\(callback(function))\(function.onlyReads ? ", flags={'no-writes'}" : "")}
            """
        }
        return "#!lua name=\(name)\n\(body)\n\(registrations.joined(separator: "\n"))\n"
    }

    /// For `SCRIPT LOAD`.
    func script(_ function: Function) -> String {
        "\(body)\nreturn \(callback(function))(KEYS, ARGV)\n"
    }

    private func callback(_ function: Function) -> String {
        function.onlyReads ? "functions.\(function.rawValue)" : "called(functions.\(function.rawValue))"
    }

    /// A function gathers its writes, and they are done when it has decided (`Lua/writes.lua`). A call that ended with
    /// an error may have left some, so the list is emptied first.
    private static let plain = """
        local function called(call)
          return function(keys, args)
            writes = {}
            local reply = call(keys, args)
            return commit() or reply
          end
        end
        """

    /// The first key is a hash in every function. If it does not exist, there is nothing to report, and the call does
    /// not make it: if its slot is being moved, another server may have it.
    private static let writing = """
        local function called(call)
          return function(keys, args)
            writes = {}
            local reply = call(keys, args)
            local refusal = commit()
            if refusal then return refusal end
            if redis.call('EXISTS', keys[1]) == 1 then redis.call('HSET', keys[1], 'waited', '') end
            return reply
          end
        end
        """

    /// A call of `function`, whose arguments are still to be appended.
    func call(_ function: Function, _ calling: Calling, keys: [String], capacity: Int = 512) -> RedisCommand {
        var command: RedisCommand
        switch calling {
        case .functions:
            command = RedisCommand(
                function.onlyReads ? "FCALL_RO" : "FCALL", isRepeatable: function.onlyReads, capacity: capacity)
            command.append("\(name)_\(function.rawValue)")
        case .scripts(let digests):
            command = RedisCommand("EVALSHA", isRepeatable: function.onlyReads, capacity: capacity)
            command.append(digests[function] ?? "")
        }
        command.append(keys.count)
        for key in keys { command.append(key) }
        return command
    }

    /// What loads the functions on a server.
    func loadCommands(for method: Calling) -> [RedisCommand] {
        switch method {
        case .functions: [RedisCommand("FUNCTION", "LOAD", text)]
        case .scripts: Function.allCases.map { RedisCommand("SCRIPT", "LOAD", script($0)) }
        }
    }

    /// Whether a server has the library now: it took it, or had it before.
    static func isLoaded(_ outcome: RedisClient.Outcome) -> Bool {
        switch outcome {
        case .success: true
        case .failure(.refused(let error)):
            error.message.hasPrefix("Library") && error.message.hasSuffix("already exists")
        case .failure: false
        }
    }
}
