import NIOCore
import RedisStore
import Testing

/// In virtual time: when a node counts an event again from its holds.
@Suite("Events are counted again in time, and not all the time (R36 Recount)")
struct CountScheduleTests {
    private let begin = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    @Test("An event that seems wrong is counted at once, and then at most once a minute")
    func wrong() {
        var schedule = CountSchedule()
        #expect(schedule.begin(1, at: begin) == true)
        #expect(schedule.begin(1, at: begin + CountSchedule.shortest - .nanoseconds(1)) == false)
        #expect(schedule.begin(2, at: begin) == true)
        #expect(schedule.begin(1, at: begin + CountSchedule.shortest) == true)
    }

    @Test("Every event is counted once an hour, one after the other")
    func hourly() {
        var schedule = CountSchedule()
        #expect(schedule.next(of: [1, 2], at: begin) == 1)
        #expect(schedule.begin(1, at: begin) == true)
        #expect(schedule.next(of: [1, 2], at: begin) == 2)
        #expect(schedule.begin(2, at: begin + .seconds(1)) == true)
        #expect(schedule.next(of: [1, 2], at: begin + CountSchedule.interval - .nanoseconds(1)) == nil)
        #expect(schedule.next(of: [1, 2], at: begin + CountSchedule.interval) == 1)
    }

    @Test("An event with too many holds is counted in pages, at most every ten minutes")
    func pages() {
        var schedule = CountSchedule()
        #expect(schedule.beginPages(at: begin) == nil)
        schedule.tooLarge = [3, 2]
        #expect(schedule.beginPages(at: begin) == 2)
        #expect(schedule.beginPages(at: begin) == 3)
        #expect(schedule.beginPages(at: begin) == nil)
        schedule.tooLarge = [2]
        #expect(schedule.beginPages(at: begin + CountSchedule.pagesInterval - .nanoseconds(1)) == nil)
        #expect(schedule.beginPages(at: begin + CountSchedule.pagesInterval) == 2)
    }
}
