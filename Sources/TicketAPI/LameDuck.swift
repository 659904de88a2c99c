public import ServiceLifecycle
internal import Synchronization

/// Whether a service was asked to stop.
public final class StopNotice: Sendable {
    private let given = Atomic(false)

    public init() {}

    public var isGiven: Bool { given.load(ordering: .relaxed) }

    func give() {
        given.store(true, ordering: .relaxed)
    }
}

/// The first step of a stop (R33 Stopping): for a time readiness is refused and everything else works as before, so that balancers turn to
/// other nodes before this one accepts nothing more.
public struct LameDuck: Service {
    private let time: Duration
    private let notice: StopNotice
    private let clock: any Clock<Duration>

    public init(_ time: Duration, notice: StopNotice, clock: any Clock<Duration> = ContinuousClock()) {
        self.time = time
        self.notice = notice
        self.clock = clock
    }

    /// Runs until a graceful shutdown and for the given time after it, or until it is cancelled.
    public func run() async {
        try? await gracefulShutdown()
        notice.give()
        if time > .zero { try? await clock.sleep(for: time) }
    }
}
