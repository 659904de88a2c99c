internal import BoxOffice
internal import Dispatch
internal import EmbeddedStore
internal import Foundation
internal import Logging
internal import Synchronization
internal import TicketStore

/// Callers of one store, driven by one thread as an event loop drives its connections: all that a commit answered are
/// taken at once, and ask again.
struct Crowd {
    private let store: EmbeddedStore
    private let durability: Durability
    private let callers: Int
    private let box = Box()
    private let command: Command

    init(_ callers: Int, in directory: String, _ durability: String?) throws {
        guard let durability = Durability(rawValue: durability ?? "full"), let event = Code("main"),
            let type = Code("GA")
        else { throw WrongUse() }
        self.durability = durability
        self.callers = callers
        store = try EmbeddedStore(
            EmbeddedStore.Configuration(directory: directory, durability: durability),
            logger: Logger(label: "callers"))
        command = .hold(HoldRequest(event: event, lines: OneOrMore(Line(type: type, quantity: 1))))
        let definition = EventDefinition(
            id: event, holdTime: .seconds(24 * 3600), pools: [.init(code: type, capacity: 100_000_000)],
            types: [.init(code: type, pools: [type])])
        guard store.submit(.define(definition), ticket: 0, replyTo: box) == nil, box.take().count == 1 else {
            throw WrongUse()
        }
    }

    func run(seconds: Double) -> Result {
        var result = Result(callers: callers, durability: durability)
        let measuresFrom = DispatchTime.now().uptimeNanoseconds + UInt64(seconds * 1e8)
        let end = measuresFrom + UInt64(seconds * 1e9)
        var asked = ContiguousArray(repeating: DispatchTime.now().uptimeNanoseconds, count: callers)
        var latencies: ContiguousArray<UInt64> = []
        latencies.reserveCapacity(4_000_000)
        var held = 0
        var underWay = callers
        var cpu: (start: Double, moment: UInt64)?
        for ticket in 0..<callers { ask(ticket) }
        while underWay > 0 {
            let replies = box.take()
            let now = DispatchTime.now().uptimeNanoseconds
            if cpu == nil, now >= measuresFrom { cpu = (Self.cpuSeconds(), now) }
            for reply in replies {
                guard case .decided(.held, at: _) = reply.reply else { preconditionFailure("there are places for all") }
                let caller = Int(reply.ticket)
                held += 1
                if cpu != nil { latencies.append(now - asked[caller]) }
                asked[caller] = now
                if now < end { ask(caller) } else { underWay -= 1 }
            }
        }
        if let cpu {
            result.seconds = Double(DispatchTime.now().uptimeNanoseconds - cpu.moment) / 1e9
            result.cpuSeconds = Self.cpuSeconds() - cpu.start
        }
        result.measured = latencies.count
        latencies.sort()
        if let longest = latencies.last {
            result.p50 = latencies[latencies.count / 2]
            result.p99 = latencies[latencies.count * 99 / 100]
            result.longest = longest
        }
        let counts = store.counts()
        result.balances = counts.allSatisfy { $0.balances && $0.held == held } && counts.count == 1
        store.stop()
        return result
    }

    /// So many times, all ask together and wait until each was answered: the same commits each time, whatever the disk
    /// does. For counting instructions and allocations from outside.
    ///
    /// - Returns: whether all were answered with a hold and the books balance.
    func run(turns: Int) -> Bool {
        for _ in 0..<turns {
            for ticket in 0..<callers { ask(ticket) }
            var answered = 0
            while answered < callers {
                for reply in box.take() {
                    guard case .decided(.held, at: _) = reply.reply else { return false }
                    answered += 1
                }
            }
        }
        let counts = store.counts()
        store.stop()
        return counts.count == 1 && counts.allSatisfy { $0.balances && $0.held == turns * callers }
    }

    private func ask(_ ticket: Int) {
        let reply = store.submit(command, ticket: UInt64(ticket), replyTo: box)
        precondition(reply == nil, "a hold waits for the disk")
    }

    /// User and system time of this process.
    private static func cpuSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private struct WrongUse: Error {}
}

/// What came of it.
struct Result {
    let callers: Int
    let durability: Durability
    var seconds = 0.0
    var cpuSeconds = 0.0
    /// Holds answered in the measured time.
    var measured = 0
    /// Nanoseconds.
    var p50: UInt64 = 0
    var p99: UInt64 = 0
    var longest: UInt64 = 0
    var balances = false

    init(callers: Int, durability: Durability) {
        self.callers = callers
        self.durability = durability
    }

    var json: String {
        let rate = seconds > 0 ? Double(measured) / seconds : 0
        let each = measured > 0 ? cpuSeconds / Double(measured) * 1e6 : 0
        return """
            {"callers": \(callers), "durability": "\(durability)", "holds": \(measured), "holds_per_second": \(Int(rate)), \
            "cpu_us": \(each), "p50_us": \(Double(p50) / 1e3), "p99_us": \(Double(p99) / 1e3), \
            "max_us": \(Double(longest) / 1e3), "balances": \(balances)}
            """
    }
}

/// Where the store's replies wait for the thread that drives the callers.
private final class Box: ReplySink {
    private let came = Mutex(ContiguousArray<TicketedReply>())
    private let signal = DispatchSemaphore(value: 0)

    func deliver(_ replies: ContiguousArray<TicketedReply>) {
        came.withLock { $0.append(contentsOf: replies) }
        signal.signal()
    }

    /// Waits until there are replies, and takes all there are.
    func take() -> ContiguousArray<TicketedReply> {
        while true {
            signal.wait()
            let taken = came.withLock { replies in
                defer { replies = [] }
                return replies
            }
            // One signal may have been for what an earlier call took.
            if !taken.isEmpty { return taken }
        }
    }
}
