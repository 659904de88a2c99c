import BoxOffice
import RedisServers
import RedisStore
import StoreContract
import Testing
import TicketStore

/// The list of events leads to them. Events are entered in it afterwards, by nodes that may fail before, on a server that may
/// lose the entry.
@Suite("An event that the list of events never had, or lost, is sold all the same", .serialized)
struct ListTests {
    private static let toldNothing = PlantedMistake(
        "the list is told nothing", "local function enter(keys, args)\n",
        "local function enter(keys, args)\n  error('nothing')\n")

    private func deaf(on server: RedisServer) async throws -> TestNode {
        try await TestNode(server) { $0.rewriteFunctions = Self.toldNothing.planted }
    }

    private func made(_ outcome: Outcome, sourceLocation: SourceLocation = #_sourceLocation) {
        guard case .eventChanged = outcome else {
            Issue.record("not made: \(outcome)", sourceLocation: sourceLocation)
            return
        }
    }

    private func held(_ outcome: Outcome) throws -> HoldID {
        guard case .held(let view, _) = outcome else {
            Issue.record("not held: \(outcome)")
            throw StoreFailure.outcomeUnknown
        }
        return view.id
    }

    @Test("If a node fails before it enters its event in the list, the next node that meets the event does")
    func untold() async throws {
        let server = try RedisServer()
        let mistake = PlantedMistake(
            "the list is told nothing", "local function enter(keys, args)\n",
            "local function enter(keys, args)\n  error('nothing')\n")
        let one = try await TestNode(server) { $0.rewriteFunctions = mistake.planted }
        let two = try await TestNode(server)
        for id in ["same", "first"] {
            await one.expectUnknown(.define(try hall(5, id: id)))
            // The same event, or another event, which gets a number of its own.
            let next = id == "same" ? id : "second"
            guard case .eventChanged = try await two.outcome(.define(hall(7, id: next))) else {
                Issue.record("not made")
                return
            }
            for event in [id, next] {
                guard case .held = try await two.outcome(holdGA(event: event)) else {
                    Issue.record("\(event) is not sold")
                    return
                }
            }
        }
        let counts = try await two.store.counts().map { "\($0.event): \($0.held) of \($0.capacity)" }
        #expect(counts == ["same: 2 of 7", "first: 1 of 5", "second: 1 of 7"])
        withExtendedLifetime(one) {}
    }

    @Test("It is also entered by a change that expects no event")
    func expectedNone() async throws {
        let server = try RedisServer()
        let one = try await deaf(on: server)
        await one.expectUnknown(.define(try hall(5), expecting: 0))
        let two = try await TestNode(server)
        #expect(try await two.outcome(.define(hall(7), expecting: 0)) == .refused(.revisionMismatch(revision: 1)))
        // On a node that has not met the event.
        let three = try await TestNode(server)
        _ = try held(await three.outcome(holdGA()))
        withExtendedLifetime((one, two)) {}
    }

    @Test("Nodes that make an event at the same time make one event")
    func atOnce() async throws {
        let server = try RedisServer()
        let nodes = [try await TestNode(server), try await TestNode(server), try await TestNode(server)]
        for round in 1...8 {
            try await withThrowingTaskGroup(of: Outcome.self) { group in
                for (number, node) in nodes.enumerated() {
                    // The last node makes another event, and takes none of the others' numbers.
                    let id = number < 2 ? "hall-\(round)" : "other-\(round)"
                    let definition = try hall(30, id: id)
                    group.addTask { try await node.outcome(.define(definition)) }
                }
                for try await outcome in group { made(outcome) }
            }
        }
        let last = try await TestNode(server)
        let counts = try await last.store.counts().map { "\($0.event): \($0.capacity)" }
        #expect(counts.sorted() == (1...8).flatMap { ["hall-\($0): 30", "other-\($0): 30"] }.sorted())
        withExtendedLifetime((nodes, last)) {}
    }

    @Test("Two events of one code, made by nodes that did not see one another, take no number from later events")
    func twin() async throws {
        let server = try RedisServer()
        let mistake = PlantedMistake(
            "nobody is found", "number_in(keys[1], 'c:' .. args[1], 0)", "0 * number_in(keys[1], 'c:' .. args[1], 0)")
        let blind = PlantedMistake(
            "no list is read", "if version == tonumber(args[1]) then return parts[1] end", "do return parts[1] end")
        let one = try await TestNode(server) { $0.rewriteFunctions = { mistake.planted(in: blind.planted(in: $0)) } }
        let two = try await TestNode(server)
        made(try await two.outcome(.define(hall(6))))
        // The node makes another event, and does not see why it is refused.
        let reply = await one.store.perform(.define(try hall(6)))
        guard case .failed(.overloaded) = reply else {
            Issue.record("\(reply)")
            return
        }
        made(try await two.outcome(.define(hall(5, id: "next"))))
        #expect(try await two.store.counts().map { "\($0.event): \($0.capacity)" } == ["hall: 6", "next: 5"])
        withExtendedLifetime(one) {}
    }

    @Test("A lost list is written again by a node that knows the events, or that gets a command for one of their holds")
    func listLost() async throws {
        let server = try RedisServer()
        let one = try await TestNode(server)
        made(try await one.outcome(.define(hall(5))))
        made(try await one.outcome(.define(hall(6, id: "other"))))
        let hold = try held(await one.outcome(holdGA()))
        let other = try held(await one.outcome(holdGA(event: "other")))
        let keys = ["c:hall", "c:other", "e:1", "e:2"]
        try server.ask(["HDEL", "holdfast:{events}"] + keys + ["version"])
        // This node knows only the event's number in the token.
        let two = try await TestNode(server)
        for hold in [hold, other] {
            guard case .purchased = try await two.outcome(.purchase(hold)) else {
                Issue.record("\(hold) is not sold")
                return
            }
        }
        try server.ask(["HDEL", "holdfast:{events}"] + keys + ["version"])
        #expect(
            try await eventually {
                try keys.allSatisfy { try server.ask("HEXISTS", "holdfast:{events}", $0) == "1" }
            })
        let three = try await TestNode(server)
        for node in [one, two, three] {
            #expect(node.store.events.map(\.definition.id.text).sorted() == ["hall", "other"])
        }
        // No node makes it a second time.
        made(try await three.outcome(.define(hall(4))))
        let counts = try await two.store.counts().map { "\($0.event): \($0.sold) of \($0.capacity)" }
        #expect(counts.sorted() == ["hall: 1 of 4", "other: 1 of 6"])
    }

    @Test("An event whose removal was lost makes way for another event of its code")
    func removalLost() async throws {
        let server = try RedisServer()
        let node = try await TestNode(server)
        made(try await node.outcome(.define(hall(5))))
        try server.ask("COPY", "holdfast:{1}:event", "kept")
        guard case .eventRemoved = try await node.outcome(.remove(event: code("hall"))) else {
            Issue.record("not removed")
            return
        }
        try server.ask("COPY", "kept", "holdfast:{1}:event", "REPLACE")
        // The event is there, and the list says that there is none.
        let other = try await TestNode(server)
        for node in [other, node] {
            made(try await node.outcome(.define(hall(7))))
            _ = try held(await node.outcome(holdGA()))
        }
    }

    @Test("A lost event does not hold up other events")
    func eventLost() async throws {
        let server = try RedisServer()
        let one = try await TestNode(server)
        made(try await one.outcome(.define(hall(5))))
        made(try await one.outcome(.define(hall(5, id: "other"))))
        let lost = try held(await one.outcome(holdGA()))
        try server.ask("DEL", "holdfast:{1}:event")
        let two = try await TestNode(server)
        made(try await two.outcome(.define(hall(5, id: "third"))))
        for node in [one, two] {
            for event in ["other", "third"] { _ = try held(await node.outcome(holdGA(event: event))) }
            #expect(try await node.outcome(holdGA()) == .refused(.unknownEvent))
            #expect(try await node.outcome(.look(lost)) == .refused(.unknownHold))
        }
        // It can be made again.
        made(try await one.outcome(.define(hall(3))))
        for node in [one, two] { _ = try held(await node.outcome(holdGA())) }
    }

    @Test("A change that expects an event which does not exist takes no number")
    func expectedSome() async throws {
        let node = try await TestNode(RedisServer())
        made(try await node.outcome(.define(hall(5))))
        let before = try node.server.ask("HGET", "holdfast:{events}", "next")
        let definition = try hall(6, id: "other")
        #expect(
            try await node.outcome(.define(definition, expecting: 7)) == .refused(.revisionMismatch(revision: 0)))
        #expect(try node.server.ask("HGET", "holdfast:{events}", "next") == before)
    }

    @Test("No node starts if there is an event whose pools a former version split over several servers")
    func inParts() async throws {
        let server = try RedisServer()
        // As that version wrote it, except for the number of parts.
        let former = PlantedMistake(
            "an event in parts", "  local packed_terms = cmsgpack.pack(terms)\n",
            "  terms.parts = 3\n  local packed_terms = cmsgpack.pack(terms)\n")
        let one = try await TestNode(server) { $0.rewriteFunctions = former.planted }
        made(try await one.outcome(.define(hall(6))))
        // A running node does not sell it either.
        #expect(try await one.outcome(holdGA()) == .refused(.unknownEvent))
        let error = await #expect(throws: RedisStoreError.self) { try await TestNode(server) }
        #expect(error?.description.contains("event hall under holdfast: in Redis is in parts") == true)
        withExtendedLifetime(one) {}
    }

    @Test("If a definition was lost and another got its revision, no node takes one for the other")
    func revisionTwice() async throws {
        let server = try RedisServer()
        let nodes = [try await TestNode(server), try await TestNode(server)]
        func withType(_ name: String) throws -> EventDefinition {
            let type = try code(name)
            return try hall(50) { $0.types.append(.init(code: type, price: 1, pools: $0.types[0].pools)) }
        }
        made(try await nodes[0].outcome(.define(hall(50))))
        try server.ask("SAVE")
        made(try await nodes[0].outcome(.define(withType("LOST"))))
        #expect(try await eventually { nodes[1].store.events.first?.revision == 2 })
        try server.restart()
        let third = try await TestNode(server)
        made(try await third.outcome(.define(withType("KEPT"))))
        for node in nodes {
            let hold = Command.hold(
                HoldRequest(event: try code("hall"), lines: OneOrMore(Line(type: try code("KEPT"), quantity: 1))))
            var reply = await node.store.perform(hold)
            // The node finds the server again.
            for _ in 0..<2_400 {
                guard case .failed = reply else { break }
                try await Task.sleep(for: .milliseconds(25))
                reply = await node.store.perform(hold)
            }
            guard case .decided(.held(let view, _), _) = reply else {
                Issue.record("\(reply)")
                return
            }
            let catalogue = node.store.catalogue(at: view.event)
            #expect(view.lines.map { catalogue.types[Int($0.type)].code.text } == ["KEPT"])
        }
    }
}
