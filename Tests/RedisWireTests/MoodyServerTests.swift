import NIOCore
import RedisWire
import Testing
import Workload

@Suite("Whatever a server does, no caller gets the reply of another", .serialized, .timeLimit(.minutes(10)))
struct MoodyServerTests {
    private struct Account {
        var good = 0
        var late = 0
        var lost = 0
        /// Calls whose deadline passed before they were sent.
        var unsent = 0
        var refused = 0
    }

    @Test("It sends in pieces, pauses and pushes messages, and callers are impatient", arguments: 0..<4)
    func patientServer(seed: UInt64) async throws {
        let account = try await Self.load(seed: seed, isHangingUp: false)
        #expect(account.good > 0 && account.late > 0, "seed \(seed)")
        #expect(account.lost == 0 && account.refused == 0, "seed \(seed)")
    }

    @Test("It also closes connections", arguments: 0..<4)
    func rudeServer(seed: UInt64) async throws {
        let account = try await Self.load(seed: seed, isHangingUp: true)
        #expect(account.good > 0 && account.lost > 0, "seed \(seed)")
    }

    /// Thirty callers with fifty calls each, whose words are their own; every outcome is counted.
    private static func load(seed: UInt64, isHangingUp: Bool) async throws -> Account {
        let server = try await MoodyServer.start(seed: seed, isHangingUp: isHangingUp)
        var configuration = configuration(server.node)
        configuration.timeouts.shortestBackoff = .milliseconds(1)
        configuration.timeouts.longestBackoff = .milliseconds(4)
        // It answers late, and never not at all.
        configuration.timeouts.silence = .seconds(60)
        let account = try await withClient(configuration) { client in
            await withTaskGroup(of: Account.self) { group in
                for caller in 0..<30 {
                    group.addTask { await talk(client, caller, seed) }
                }
                return await group.reduce(into: Account()) { sum, part in
                    sum.good += part.good
                    sum.late += part.late
                    sum.lost += part.lost
                    sum.unsent += part.unsent
                    sum.refused += part.refused
                }
            }
        }
        try await server.stop()
        #expect(account.good + account.late + account.lost + account.unsent + account.refused == 1500, "seed \(seed)")
        return account
    }

    private static func talk(_ client: RedisClient, _ caller: Int, _ seed: UInt64) async -> Account {
        var seeds = SeededGenerator(seed: seed &* 1000 &+ UInt64(caller))
        var account = Account()
        for number in 0..<50 {
            let words = "caller \(caller) number \(number) " + String(repeating: "x", count: seeds.number(in: 0...60))
            let patience = Duration.microseconds(seeds.chance(30) ? seeds.number(in: 100...8_000) : 2_000_000)
            switch await client.outcome(RedisCommand("ECHO", words), within: patience) {
            case .success(let reply):
                #expect(reply == .bulk(ByteBuffer(string: words)), "seed \(seed)")
                account.good += 1
            case .failure(.outcomeUnknown(.timedOut)): account.late += 1
            case .failure(.outcomeUnknown(.connectionLost)): account.lost += 1
            case .failure(.notSent(.timedOut)): account.unsent += 1
            case .failure(.notSent):
                account.refused += 1
                // The call was refused at once. A caller that repeats it at once uses up its calls before there is a connection.
                try? await Task.sleep(for: .milliseconds(1))
            case .failure(let failure): Issue.record("seed \(seed): \(failure)")
            }
        }
        return account
    }
}
