import Foundation
import NIOCore
import RedisServers
import RedisWire
import Testing

/// One after the other, since each measures time.
@Suite("The client and a real server", .serialized, .timeLimit(.minutes(10)))
struct StandaloneTests {
    @Test("Commands of all kinds are answered")
    func answers() async throws {
        let server = try RedisServer()
        try await withClient(configuration(server.node)) { client in
            #expect(try await client.call(RedisCommand("PING"), for: nil) == .simpleString("PONG"))
            var set = RedisCommand("SET")
            set.append("key")
            set.append(ByteBuffer(bytes: [0, 13, 10, 255]))
            #expect(try await client.call(set, for: nil).text() == "OK")
            #expect(
                try await client.call(RedisCommand("GET", "key"), for: nil).bytes().readableBytesView == [
                    0, 13, 10, 255,
                ])
            #expect(try await client.call(RedisCommand("GET", "none"), for: nil).isNull)
            // Only RESP3 has maps.
            guard case .map = try await client.call(RedisCommand("CONFIG", "GET", "maxmemory"), for: nil) else {
                Issue.record("no map")
                return
            }
            let wrong = await client.outcome(RedisCommand("LPUSH", "key", "x"))
            guard case .failure(.refused(let error)) = wrong else {
                Issue.record("\(wrong)")
                return
            }
            #expect(error.code == "WRONGTYPE")
            let big = String(repeating: "x", count: 5_000_000)
            #expect(try await client.call(RedisCommand("SET", "big", big), for: nil).text() == "OK")
            #expect(try await client.call(RedisCommand("GET", "big"), for: nil).bytes().readableBytes == 5_000_000)
        }
    }

    @Test("The commands of a pipeline stay together, each with its outcome; a single server is every master")
    func pipeline() async throws {
        let server = try RedisServer()
        try await withClient(configuration(server.node)) { client in
            try await withThrowingTaskGroup { group in
                for number in 0..<50 {
                    group.addTask { () async throws in
                        let outcomes = await client.pipeline(
                            [
                                RedisCommand("SET", "shared", "\(number)"), RedisCommand("LPUSH", "shared", "x"),
                                RedisCommand("GET", "shared"), RedisCommand("WAIT", "0", "10", isRepeatable: true),
                            ], for: nil)
                        #expect(try outcomes[0].get().text() == "OK")
                        #expect(throws: RedisFailure.self) { try outcomes[1].get() }
                        #expect(try outcomes[2].get().integer() == Int64(number))
                        #expect(try outcomes[3].get().integer() == 0)
                    }
                }
                try await group.waitForAll()
            }
            let all = await client.callEachMaster(RedisCommand("DBSIZE"))
            #expect(all.map(\.node.port) == [server.port])
            #expect(try all[0].outcome.get().integer() == 1)
        }
    }

    @Test("A call that is too large, too late or one too many is refused before it is sent")
    func refusals() async throws {
        let server = try RedisServer()
        var configuration = configuration(server.node)
        configuration.limits.inFlight = 2
        try await withClient(configuration) { client in
            _ = try await client.call(RedisCommand("PING"), for: nil)
            var large = RedisCommand("SET")
            large.append("x")
            large.append([UInt8](repeating: 0, count: RedisCommand.largest))
            #expect(await client.outcome(large) == .failure(.notSent(.tooLarge)))
            #expect(await client.outcome(RedisCommand("PING"), within: .zero) == .failure(.notSent(.timedOut)))
            let outcomes = await client.burst(RedisCommand("PING"), times: 3, within: .seconds(60))
            #expect(outcomes.filter { $0 == .failure(.notSent(.queueFull)) }.count == 1)
            #expect(outcomes.filter { $0 == .success(.simpleString("PONG")) }.count == 2)
        }
    }

    @Test("The password comes from the address or from a file, which may change")
    func login() async throws {
        let server = try RedisServer(["user", "office on >secret ~* +@all", "user", "default off"])
        var good = try RedisConfiguration(address: "redis://office:secret@127.0.0.1:\(server.port)/3")
        try await withClient(good) { client in
            #expect(try await client.call(RedisCommand("ACL", "WHOAMI"), for: nil).text() == "office")
            let info = try await client.call(RedisCommand("CLIENT", "INFO"), for: nil).text()
            #expect(info.contains("db=3 ") && info.contains("resp=3") && info.contains("name=holdfast"))
        }
        let file = server.directory.appendingPathComponent("password")
        try "wrong\n".write(to: file, atomically: true, encoding: .utf8)
        good.password = .file(file.path)
        try await withClient(good) { client in
            let refused = await client.outcome(RedisCommand("PING"))
            #expect(refused == .failure(.notSent(.notConnected(.loginRefused(code: "WRONGPASS")))))
            #expect(!"\(refused)".contains("wrong"))
            try "secret\n".write(to: file, atomically: true, encoding: .utf8)
            try await eventually("the new password is read") { await client.outcome(RedisCommand("PING")).isGood }
        }
        var none = good
        none.password = .file("/nowhere")
        try await withClient(none) { client in
            #expect(
                await client.outcome(RedisCommand("PING"))
                    == .failure(.notSent(.notConnected(.passwordUnreadable("No such file or directory")))))
        }
        none.password = nil
        none.user = nil
        try await withClient(none) { client in
            #expect(
                await client.outcome(RedisCommand("PING"))
                    == .failure(.notSent(.notConnected(.loginRefused(code: "NOAUTH")))))
        }
    }

    @Test("The client speaks RESP2 to a server without RESP3")
    func oldProtocol() async throws {
        let server = try RedisServer(["rename-command", "HELLO \"\"", "requirepass", "secret"])
        let address = "redis://:secret@127.0.0.1:\(server.port)/1"
        try await withClient(try RedisConfiguration(address: address)) { client in
            let info = try await client.call(RedisCommand("CLIENT", "INFO"), for: nil).text()
            #expect(info.contains("db=1 ") && info.contains("resp=2") && info.contains("name=holdfast"))
            let setting = try await client.call(RedisCommand("CONFIG", "GET", "maxmemory"), for: nil)
            guard case .array = setting else {
                Issue.record("\(setting)")
                return
            }
            #expect(try setting.value(under: "maxmemory")?.integer() == 0)
            #expect(try await client.call(RedisCommand("GET", "none"), for: nil).isNull)
        }
        let wrong = try RedisConfiguration(address: "redis://:wrong@127.0.0.1:\(server.port)")
        try await withClient(wrong) { client in
            #expect(
                await client.outcome(RedisCommand("PING"))
                    == .failure(.notSent(.notConnected(.loginRefused(code: "WRONGPASS")))))
        }
    }

    @Test("A full server says so, and has done nothing")
    func unavailable() async throws {
        let server = try RedisServer(["maxmemory", "1", "maxmemory-policy", "noeviction"])
        var configuration = configuration(server.node)
        // The client does not make another connection only because this server takes no writes.
        configuration.timeouts.longestBackoff = .seconds(60)
        try await withClient(configuration) { client in
            #expect(await client.outcome(RedisCommand("SET", "a", "b")) == .failure(.unavailable(.outOfMemory)))
            _ = try await client.call(RedisCommand("CONFIG", "SET", "maxmemory", "0"), for: nil)
            _ = try await client.call(RedisCommand("REPLICAOF", "127.0.0.1", "1"), for: nil)
            #expect(await client.outcome(RedisCommand("SET", "a", "b")) == .failure(.unavailable(.readOnly)))
            _ = try await client.call(RedisCommand("CONFIG", "SET", "replica-serve-stale-data", "no"), for: nil)
            #expect(await client.outcome(RedisCommand("GET", "a")) == .failure(.unavailable(.masterDown)))
        }
    }

    @Test("A killed server takes the calls under way with it, and is found again when it is back")
    func killed() async throws {
        let server = try RedisServer()
        try await withClient(configuration(server.node)) { client in
            _ = try await client.call(RedisCommand("PING"), for: nil)
            async let blocked = client.outcome(RedisCommand("BLPOP", "nothing", "0"))
            try await server.hasBlockedClient()
            server.kill()
            #expect(await blocked == .failure(.outcomeUnknown(.connectionLost(.closed))))
            // And not after its own time, which would be another reason.
            try await eventually("a call is refused as not sent") {
                guard case .failure(.notSent(.notConnected(.unreachable))) = await client.outcome(RedisCommand("PING"))
                else { return false }
                return true
            }
            try server.restart()
            try await eventually("it is back") {
                await client.outcome(RedisCommand("PING")).isGood
            }
        }
    }

    @Test("If a server stalls, outcomes are unknown, and afterwards no caller gets the reply of another")
    func stalled() async throws {
        let server = try RedisServer()
        var configuration = configuration(server.node)
        // However long the stall takes on a busy machine.
        configuration.timeouts.silence = .seconds(60)
        try await withClient(configuration) { client in
            let before = try await client.call(RedisCommand("CLIENT", "ID"), for: nil).integer()
            server.stall()
            let late = await client.burst(RedisCommand("ECHO", "late"), times: 20, within: .milliseconds(60))
            #expect(late == Array(repeating: .failure(.outcomeUnknown(.timedOut)), count: 20))
            async let patient = client.outcome(RedisCommand("ECHO", "patient"))
            try await Task.sleep(for: .milliseconds(30))
            server.goOn()
            #expect(try await patient.get().text() == "patient")
            for number in 0..<20 {
                #expect(try await client.call(RedisCommand("ECHO", "\(number)"), for: nil).text() == "\(number)")
            }
            let after = try await client.call(RedisCommand("CLIENT", "ID"), for: nil).integer()
            #expect(after == before, "the connection stood")
        }
    }

    @Test("The connection to a server that stalls for too long is replaced")
    func silent() async throws {
        let server = try RedisServer()
        var configuration = configuration(server.node)
        configuration.timeouts.silence = .seconds(2)
        try await withClient(configuration) { client in
            _ = try await client.call(RedisCommand("PING"), for: nil)
            server.stall()
            #expect(await client.outcome(RedisCommand("PING")) == .failure(.outcomeUnknown(.connectionLost(.silent))))
            server.goOn()
            try await eventually("it is back") { await client.outcome(RedisCommand("PING")).isGood }
        }
    }

    @Test("The connection to a server that takes no writes any more is replaced, and may lead to another server")
    func demoted() async throws {
        let server = try RedisServer()
        var configuration = configuration(server.node)
        configuration.timeouts.longestBackoff = .milliseconds(100)
        try await withClient(configuration) { client in
            func number() async throws -> Int64 {
                try await client.call(RedisCommand("CLIENT", "ID"), for: nil).integer()
            }
            // The connection may just be being made again.
            func anyNumber() async throws -> Int64 {
                try await eventually("it answers") { (try? await number()) != nil }
                return try await number()
            }
            let before = try await number()
            try server.ask("REPLICAOF", "127.0.0.1", "1")
            try await Task.sleep(for: .milliseconds(120))
            let refused = await client.outcome(RedisCommand("SET", "a", "1"))
            #expect(refused == .failure(.unavailable(.readOnly)))
            try await eventually("there is another connection") { (try? await number()).map { $0 > before } ?? false }
            // Not one connection after the other while the name leads to the same server.
            let after = try await anyNumber()
            let started = ContinuousClock.now
            for _ in 0..<50 { _ = await client.outcome(RedisCommand("SET", "a", "1")) }
            let rounds = Int64((ContinuousClock.now - started) / .milliseconds(100))
            #expect(try await anyNumber() <= after + rounds + 1)
            try server.ask("REPLICAOF", "NO", "ONE")
            try await eventually("it is written to") { await client.outcome(RedisCommand("SET", "a", "1")).isGood }
        }
    }

    @Test("An idle connection is tested")
    func idle() async throws {
        let server = try RedisServer()
        var configuration = configuration(server.node)
        configuration.timeouts.idle = .milliseconds(20)
        configuration.timeouts.silence = .milliseconds(100)
        try await withClient(configuration) { client in
            try await eventually("it answers") { await client.outcome(RedisCommand("PING")).isGood }
            try await eventually("pings are counted") {
                let stats = try server.ask("INFO", "commandstats")
                guard let line = stats.split(separator: "\r\n").first(where: { $0.hasPrefix("cmdstat_ping:calls=") }),
                    let calls = Int(line.dropFirst("cmdstat_ping:calls=".count).prefix { $0.isNumber })
                else { return false }
                return calls >= 4
            }
            server.stall()
            // No call, so only the test of the connection can find out.
            try await Task.sleep(for: .seconds(2))
            #expect(await client.outcome(RedisCommand("PING"), within: .milliseconds(50)).isCertainlyUndone)
            server.goOn()
        }
    }

    @Test("Stopping answers the calls under way and refuses later ones")
    func stopping() async throws {
        let server = try RedisServer()
        try await withClient(configuration(server.node)) { client in
            _ = try await client.call(RedisCommand("PING"), for: nil)
            async let blocked = client.outcome(RedisCommand("BLPOP", "list", "0"))
            try await server.hasBlockedClient()
            client.stop()
            #expect(await client.outcome(RedisCommand("PING")) == .failure(.notSent(.stopping)))
            try server.ask("RPUSH", "list", "x")
            #expect(try await blocked.get().array().count == 2)
            await client.stopped()
        }
    }

    @Test("Stopping waits for work of several calls, and refuses its later calls")
    func work() async throws {
        let isDone = Shared(false)
        try await withClient(RedisConfiguration(address: "redis://127.0.0.1:1")) { client in
            client.perform {
                while await client.outcome(RedisCommand("PING")) != .failure(.notSent(.stopping)) {}
                try? await Task.sleep(for: .milliseconds(50))
                isDone.value.withLock { $0 = true }
            }
        }
        // `withClient` waits for the client's end.
        #expect(isDone.value.withLock { $0 })
    }

    @Test("Stopping does not wait for ever for a server that does not answer")
    func stoppingInTime() async throws {
        let server = try RedisServer()
        var configuration = configuration(server.node)
        configuration.timeouts.drain = .milliseconds(100)
        try await withClient(configuration) { client in
            _ = try await client.call(RedisCommand("PING"), for: nil)
            async let blocked = client.outcome(RedisCommand("BLPOP", "list", "0"))
            try await server.hasBlockedClient()
            client.stop()
            #expect(await blocked == .failure(.outcomeUnknown(.connectionLost(.stopped))))
        }
    }

    @Test("If no node of a cluster can be reached, calls fail with the reason, and the second time at once")
    func noCluster() async throws {
        let nowhere = try RedisConfiguration(address: "redis+cluster://127.0.0.1:1,127.0.0.1:2")
        try await withClient(nowhere) { client in
            for _ in 0..<2 {
                let outcome = await client.outcome(RedisCommand("GET", "a"), for: RedisKey("a"))
                guard case .failure(.notSent(.notConnected(.unreachable))) = outcome else {
                    Issue.record("\(outcome)")
                    return
                }
            }
            let masters = await client.callEachMaster(RedisCommand("PING"))
            #expect(masters.count == 1 && masters[0].outcome.isCertainlyUndone)
        }
    }

    @Test("A single server that is configured as a cluster is refused with the reason")
    func noClusterThere() async throws {
        let server = try RedisServer()
        var asked = configuration(server.node)
        asked.servers = .cluster([server.node])
        try await withClient(asked) { client in
            let disabled = RedisServerError(code: "ERR", message: "This instance has cluster support disabled")
            #expect(
                await client.outcome(RedisCommand("GET", "a"), for: RedisKey("a"))
                    == .failure(.notSent(.notConnected(.handshakeRefused(disabled)))))
        }
    }

    @Test("Calls that the loop has not taken yet have a limit")
    func handedOver() async throws {
        let server = try RedisServer()
        var configuration = configuration(server.node)
        configuration.limits.handedOver = 3
        try await withClient(configuration) { client in
            let outcomes = await client.burst(RedisCommand("PING"), times: 5, within: .seconds(60))
            #expect(outcomes.filter { $0 == .failure(.notSent(.queueFull)) }.count == 2)
            #expect(outcomes.filter { $0 == .success(.simpleString("PONG")) }.count == 3)
        }
    }

    @Test("Bytes that the network does not take have a limit")
    func unsent() async throws {
        let server = try RedisServer()
        var configuration = configuration(server.node)
        configuration.limits.unsentBytes = 1 << 20
        configuration.timeouts.silence = .seconds(60)
        try await withClient(configuration) { client in
            _ = try await client.call(RedisCommand("PING"), for: nil)
            server.stall()
            let text = String(repeating: "x", count: 512 << 10)
            let outcomes = await client.burst(
                RedisCommand("SET", "key", text), times: 64, within: .milliseconds(300))
            #expect(outcomes.filter { $0 == .failure(.notSent(.queueFull)) }.count == 62)
            #expect(outcomes.filter { $0 == .failure(.outcomeUnknown(.timedOut)) }.count == 2)
            server.goOn()
            try await eventually("it goes on") { await client.outcome(RedisCommand("SET", "key", "x")).isGood }
        }
    }

    @Test("A name without an address is a reason")
    func unknownName() async throws {
        try await withClient(configuration(RedisNode(host: "nowhere.invalid", port: 1))) { client in
            guard case .failure(.notSent(.notConnected(.unreachable))) = await client.outcome(RedisCommand("PING"))
            else {
                Issue.record("it was found")
                return
            }
        }
    }

    @Test("A server that is not Redis is refused, and its bytes go to nobody")
    func noRedis() async throws {
        let listener = try await Impostor.start(saying: "HTTP/1.1 400 Bad Request\r\n\r\n")
        try await withClient(configuration(listener.node)) { client in
            #expect(
                await client.outcome(RedisCommand("PING"))
                    == .failure(.notSent(.notConnected(.protocolBroken(.unknownType(UInt8(ascii: "H")))))))
        }
        try await listener.stop()
        let silent = try await Impostor.start(saying: "")
        var configuration = configuration(silent.node)
        configuration.timeouts.connect = .milliseconds(100)
        try await withClient(configuration) { client in
            #expect(
                await client.outcome(RedisCommand("PING"))
                    == .failure(.notSent(.notConnected(.unreachable("no connection in time")))))
        }
        try await silent.stop()
    }
}

extension Result where Success == RedisReply, Failure == RedisFailure {
    var isGood: Bool { (try? get()) != nil }

    var isCertainlyUndone: Bool {
        if case .failure(let failure) = self { failure.isCertainlyUndone } else { false }
    }
}
