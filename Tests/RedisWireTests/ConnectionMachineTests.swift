import NIOCore
import RedisWire
import Testing
import Workload

@Suite("A connection answers each caller once, and with its own reply")
struct ConnectionMachineTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private static func at(_ milliseconds: Int) -> NIODeadline { start + .milliseconds(Int64(milliseconds)) }

    /// A machine that is ready, with at most 4 replies due, 100 ms of silence and 1000 ms of idleness.
    private static func ready(doubt: Duration = .seconds(60)) -> ConnectionMachine<Int> {
        var machine = opening(doubt: doubt)
        _ = machine.opened(Handshake(user: nil, password: nil, database: 0, clientName: ""))
        _ = machine.received(.map([]))
        return machine
    }

    private static func opening(doubt: Duration = .seconds(60)) -> ConnectionMachine<Int> {
        var limits = RedisConfiguration.Limits()
        limits.inFlight = 4
        var timeouts = RedisConfiguration.Timeouts()
        timeouts.silence = .milliseconds(100)
        timeouts.idle = .milliseconds(1000)
        timeouts.doubt = doubt
        return ConnectionMachine(limits: limits, timeouts: timeouts, openUntil: at(50), at: start)
    }

    /// In words, since actions cannot be compared.
    private static func words(_ action: ConnectionMachine<Int>.ReplyAction) -> String {
        switch action {
        case .answer(let caller, let reply): "answer \(caller) \((try? reply.integer()).map { "\($0)" } ?? reply.kind)"
        case .drop: "drop"
        case .write(let command): "write \(command.argumentCount)"
        case .ready: "ready"
        case .close(let failure): "close \(failure)"
        }
    }

    private static func words(_ woken: (timedOut: [Int], action: ConnectionMachine<Int>.WakeAction)) -> String {
        switch woken.action {
        case .rest: "\(woken.timedOut) rest"
        case .doubt: "\(woken.timedOut) doubt"
        case .ping: "\(woken.timedOut) ping"
        case .close(let failure): "\(woken.timedOut) close \(failure)"
        }
    }

    @Test("It takes calls only after it has opened and the handshake is done")
    func opens() {
        var machine = Self.opening()
        #expect(machine.isOpening == true)
        #expect(machine.refusal(of: 1) == .notConnected(.none))
        _ = machine.opened(Handshake(user: nil, password: nil, database: 3, clientName: ""))
        #expect(machine.isOpening == false)
        #expect(Self.words(machine.received(.map([]))) == "write 2")
        #expect(machine.refusal(of: 1) == .notConnected(.none))
        #expect(Self.words(machine.received(.simpleString("OK"))) == "ready")
        #expect(machine.refusal(of: 1) == nil)
    }

    @Test("A connection that is not ready in time is given up, and not earlier")
    func openingTakesTooLong() {
        var machine = Self.opening()
        #expect(machine.nextWake == Self.at(50))
        #expect(Self.words(machine.wake(at: Self.at(49))) == "[] rest")
        #expect(Self.words(machine.wake(at: Self.at(50))) == "[] close unreachable (no connection in time)")
    }

    @Test("Replies go to callers in the order of sending; push messages go to nobody")
    func order() {
        var machine = Self.ready()
        for caller in 1...3 { machine.expect(caller, until: Self.at(1000), at: Self.start) }
        #expect(Self.words(machine.received(.integer(10))) == "answer 1 10")
        #expect(Self.words(machine.received(.push([.integer(5)]))) == "drop")
        #expect(Self.words(machine.received(.integer(20))) == "answer 2 20")
        machine.expect(4, until: Self.at(1000), at: Self.start)
        #expect(Self.words(machine.received(.integer(30))) == "answer 3 30")
        #expect(Self.words(machine.received(.integer(40))) == "answer 4 40")
        #expect(Self.words(machine.received(.integer(50))) == "close protocol broken (unasked)")
    }

    @Test("A caller waits until its deadline, and its late reply goes to nobody else")
    func lateReplies() {
        var machine = Self.ready()
        machine.expect(1, until: Self.at(20), at: Self.start)
        machine.expect(2, until: Self.at(10), at: Self.start)
        machine.expect(3, until: Self.at(90), at: Self.start)
        #expect(machine.nextWake == Self.at(10))
        #expect(Self.words(machine.wake(at: Self.at(9))) == "[] rest")
        #expect(Self.words(machine.wake(at: Self.at(10))) == "[2] rest")
        #expect(machine.nextWake == Self.at(20))
        #expect(Self.words(machine.wake(at: Self.at(21))) == "[1] rest")
        #expect(machine.dueCount == 3)
        #expect(Self.words(machine.received(.integer(10))) == "drop")
        #expect(Self.words(machine.received(.integer(20))) == "drop")
        #expect(Self.words(machine.received(.integer(30))) == "answer 3 30")
    }

    @Test("Replies that are due have a limit, which counts those whose callers gave up")
    func inFlight() {
        var machine = Self.ready()
        #expect(machine.refusal(of: 4) == nil)
        #expect(machine.refusal(of: 5) == .queueFull)
        for caller in 1...4 { machine.expect(caller, until: Self.at(10), at: Self.start) }
        #expect(machine.refusal(of: 1) == .queueFull)
        #expect(Self.words(machine.wake(at: Self.at(10))) == "[1, 2, 3, 4] rest")
        #expect(machine.refusal(of: 1) == .queueFull)
        _ = machine.received(.null)
        #expect(machine.refusal(of: 1) == nil)
        #expect(machine.refusal(of: 2) == .queueFull)
    }

    @Test("A connection on which nothing comes while replies are due is closed, counted from the last byte")
    func silence() {
        var machine = Self.ready()
        machine.expect(1, until: Self.at(5000), at: Self.at(500))
        #expect(machine.nextWake == Self.at(600))
        #expect(Self.words(machine.wake(at: Self.at(599))) == "[] rest")
        machine.heard(at: Self.at(599))
        #expect(Self.words(machine.wake(at: Self.at(698))) == "[] rest")
        #expect(Self.words(machine.wake(at: Self.at(699))) == "[] close silent")
        #expect(machine.closed() == [1])
        #expect(machine.closed() == [])
        #expect(machine.nextWake == nil)
    }

    @Test("A connection on which nothing comes is doubted before that, repeatedly")
    func doubt() {
        var machine = Self.ready(doubt: .milliseconds(40))
        #expect(machine.nextWake == Self.at(1000))
        machine.expect(1, until: Self.at(5000), at: Self.at(500))
        machine.expect(2, until: Self.at(5000), at: Self.at(520))
        #expect(machine.nextWake == Self.at(540))
        #expect(Self.words(machine.wake(at: Self.at(539))) == "[] rest")
        #expect(machine.isDoubtful(at: Self.at(539)) == false)
        machine.heard(at: Self.at(539))
        _ = machine.received(.integer(1))
        #expect(Self.words(machine.wake(at: Self.at(578))) == "[] rest")
        #expect(Self.words(machine.wake(at: Self.at(579))) == "[] doubt")
        #expect(machine.isDoubtful(at: Self.at(579)) == true)
        #expect(machine.nextWake == Self.at(589))
        #expect(Self.words(machine.wake(at: Self.at(588))) == "[] rest")
        #expect(Self.words(machine.wake(at: Self.at(589))) == "[] doubt")
        #expect(Self.words(machine.wake(at: Self.at(639))) == "[] close silent")
        machine.heard(at: Self.at(640))
        _ = machine.received(.integer(2))
        #expect(machine.isDoubtful(at: Self.at(5000)) == false)
    }

    @Test("An idle connection is tested with a ping, whose reply goes to nobody")
    func idle() {
        var machine = Self.ready()
        #expect(machine.nextWake == Self.at(1000))
        #expect(Self.words(machine.wake(at: Self.at(999))) == "[] rest")
        #expect(Self.words(machine.wake(at: Self.at(1000))) == "[] ping")
        machine.expect(nil, until: .distantFuture, at: Self.at(1000))
        machine.expect(1, until: Self.at(5000), at: Self.at(1001))
        #expect(machine.nextWake == Self.at(1100))
        #expect(Self.words(machine.received(.simpleString("PONG"))) == "drop")
        #expect(Self.words(machine.received(.integer(1))) == "answer 1 1")
    }

    @Test("A draining connection takes no new calls and ends with the last reply")
    func draining() {
        var machine = Self.ready()
        machine.expect(1, until: Self.at(1000), at: Self.start)
        #expect(machine.drain() == false)
        #expect(machine.refusal(of: 1) != nil)
        #expect(machine.isDrained == false)
        #expect(Self.words(machine.received(.integer(1))) == "answer 1 1")
        #expect(machine.isDrained == true)
        var empty = Self.ready()
        #expect(empty.drain() == true)
    }

    /// The server answers each command with its caller's number. The test counts what each caller got.
    @Test("In random traffic each caller gets one answer, and its own", arguments: 0..<60)
    func randomTraffic(seed: UInt64) {
        var seeds = SeededGenerator(seed: seed)
        var machine = Self.ready()
        var now = Self.start
        var server: [Int?] = []
        var heard: [Int: Int] = [:]
        var asked = 0
        var isOpen = true
        func note(_ caller: Int) { heard[caller, default: 0] += 1 }
        for _ in 0..<400 where isOpen {
            switch seeds.number(in: 1...100) {
            case 1...40:
                let count = seeds.number(in: 1...3)
                guard machine.refusal(of: count) == nil else {
                    #expect(server.count + count > 4)
                    continue
                }
                for _ in 0..<count {
                    asked += 1
                    let isOurs = seeds.chance(90)
                    machine.expect(
                        isOurs ? asked : nil, until: now + .milliseconds(Int64(seeds.number(in: 1...80))), at: now)
                    server.append(isOurs ? asked : nil)
                    if !isOurs { note(asked) }
                }
            case 41...75:
                guard !server.isEmpty else { continue }
                machine.heard(at: now)
                let answered = server.removeFirst()
                switch machine.received(.integer(Int64(answered ?? -1))) {
                case .answer(let caller, let reply):
                    #expect(reply == .integer(Int64(caller)), "seed \(seed)")
                    note(caller)
                case .drop: #expect(answered == nil || heard[answered ?? 0] == 1, "seed \(seed)")
                default: Issue.record("seed \(seed): an answer to nothing")
                }
            case 76...80: _ = machine.received(.push([.integer(1)]))
            case 81...98:
                now = now + .milliseconds(Int64(seeds.number(in: 0...30)))
                let (timedOut, action) = machine.wake(at: now)
                timedOut.forEach(note)
                if case .close = action { isOpen = false }
            default: isOpen = seeds.chance(80)
            }
            #expect(machine.dueCount == server.count, "seed \(seed)")
        }
        machine.closed().forEach(note)
        #expect(heard.count == asked, "seed \(seed)")
        #expect(heard.values.allSatisfy { $0 == 1 }, "seed \(seed)")
    }
}
