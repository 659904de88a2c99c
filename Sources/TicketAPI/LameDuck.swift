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

/// What stops first: from the notice on, readiness is refused, and for a time everything else goes on as before, so that
/// balancers have turned to other nodes when nothing is accepted any more.
public struct LameDuck: Service {
    private let time: Duration
    private let notice: StopNotice
    private let clock: any Clock<Duration>

    public init(_ time: Duration, notice: StopNotice, clock: any Clock<Duration> = ContinuousClock()) {
        self.time = time
        self.notice = notice
        self.clock = clock
    }

    /// Runs until a graceful shutdown and for the time behind it, or until it is cancelled.
    public func run() async {
        try? await gracefulShutdown()
        notice.give()
        if time > .zero { try? await clock.sleep(for: time) }
    }
}
