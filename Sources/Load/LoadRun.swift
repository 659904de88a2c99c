// For the C library's clock of the process' CPU time.
internal import Foundation
internal import Histogram
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// One run of load: looks at the books, asks, waits for the last answers, and looks at the books again.
public struct LoadRun: Sendable {
    public let plan: LoadPlan
    public let target: LoadTarget
    /// Makes idempotency keys and payments this run's own.
    public let number: UInt64

    public init(_ plan: LoadPlan, target: LoadTarget, number: UInt64) {
        self.plan = plan
        self.target = target
        self.number = number
    }

    /// How long answers that are under way at the end are waited for.
    private static let patience = 500
    /// How often the books are looked at, a tenth of a second apart, until they balance: where several nodes share a store,
    /// the one that is asked may count what another one did a moment later.
    private static let looks = 10

    /// Runs the load.
    ///
    /// - Parameter onSecond: called for each second of it, as soon as it is over.
    public func run(onSecond: @escaping @Sendable (LoadSecond) -> Void) async throws -> LoadReport {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: plan.threads)
        do {
            let report = try await run(on: group, onSecond)
            try? await group.shutdownGracefully()
            return report
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private func run(
        on group: MultiThreadedEventLoopGroup, _ onSecond: @escaping @Sendable (LoadSecond) -> Void
    ) async throws -> LoadReport {
        let probe = LoadProbe(target: target, group: group)
        let isOurs = try await probe.isOurs()
        var target = target
        if isOurs { target.looksAt = LoadProbe.availabilityPath(plan) }
        let isOnlyLooking = plan.scenario == .availability || plan.scenario == .churn
        guard isOurs || isOnlyLooking else { throw LoadError.notOurs(plan.scenario) }
        let before = isOurs ? try await probe.free(plan) : nil
        if isOurs, before == nil {
            throw LoadError.nothingThere("ticket type \(plan.type) with a count, at \(target.looksAt)")
        }
        if plan.scenario == .soldout, let before, before > 0 { throw LoadError.notSoldOut(free: before) }

        let life = isOurs ? try await probe.life(plan) : nil
        let watched: @Sendable (LoadSecond) -> Void = { [plan] second in
            probe.freeNow(plan).whenSuccess { left in
                var second = second
                second.left = left
                onSecond(second)
            }
        }
        let seconds = LoadSeconds(loops: plan.threads, isOurs ? watched : onSecond)
        let loops = Array(group.makeIterator())
        var offices: [NIOLoopBound<LoadOffice>] = []
        for (index, loop) in loops.enumerated() {
            let share = plan.connections / loops.count + (index < plan.connections % loops.count ? 1 : 0)
            guard share > 0 else { continue }
            offices.append(
                try await loop.submit { [plan, target, number] in
                    NIOLoopBound(
                        LoadOffice(
                            plan, target: target, life: life, loop: loop, connections: share, firstNumber: index,
                            run: number, publish: seconds.add),
                        eventLoop: loop)
                }.get())
        }
        let cpuBefore = Self.cpuSeconds()
        let began = NIODeadline.now()
        for office in offices { try await office.eventLoop.submit { office.value.open() }.get() }
        try await wait(TimeAmount(plan.warmUp) + TimeAmount(plan.duration), on: group)
        for office in offices { try await office.eventLoop.submit { office.value.stopAsking() }.get() }
        let elapsed = Double((NIODeadline.now() - began).nanoseconds) / 1e9
        let cpu = Self.cpuSeconds() - cpuBefore
        for _ in 0..<Self.patience {
            var isQuiet = true
            for office in offices {
                isQuiet = try await office.eventLoop.submit { office.value.isQuiet }.get() && isQuiet
            }
            if isQuiet { break }
            try await wait(.milliseconds(10), on: group)
        }
        var results: [LoadResult] = []
        for office in offices { results.append(try await office.eventLoop.submit { office.value.close() }.get()) }
        var report = LoadReport(plan, results, seconds.all, isOurs: isOurs)
        report.ownCPU = cpu / max(elapsed, 0.001) / Double(plan.threads)
        if isOurs, let before {
            let mayExpire = life.map { Double($0.nanoseconds) / 1e9 < elapsed + 10 } ?? true
            for _ in 0..<Self.looks {
                guard let after = try await probe.free(plan) else { break }
                let books = LoadBooks(before: before, after: after, report.tally, mayExpire: mayExpire)
                report.books = books
                if books.balance { break }
                try await wait(.milliseconds(100), on: group)
            }
        }
        return report
    }

    private func wait(_ time: TimeAmount, on group: any EventLoopGroup) async throws {
        try await group.next().scheduleTask(in: time) {}.futureResult.get()
    }

    /// User and system time of this process.
    private static func cpuSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// Puts the seconds of all loops together.
private final class LoadSeconds: Sendable {
    private struct State {
        var parts: [[LoadSecond]] = []
        var whole: [LoadSecond] = []
    }

    private let state = Mutex(State())
    private let loops: Int
    private let onSecond: @Sendable (LoadSecond) -> Void

    init(loops: Int, _ onSecond: @escaping @Sendable (LoadSecond) -> Void) {
        self.loops = loops
        self.onSecond = onSecond
    }

    /// A second is whole when as many parts came as there are loops: they all publish once a second.
    @Sendable func add(_ part: LoadSecond) {
        let whole: LoadSecond? = state.withLock { state in
            if state.parts.last.map({ $0.count == loops }) ?? true { state.parts.append([]) }
            state.parts[state.parts.count - 1].append(part)
            guard let last = state.parts.last, last.count == loops else { return nil }
            var sum = LoadSecond()
            for part in last { sum.add(part) }
            state.whole.append(sum)
            return sum
        }
        if let whole { onSecond(whole) }
    }

    var all: [LoadSecond] { state.withLock(\.whole) }
}
