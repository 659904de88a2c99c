import Testing
import TicketAPI

@Suite("A connection is closed in time, and not before")
struct ConnectionPatienceTests {
    private static let limits = ConnectionPatience.Limits(request: 10, idle: 75, write: 30)

    /// A connection, second by second.
    private struct Script {
        var patience = ConnectionPatience(ConnectionPatienceTests.limits, at: 0)
        var tick: UInt32 = 0
        var pending = 0
        var isAnswering = false
        var isReading = true
        var isSpare = false

        /// Lets up to `seconds` pass. Returns the second in which the verdict was to do something, and whether it was to close.
        mutating func wait(_ seconds: UInt32, _ each: (inout Script) -> Void = { _ in }) -> (UInt32, Bool)? {
            for _ in 0..<seconds {
                tick += 1
                each(&self)
                let verdict = patience.look(
                    at: tick, pending: pending, isAnswering: isAnswering, isReading: isReading, isSpare: isSpare)
                switch verdict {
                case .goOn: continue
                case .refuseRequest: return (tick, false)
                case .close: return (tick, true)
                }
            }
            return nil
        }

        mutating func send(_ bytes: Int) {
            patience.send(bytes: bytes)
            pending += bytes
        }
    }

    @Test("A connection without a request is closed after the idle time, and not before")
    func idle() {
        var script = Script()
        let end = script.wait(100)
        #expect(end?.0 == 76 && end?.1 == true)
    }

    @Test("A request that is not whole in its time is refused; a connection that is owed an answer is not idle")
    func request() {
        var script = Script()
        _ = script.wait(5)
        script.patience.receive(beginRequest: true, at: script.tick)
        _ = script.wait(9)
        // More of it gives no more time.
        script.patience.receive(beginRequest: true, at: script.tick)
        let end = script.wait(100)
        #expect(end?.0 == 16 && end?.1 == false)

        script = Script()
        script.patience.receive(beginRequest: true, at: 0)
        script.patience.endRequest()
        script.isAnswering = true
        #expect(script.wait(1_000) == nil)
    }

    @Test("While the service reads nothing no request is late, and it has its whole time afterwards")
    func pause() {
        var script = Script()
        script.patience.receive(beginRequest: true, at: 0)
        script.isReading = false
        #expect(script.wait(20) == nil)
        script.isReading = true
        script.patience.resumeReading(at: script.tick)
        let end = script.wait(100)
        #expect(end?.0 == 31 && end?.1 == false)
    }

    @Test("A client that reads nothing is cut off after the time for writing, whatever else is under way")
    func stuck() {
        for isAnswering in [false, true] {
            var script = Script()
            script.isAnswering = isAnswering
            _ = script.wait(3)
            script.send(100_000)
            script.pending = 60_000
            #expect(script.wait(30) == nil)
            // Further bytes to send are no progress.
            script.send(1_000)
            let end = script.wait(100)
            #expect(end?.0 == 34 && end?.1 == true)
        }
    }

    @Test(
        "A client that reads a little now and then is not cut off, even beyond the idle time and while as much is added"
    )
    func slow() {
        var script = Script()
        script.send(1_000_000)
        let end = script.wait(1_000) { script in
            if script.tick % 29 == 0 { script.pending -= 1 }
        }
        #expect(end == nil)
        let steady = script.wait(1_000) { script in
            script.pending -= 500
            script.send(500)
        }
        #expect(steady == nil)
        script.pending = 0
        let idle = script.wait(100)
        #expect(idle?.0 == 2_001 + 76 && idle?.1 == true)
    }

    @Test("The last answer has as long as the client reads of it, and then two seconds")
    func lingering() {
        var script = Script()
        script.send(1_000)
        script.patience.linger(at: 0)
        #expect(script.patience.isLingering)
        #expect(script.wait(20) { $0.pending -= 50 } == nil)
        let end = script.wait(10)
        #expect(end?.0 == 22 && end?.1 == true)

        script = Script()
        script.send(1_000)
        script.patience.linger(at: 0)
        let stuck = script.wait(100)
        #expect(stuck?.0 == 31 && stuck?.1 == true)
    }

    @Test("A connection that there is no room for has two seconds to send a probe")
    func spare() {
        var script = Script()
        script.isSpare = true
        let end = script.wait(100)
        #expect(end?.0 == 2 && end?.1 == true)
    }
}
