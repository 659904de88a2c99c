import NIOCore
import RedisWire
import Testing

private let a = RedisNode(host: "a", port: 1)
private let b = RedisNode(host: "b", port: 2)
private let c = RedisNode(host: "c", port: 3)
private let d = RedisNode(host: "d", port: 4)

private func map(_ ranges: (Int, Int, RedisNode)..., replicas: [RedisNode] = []) -> ClusterMap {
    let ranges = ranges.map { ClusterMap.Range(first: UInt16($0.0), last: UInt16($0.1), master: $0.2) }
    guard let map = ClusterMap(ranges: ranges, replicas: replicas) else {
        preconditionFailure("a map in a test is one")
    }
    return map
}

private func slot(_ number: Int) -> RedisSlot {
    guard let slot = RedisSlot(number) else { preconditionFailure("a slot in a test is one") }
    return slot
}

@Suite("The map of a cluster is read")
struct ClusterMapTests {
    private static func node(_ host: RedisReply, _ port: Int64) -> RedisReply {
        .array([host, .integer(port), .bulk(ByteBuffer(string: "id")), .array([])])
    }

    private static func text(_ text: String) -> RedisReply { .bulk(ByteBuffer(string: text)) }

    @Test("Ranges may come in any order, without hosts, and with unknown nodes")
    func reading() throws {
        let reply = RedisReply.array([
            .array([.integer(8192), .integer(16383), Self.node(Self.text("b"), 2), Self.node(Self.text("d"), 4)]),
            .array([.integer(0), .integer(99), Self.node(.null, 1), Self.node(Self.text("?"), 7)]),
            .array([.integer(100), .integer(4000), Self.node(Self.text(""), 1)]),
            .array([.integer(5000), .integer(5001), Self.node(Self.text("?"), 9)]),
        ])
        let read = try ClusterMap(slots: reply, from: RedisNode(host: "a", port: 9), limit: 10)
        #expect(read == map((0, 4000, a), (8192, 16383, b)))
        #expect(read.masters == [a, b])
        #expect(read.replicas == [d])
        #expect(read.covered == 4001 + 8192)
    }

    @Test(
        "An impossible map is refused",
        arguments: [
            RedisReply.simpleString("OK"), .array([.integer(1)]), .array([.array([.integer(0), .integer(1)])]),
            .array([.array([.integer(0), .integer(16384), node(text("a"), 1)])]),
            .array([.array([.integer(-1), .integer(3), node(text("a"), 1)])]),
            .array([.array([.integer(3), .integer(2), node(text("a"), 1)])]),
            .array([.array([.integer(0), .integer(1), node(text("a"), 65536)])]),
            .array([
                .array([.integer(0), .integer(5), node(text("a"), 1)]),
                .array([.integer(5), .integer(9), node(text("b"), 1)]),
            ]),
            .array([.array([.integer(0), .integer(5), node(text("a"), 1), node(text("b"), 1), node(text("c"), 1)])]),
        ])
    func nonsense(reply: RedisReply) {
        #expect(throws: RedisShapeError.self) { try ClusterMap(slots: reply, from: a, limit: 2) }
    }

    @Test(
        "A redirection is read",
        arguments: [
            ("3999 10.0.0.1:6381", "10.0.0.1", 6381), ("3999 ::1:6381", "::1", 6381), ("3999 :6381", "a", 6381),
            ("3999 node.example:1 later-additions", "node.example", 1),
        ])
    func redirection(text: String, host: String, port: Int) {
        let redirection = Redirection(text, from: a)
        #expect(redirection?.node == RedisNode(host: host, port: port))
        #expect(redirection?.slot == slot(3999))
    }

    @Test(
        "A malformed redirection is not followed",
        arguments: [
            "", "3999", "16384 a:1", "-1 a:1", "x a:1", "1 a", "1 a:", "1 a:0", "1 a:65536", "1 ?:6379",
        ])
    func noRedirection(text: String) {
        #expect(Redirection(text, from: a) == nil)
    }
}

@Suite("The map of a cluster is the one of the majority")
struct ClusterMachineTests {
    private static let now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private static func machine(_ seeds: [RedisNode] = [a, b, c]) -> ClusterMachine {
        var timeouts = RedisConfiguration.Timeouts()
        timeouts.shortestRefresh = .milliseconds(100)
        timeouts.longestRefresh = .seconds(10)
        return ClusterMachine(seeds: seeds, limits: RedisConfiguration.Limits(), timeouts: timeouts)
    }

    @Test("There is no map at first; two of three nodes that agree are enough, and the third is not waited for")
    func agreement() {
        var machine = Self.machine()
        let order = map((0, 16383, d))
        #expect(machine.route(slot(1), chance: 0) == .unknown)
        #expect(machine.look(at: Self.now, chance: 0) == .ask([a, b, c], poll: 1))
        #expect(machine.look(at: Self.now, chance: 0) == .underWay)
        #expect(machine.heard(order, of: 1) == .wait)
        #expect(machine.heard(order, of: 1) == .adopt(isNew: true))
        #expect(machine.heard(map((0, 16383, a)), of: 1) == .wait)
        #expect(machine.route(slot(1), chance: 0) == .to(d))
        #expect(machine.look(at: Self.now + .milliseconds(99), chance: 0) == .notBefore(Self.now + .milliseconds(100)))
        #expect(machine.nextLook(at: Self.now) == Self.now + .seconds(10))
    }

    @Test("Without a majority the map with most slots is taken, and one answer is better than none")
    func disagreement() {
        var machine = Self.machine()
        _ = machine.look(at: Self.now, chance: 0)
        _ = machine.heard(map((0, 100, a)), of: 1)
        _ = machine.heard(map((0, 200, b)), of: 1)
        #expect(machine.heard(nil, of: 1) == .adopt(isNew: true))
        #expect(machine.route(slot(7), chance: 0) == .to(b))
        #expect(machine.route(slot(201), chance: 0) == .unserved)
        let later = Self.now + .milliseconds(100)
        #expect(machine.look(at: later, chance: 0.9) == .ask([c, b, a], poll: 2))
        _ = machine.heard(nil, of: 2)
        _ = machine.heard(nil, of: 2)
        #expect(machine.heard(map((0, 200, b)), of: 2) == .adopt(isNew: false))
    }

    @Test("If no node answers, the client asks again soon, and other nodes as well")
    func failure() {
        var machine = Self.machine([a])
        _ = machine.look(at: Self.now, chance: 0)
        #expect(machine.heard(nil, of: 1) == .failed)
        #expect(machine.nextLook(at: Self.now) == Self.now + .milliseconds(100))
        var later = Self.now + .milliseconds(100)
        #expect(machine.look(at: later, chance: 0) == .ask([a], poll: 2))
        let order = map((0, 1, b), (2, 3, c), (4, 5, RedisNode(host: "e")), replicas: [d])
        #expect(machine.heard(order, of: 2) == .adopt(isNew: true))
        later = later + .seconds(1)
        #expect(machine.look(at: later, chance: 0) == .ask([b, c, RedisNode(host: "e")], poll: 3))
        for _ in 0..<3 { _ = machine.heard(nil, of: 3) }
        later = later + .seconds(1)
        #expect(machine.look(at: later, chance: 0.7) == .ask([d, a, b], poll: 4))
        #expect(machine.knows(d) == true)
        #expect(machine.knows(a) == false)
    }

    @Test("A redirection holds for its slot at once, and the next look decides")
    func moved() {
        var machine = Self.machine([a])
        _ = machine.look(at: Self.now, chance: 0)
        _ = machine.heard(map((0, 99, a), (100, 199, b)), of: 1)
        machine.moved(Redirection("50 d:4", from: a) ?? { preconditionFailure("it is one") }())
        #expect(machine.route(slot(49), chance: 0) == .to(a))
        #expect(machine.route(slot(50), chance: 0) == .to(d))
        #expect(machine.route(slot(51), chance: 0) == .to(a))
        #expect(machine.knows(d) == true)
    }

    @Test("A command without a key goes to any master")
    func keyless() {
        var machine = Self.machine([a])
        _ = machine.look(at: Self.now, chance: 0)
        _ = machine.heard(map((0, 99, a), (100, 199, b), (200, 299, c)), of: 1)
        #expect(machine.route(nil, chance: 0) == .to(a))
        #expect(machine.route(nil, chance: 0.5) == .to(b))
        #expect(machine.route(nil, chance: 0.999) == .to(c))
    }
}

@Suite("A call is sent again only if it certainly was not done")
struct RedirectsTests {
    private static func error(_ line: String) -> RedisReply { .error(RedisServerError(line: line.utf8)) }

    private static func decide(_ replies: [RedisReply], repeatable: Set<Int> = []) -> Redirects.Verdict {
        var redirects = Redirects(limit: 1)
        return redirects.decide(replies, isRepeatable: { repeatable.contains($0) }, from: a).verdict
    }

    @Test("One command")
    func one() {
        #expect(Self.decide([.integer(1)]) == .over)
        #expect(Self.decide([Self.error("MOVED 1 b:2")]) == .again(b, asking: false))
        #expect(Self.decide([Self.error("ASK 1 :2")]) == .again(RedisNode(host: "a", port: 2), asking: true))
        #expect(Self.decide([Self.error("TRYAGAIN later")]) == .later)
        for line in ["CLUSTERDOWN x", "LOADING x", "READONLY x", "MASTERDOWN x", "ERR x", "MOVED nonsense"] {
            #expect(Self.decide([Self.error(line)]) == .over)
        }
    }

    @Test("Several commands: once one was done that may not be done twice, none is sent again")
    func several() {
        let moved = Self.error("MOVED 1 b:2")
        #expect(Self.decide([moved, moved]) == .again(b, asking: false))
        #expect(Self.decide([moved, .integer(0)]) == .over)
        #expect(Self.decide([moved, .integer(0)], repeatable: [1]) == .again(b, asking: false))
        #expect(Self.decide([.integer(0), moved], repeatable: [1]) == .over)
        #expect(Self.decide([moved, Self.error("ERR half done")]) == .over)
        #expect(Self.decide([Self.error("TRYAGAIN x"), moved]) == .later)
    }

    @Test("Not more often than the limit, and each time with the slot's new node")
    func bound() {
        var redirects = Redirects(limit: 2)
        let moved = Self.error("MOVED 1 b:2")
        for verdict in [Redirects.Verdict.again(b, asking: false), .again(b, asking: false), .over] {
            let decided = redirects.decide([moved], isRepeatable: { _ in false }, from: a)
            #expect(decided.verdict == verdict)
            #expect(decided.moved == Redirection("1 b:2", from: a))
        }
    }

    @Test(
        "What a caller gets",
        arguments: [
            ("CLUSTERDOWN x", RedisFailure.unavailable(.clusterDown)), ("LOADING x", .unavailable(.loading)),
            ("MASTERDOWN x", .unavailable(.masterDown)), ("READONLY x", .unavailable(.readOnly)),
            ("TRYAGAIN x", .unavailable(.slotMoving)), ("MOVED 1 b:2", .unavailable(.movedTooOften)),
            ("BUSY x", .unavailable(.busy)), ("NOREPLICAS x", .unavailable(.tooFewReplicas)),
            ("MISCONF x", .unavailable(.cannotPersist)), ("OOM x", .unavailable(.outOfMemory)),
            ("WRONGTYPE x", .refused(RedisServerError(code: "WRONGTYPE", message: "x"))),
            // How a server before 7.0 refuses a script's first write.
            ("\(inScript) -OOM command not allowed when used memory > 'maxmemory'.", .unavailable(.outOfMemory)),
            ("\(inScript) -READONLY You can't write against a read only replica.", .unavailable(.readOnly)),
            ("\(inScript) -MISCONF Errors writing to the AOF file: No space - left", .unavailable(.cannotPersist)),
            (
                "ERR Error running script: x",
                .refused(RedisServerError(code: "ERR", message: "Error running script: x"))
            ),
        ])
    func telling(line: String, failure: RedisFailure) {
        #expect(Self.error(line).outcome(isCluster: true) == .failure(failure))
        if case .refused = failure {
            #expect(!failure.isCertainlyUndone)
        } else {
            #expect(failure.isCertainlyUndone)
        }
        #expect(Self.error(line).tellsOfChange == Self.ofChange.contains(failure))
    }

    private static let inScript = "ERR Error running script (call to f_a804): @user_script:1: @user_script: 1:"
    private static let ofChange: [RedisFailure] = [
        .unavailable(.clusterDown), .unavailable(.masterDown), .unavailable(.readOnly), .unavailable(.movedTooOften),
    ]

    @Test("To a client of one server, a redirection is an error in the server's words")
    func standalone() {
        #expect(
            Self.error("MOVED 1 b:2").outcome(isCluster: false)
                == .failure(.refused(RedisServerError(code: "MOVED", message: "1 b:2"))))
    }
}
