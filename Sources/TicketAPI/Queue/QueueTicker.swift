internal import ServiceLifecycle

/// Asks the store five times a second what is due in the queues.
struct QueueTicker: Service {
    let queues: QueueDirectory
    var clock: any Clock<Duration> = ContinuousClock()

    /// Who waits learns within a second that it is over, and the store moves the head at most ten times in one.
    private static let interval = Duration.milliseconds(200)

    /// Asks until a graceful shutdown, or until it is cancelled.
    func run() async {
        await cancelWhenGracefulShutdown {
            repeat { await queues.round() } while (try? await clock.sleep(for: Self.interval)) != nil
        }
    }
}
