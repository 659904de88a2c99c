import Logging
import ServiceLifecycle
import Testing
import TicketAPI

/// R33 Stopping.
@Suite("A stop begins with a refused readiness")
struct StoppingTests {
    @Test(
        "From the signal on readiness is refused, and the service runs on until balancers have noticed",
        .timeLimit(.minutes(5)))
    func lameDuck() async throws {
        let (notice, clock, beside) = (StopNotice(), HeldClock(), ServiceBeside())
        let lameDuck = LameDuck(.seconds(5), notice: notice, clock: clock)
        let group = ServiceGroup(
            services: [beside, lameDuck], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            await beside.begin()
            #expect(!notice.isGiven)
            await group.triggerGracefulShutdown()
            #expect(await clock.asked() == .seconds(5))
            // Balancers have this time, in which the process still serves.
            #expect(notice.isGiven)
            clock.go()
            try await tasks.next()
        }
    }
}

/// What the process serves: it runs until the lame duck's time is over.
private final class ServiceBeside: Service {
    private let begun = AsyncStream.makeStream(of: Never.self)

    func run() async throws {
        begun.continuation.finish()
        try await gracefulShutdown()
    }

    /// Waits until it runs.
    func begin() async {
        for await _ in begun.stream {}
    }
}

/// A clock whose only sleeper waits until the test lets it go.
private final class HeldClock: Clock {
    private let started = AsyncStream.makeStream(of: Swift.Duration.self)
    private let over = AsyncStream.makeStream(of: Never.self)
    let now = ContinuousClock.now
    let minimumResolution = Swift.Duration.zero

    func sleep(until deadline: ContinuousClock.Instant, tolerance: Swift.Duration?) async throws {
        started.continuation.yield(now.duration(to: deadline))
        for await _ in over.stream {}
    }

    /// How long the sleeper asked for.
    func asked() async -> Swift.Duration? {
        var sleepers = started.stream.makeAsyncIterator()
        return await sleepers.next()
    }

    func go() {
        over.continuation.finish()
    }
}
