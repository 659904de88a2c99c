import NIOCore
import RedisStore
import Testing
import TicketStore

/// In virtual time: the condition that follows from what calls met, and when.
@Suite("Readiness follows what decisions and trials meet, within two seconds (R32 Readiness)")
struct HealthTests {
    private let begin = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private func after(_ milliseconds: Int64) -> NIODeadline { begin + .milliseconds(milliseconds) }

    @Test("An event counts as well until it was called")
    func unheard() {
        let health = StoreHealth()
        #expect(health.suspension(of: [], at: begin) == nil)
        #expect(health.suspension(of: [1, 2], at: begin) == nil)
    }

    @Test("An idle event is tried within 0.7 s, and a call without an answer is silence after 1.2 s: 1.9 s together")
    func silence() {
        var health = StoreHealth()
        health.heard(1, .notAsked, at: begin)
        #expect(health.eventsToTry(of: [1], at: after(699)) == [])
        #expect(health.eventsToTry(of: [1], at: after(900)) == [1])
        health.asked(1, at: after(900))
        // An event with a call under way is not tried again.
        #expect(health.eventsToTry(of: [1], at: after(1_700)) == [])
        #expect(health.suspension(of: [1], at: after(2_099)) == nil)
        #expect(health.suspension(of: [1], at: after(2_100)) == .silent)
        health.heard(1, .notAsked, at: after(9_000))
        #expect(health.suspension(of: [1], at: after(9_000)) == nil)
    }

    @Test("A failure counts at once with its reason, and the next answer ends it")
    func failure() {
        var health = StoreHealth()
        health.heard(1, .notAsked, at: begin)
        health.failed(1, .memoryFull, at: after(10))
        #expect(health.suspension(of: [1], at: after(10)) == .memoryFull)
        // Silence does not replace the reason of a failure.
        health.asked(1, at: after(20))
        #expect(health.suspension(of: [1], at: after(5_000)) == .memoryFull)
        // Nor does the answer to a look, which needs less than a decision.
        health.looked(1)
        #expect(health.suspension(of: [1], at: after(5_000)) == .memoryFull)
        health.failed(1, nil, at: after(5_001))
        #expect(health.suspension(of: [1], at: after(5_001)) == .memoryFull)
        health.heard(1, .notAsked, at: after(5_002))
        #expect(health.suspension(of: [1], at: after(5_002)) == nil)
    }

    @Test("If some events cannot be sold it is a concern, if all cannot nothing is ready, and old answers say nothing")
    func some() {
        var health = StoreHealth()
        let events = (UInt64(1)...6).map { EventNumber($0) }
        for event in events { health.heard(event, .notAsked, at: begin) }
        for event in events.dropFirst() { health.failed(event, .unreachable, at: after(100)) }
        #expect(health.suspension(of: events, at: after(200)) == nil)
        #expect(
            health.concerns(of: events, at: after(200)) { "e\($0)" } == [
                StoreConcern(.eventsUnavailable, "Not sold now (store-unreachable): e2, e3, e4 and 2 more.")
            ])
        // The first event was answered two seconds ago: the others say more.
        #expect(health.suspension(of: events, at: after(2_001)) == .unreachable)
        health.keep([1])
        #expect(health.suspension(of: [1], at: after(2_001)) == nil)
    }

    @Test(
        "Without replicas nothing is answered where holds wait for them, and only purchases are not where they do not")
    func replicas() {
        for holdsWait in [true, false] {
            var health = StoreHealth(waitTime: .seconds(1), holdsWait: holdsWait)
            health.heard(1, .given, at: begin)
            #expect(health.concerns(of: [1], at: begin) { _ in "" } == [])
            health.heard(1, .missing(.replicasMissing), at: after(100))
            // An answer without WAIT says nothing about the replicas.
            health.heard(1, .notAsked, at: after(200))
            #expect(health.suspension(of: [1], at: after(200)) == (holdsWait ? .replicasMissing : nil))
            #expect(
                health.concerns(of: [1], at: after(200)) { _ in "" }.map(\.kind)
                    == [holdsWait ? .eventsUnavailable : .replicasMissing])
            // It is tried until the replicas acknowledge it, however much is held meanwhile.
            #expect(health.eventsToTry(of: [1], at: after(900)) == [1])
            #expect(health.waitsShortly(1))
            health.heard(1, .given, at: after(901))
            #expect(health.waitsShortly(1) != holdsWait)
            #expect(health.suspension(of: [1], at: after(901)) == nil)
            #expect(health.concerns(of: [1], at: after(901)) { _ in "" } == [])
        }
    }

    @Test("Many events are tried in turns, a few at a time")
    func turns() {
        var health = StoreHealth()
        let events = (UInt64(1)...40).map { EventNumber($0) }
        var tried: [EventNumber] = []
        for round in Int64(0)..<3 { tried += health.eventsToTry(of: events, at: after(round * 200)) }
        #expect(tried.sorted() == events)
        #expect(health.eventsToTry(of: events, at: after(450)) == [])
        #expect(health.eventsToTry(of: events, at: after(800)) == Array(events.prefix(16)))
    }
}
