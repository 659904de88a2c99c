// For the C library's clock of the process' CPU time.
internal import Foundation
internal import Histogram
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// One run of load: reads the availability, sends requests, waits for the last answers, and checks the availability
/// against them.
public struct LoadRun: Sendable {
    public let plan: LoadPlan
    public let target: LoadTarget
    /// Part of idempotency keys and payment references, so that each run has its own.
    public let number: UInt64

    public init(_ plan: LoadPlan, target: LoadTarget, number: UInt64) {
        self.plan = plan
        self.target = target
        self.number = number
    }

    /// How long a run waits at its end for the last answers.
    private static let patience = 500
    /// How often the final check is tried, a tenth of a second apart. Where several nodes share a store, a node may
    /// count a moment later what another node sold.
    private static let looks = 10

    /// Runs the load.
    ///
    /// - Parameter onSecond: called for each second, as soon as it has passed.
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
        var generators: [NIOLoopBound<LoadGenerator>] = []
        for (index, loop) in loops.enumerated() {
            let share = plan.connections / loops.count + (index < plan.connections % loops.count ? 1 : 0)
            guard share > 0 else { continue }
            generators.append(
                try await loop.submit { [plan, target, number] in
                    NIOLoopBound(
                        LoadGenerator(
                            plan, target: target, life: life, loop: loop, connections: share, firstNumber: index,
                            run: number, publish: seconds.add),
                        eventLoop: loop)
                }.get())
        }
        let cpuBefore = Self.cpuSeconds()
        let began = NIODeadline.now()
        for generator in generators { try await generator.eventLoop.submit { generator.value.open() }.get() }
        try await wait(TimeAmount(plan.warmUp) + TimeAmount(plan.duration), on: group)
        for generator in generators { try await generator.eventLoop.submit { generator.value.stopAsking() }.get() }
        let elapsed = Double((NIODeadline.now() - began).nanoseconds) / 1e9
        let cpu = Self.cpuSeconds() - cpuBefore
        for _ in 0..<Self.patience {
            var isQuiet = true
            for generator in generators {
                isQuiet = try await generator.eventLoop.submit { generator.value.isQuiet }.get() && isQuiet
            }
            if isQuiet { break }
            try await wait(.milliseconds(10), on: group)
        }
        var results: [LoadResult] = []
        for generator in generators {
            results.append(try await generator.eventLoop.submit { generator.value.close() }.get())
        }
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

/// Adds up the seconds of all loops.
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

    /// Every loop publishes once a second, so a second is complete when all loops have added their part.
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
