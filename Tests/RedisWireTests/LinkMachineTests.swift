import NIOCore
import RedisWire
import Testing

@Suite("A link connects, waits, and comes back")
struct LinkMachineTests {
    private static let now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private static func link() -> LinkMachine<Int> {
        var limits = RedisConfiguration.Limits()
        limits.waiting = 2
        return LinkMachine(limits: limits, timeouts: RedisConfiguration.Timeouts())
    }

    private static func words(_ action: LinkMachine<Int>.AskAction) -> String {
        switch action {
        case .send: "send"
        case .wait: "wait"
        case .connect: "connect"
        case .refuse(let reason): "\(RedisFailure.notSent(reason))"
        }
    }

    @Test("The first call makes a connection; calls that come meanwhile wait, up to a limit")
    func waiting() {
        var link = Self.link()
        let later = Self.now + .seconds(1)
        #expect(Self.words(link.ask(1, until: later)) == "connect")
        #expect(Self.words(link.ask(2, until: later)) == "wait")
        #expect(Self.words(link.ask(3, until: later)) == "not sent: too many calls under way")
        #expect(link.connected() == [1, 2])
        #expect(Self.words(link.ask(4, until: later)) == "send")
    }

    @Test("A call waits until its deadline")
    func expiring() {
        var link = Self.link()
        _ = link.ask(1, until: Self.now + .milliseconds(20))
        _ = link.ask(2, until: Self.now + .milliseconds(10))
        #expect(link.earliestDeadline == Self.now + .milliseconds(10))
        #expect(link.expire(at: Self.now + .milliseconds(9)) == [])
        #expect(link.expire(at: Self.now + .milliseconds(10)) == [2])
        #expect(link.earliestDeadline == Self.now + .milliseconds(20))
        #expect(link.connected() == [1])
        #expect(link.earliestDeadline == nil)
    }

    @Test("After a failure calls are refused with its reason until the rest is over; rests grow")
    func resting() {
        var link = Self.link()
        let later = Self.now + .seconds(1)
        _ = link.ask(1, until: later)
        let first = link.failed(.closed, chance: 0.5)
        #expect(first.refused == [1])
        #expect(first.rest == .microseconds(37_500))
        #expect(Self.words(link.ask(2, until: later)) == "not sent: closed by the server")
        #expect(link.rested() == true)
        #expect(link.rested() == false)
        #expect(Self.words(link.ask(3, until: later)) == "wait")
        #expect(link.failed(.silent, chance: 0.5).rest == .milliseconds(75))
        #expect(link.rested() == true)
        #expect(link.connected() == [])
        #expect(link.failed(.silent, chance: 0.5).rest == .microseconds(37_500))
    }

    @Test("Once closed it stays closed")
    func closing() {
        var link = Self.link()
        _ = link.ask(1, until: Self.now)
        #expect(link.close() == [1])
        #expect(link.failed(.closed, chance: 0).rest == nil)
        #expect(link.rested() == false)
        #expect(link.start() == false)
        #expect(Self.words(link.ask(2, until: Self.now)) == "not sent: stopped")
    }

    @Test("A back-off doubles up to its limit; chance decides its upper half")
    func backoff() {
        var least = Backoff(shortest: .milliseconds(10), longest: .milliseconds(65))
        var most = least
        let lower = (0..<6).map { _ in least.next(chance: 0) }
        let upper = (0..<6).map { _ in most.next(chance: 1) }
        #expect(lower == [5, 10, 20, 32.5, 32.5, 32.5].map { .milliseconds($0) })
        #expect(upper == [10, 20, 40, 65, 65, 65].map { .milliseconds($0) })
        for _ in 0..<1000 { _ = most.next(chance: 0) }
        #expect(most.next(chance: 1) == .milliseconds(65))
        most.reset()
        #expect(most.next(chance: 1) == .milliseconds(10))
    }
}

@Suite("A connection begins with a handshake")
struct HandshakeTests {
    private static func text(_ command: RedisCommand) -> String {
        String(buffer: command.encoded()).split(separator: "\r\n").filter { !"*$".contains($0.first ?? " ") }
            .joined(separator: " ")
    }

    /// The commands, reply by reply, and how the handshake ends.
    private static func talk(_ handshake: Handshake, _ answers: [RedisReply]) -> [String] {
        var handshake = handshake
        var said = [text(handshake.start())]
        for answer in answers {
            switch handshake.heard(answer) {
            case .ask(let command): said.append(text(command))
            case .done: said.append("done")
            case .refused(let failure): said.append("\(failure)")
            }
        }
        return said
    }

    private static func error(_ line: String) -> RedisReply { .error(RedisServerError(line: line.utf8)) }

    @Test("A server with RESP3 gets one command, and SELECT if the database is not 0")
    func newServers() {
        let plain = Handshake(user: nil, password: nil, database: 0, clientName: "")
        #expect(Self.talk(plain, [.map([])]) == ["HELLO 3", "done"])
        let full = Handshake(user: "office", password: "secret", database: 2, clientName: "holdfast")
        #expect(
            Self.talk(full, [.map([]), .simpleString("OK")])
                == ["HELLO 3 AUTH office secret SETNAME holdfast", "SELECT 2", "done"])
        let bare = Handshake(user: nil, password: "secret", database: 0, clientName: "")
        #expect(Self.talk(bare, [.map([])]) == ["HELLO 3 AUTH default secret", "done"])
        let free = Handshake(user: "free", password: nil, database: 0, clientName: "")
        #expect(Self.talk(free, [.map([])]).first == "HELLO 3 AUTH free")
    }

    @Test("A server without RESP3 gets the older login")
    func oldServers() {
        let full = Handshake(user: "office", password: "secret", database: 2, clientName: "h")
        let unknown = Self.error("ERR unknown command `HELLO`, with args beginning with: `3`")
        let good = RedisReply.simpleString("OK")
        #expect(
            Self.talk(full, [unknown, good, Self.error("NOPERM no"), good])
                == [
                    "HELLO 3 AUTH office secret SETNAME h", "AUTH office secret", "CLIENT SETNAME h", "SELECT 2",
                    "done",
                ])
        let bare = Handshake(user: nil, password: "secret", database: 0, clientName: "")
        #expect(
            Self.talk(bare, [Self.error("NOPROTO unsupported"), good])
                == ["HELLO 3 AUTH default secret", "AUTH secret", "done"])
        let plain = Handshake(user: nil, password: nil, database: 0, clientName: "")
        #expect(Self.talk(plain, [unknown]) == ["HELLO 3", "done"])
    }

    @Test("A refused login has a reason of its own; other refusals have the server's words")
    func refused() {
        let plain = Handshake(user: nil, password: nil, database: 9, clientName: "")
        #expect(Self.talk(plain, [Self.error("NOAUTH log in first")]).last == "login refused (NOAUTH)")
        #expect(Self.talk(plain, [Self.error("WRONGPASS x")]).last == "login refused (WRONGPASS)")
        #expect(
            Self.talk(plain, [Self.error("ERR max number of clients reached")]).last
                == "handshake refused (ERR max number of clients reached)")
        #expect(
            Self.talk(plain, [.map([]), Self.error("ERR DB index is out of range")]).last
                == "handshake refused (ERR DB index is out of range)")
        let full = Handshake(user: nil, password: "secret", database: 0, clientName: "")
        #expect(
            Self.talk(full, [Self.error("ERR unknown command 'HELLO'"), Self.error("ERR invalid password")]).last
                == "login refused (ERR)")
    }
}
