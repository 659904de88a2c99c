import NIOCore
import RedisStore
import Testing
import TicketStore

/// By virtual time: what is told of the servers, given what was heard and when.
@Suite("Readiness follows what decisions and trials meet, within two seconds")
struct HealthTests {
    private let begin = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private func after(_ milliseconds: Int64) -> NIODeadline { begin + .milliseconds(milliseconds) }

    @Test("Nothing was heard: it is taken for well until somebody has asked")
    func unheard() {
        let health = StoreHealth()
        #expect(health.suspension(of: [], at: begin) == nil)
        #expect(health.suspension(of: [1, 2], at: begin) == nil)
    }

    @Test("An idle event is tried within 0.7 s, a call that stays out is silence after 1.2 s: 1.9 s together")
    func silence() {
        var health = StoreHealth()
        health.heard(1, .notAsked, at: begin)
        #expect(health.eventsToTry(of: [1], at: after(699)) == [])
        #expect(health.eventsToTry(of: [1], at: after(900)) == [1])
        health.asked(1, at: after(900))
        // One that is under way is not tried again.
        #expect(health.eventsToTry(of: [1], at: after(1_700)) == [])
        #expect(health.suspension(of: [1], at: after(2_099)) == nil)
        #expect(health.suspension(of: [1], at: after(2_100)) == .silent)
        health.heard(1, .notAsked, at: after(9_000))
        #expect(health.suspension(of: [1], at: after(9_000)) == nil)
    }

    @Test("A failure is told at once with its reason, and the next answer ends it")
    func failure() {
        var health = StoreHealth()
        health.heard(1, .notAsked, at: begin)
        health.failed(1, .memoryFull, at: after(10))
        #expect(health.suspension(of: [1], at: after(10)) == .memoryFull)
        // The reason that was heard is not forgotten for silence.
        health.asked(1, at: after(20))
        #expect(health.suspension(of: [1], at: after(5_000)) == .memoryFull)
        // Nor for an answer to a look, which needs less than a decision.
        health.looked(1)
        #expect(health.suspension(of: [1], at: after(5_000)) == .memoryFull)
        health.failed(1, nil, at: after(5_001))
        #expect(health.suspension(of: [1], at: after(5_001)) == .memoryFull)
        health.heard(1, .notAsked, at: after(5_002))
        #expect(health.suspension(of: [1], at: after(5_002)) == nil)
    }

    @Test("Some events cannot be sold: a concern; all of them: nothing is ready; what is old says nothing")
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
        // The first one was heard of two seconds ago: the others say more.
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
            // An answer that nobody waited for says nothing of the replicas.
            health.heard(1, .notAsked, at: after(200))
            #expect(health.suspension(of: [1], at: after(200)) == (holdsWait ? .replicasMissing : nil))
            #expect(
                health.concerns(of: [1], at: after(200)) { _ in "" }.map(\.kind)
                    == [holdsWait ? .eventsUnavailable : .replicasMissing])
            // It is tried for as long as it was not confirmed, however much is held meanwhile.
            #expect(health.eventsToTry(of: [1], at: after(900)) == [1])
            #expect(health.waitsShortly(1))
            health.heard(1, .given, at: after(901))
            #expect(health.waitsShortly(1) != holdsWait)
            #expect(health.suspension(of: [1], at: after(901)) == nil)
            #expect(health.concerns(of: [1], at: after(901)) { _ in "" } == [])
        }
    }

    @Test("Many events are tried by turns, so many at a time")
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
