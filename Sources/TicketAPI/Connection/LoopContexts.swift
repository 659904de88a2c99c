internal import NIOCore

/// The contexts of a group of event loops, one each.
struct LoopContexts: Sendable {
    private struct Entry: Sendable {
        let loop: any EventLoop
        let context: NIOLoopBound<LoopContext>
        let sink: LoopReplySink
        let stream: NIOLoopBound<AvailabilityStream>
    }

    private let entries: [ObjectIdentifier: Entry]

    /// Makes a context for each loop of `group`, and calls ``LoopContext/everySecond()`` once a second.
    init(
        group: any EventLoopGroup, open: @escaping @Sendable () -> LoopContext,
        stream: @escaping @Sendable (any EventLoop) -> AvailabilityStream
    ) async throws {
        var entries: [ObjectIdentifier: Entry] = [:]
        for loop in group.makeIterator() {
            entries[ObjectIdentifier(loop)] = try await loop.submit {
                let context = open()
                let bound = NIOLoopBound(context, eventLoop: loop)
                loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
                    bound.value.everySecond()
                }
                return Entry(
                    loop: loop, context: bound, sink: LoopReplySink(context, on: loop),
                    stream: NIOLoopBound(stream(loop), eventLoop: loop))
            }.get()
        }
        self.entries = entries
    }

    /// Before the loops end: closes what a stop that was cut short has left open, and takes nothing more from the store.
    ///
    /// What a connection that closes leaves to other loops is done, too: a loop that has ended would complain of it.
    func close() async {
        for entry in entries.values { entry.sink.close() }
        for _ in 0..<2 {
            for entry in entries.values {
                try? await entry.loop.submit { entry.context.value.connections.closeAll() }.get()
            }
        }
        // The framework stops its server in a task that it lets go of, and that touches a loop once more at its end.
        guard let loop = entries.values.first?.loop else { return }
        try? await loop.scheduleTask(in: Self.frameworkEnds) {}.futureResult.get()
    }

    /// For what is a matter of microseconds; nobody waits for it but a stop.
    private static let frameworkEnds: TimeAmount = .milliseconds(100)

    /// - Precondition: called on `loop`, which is one of the group.
    func at(_ loop: any EventLoop) -> (LoopContext, LoopReplySink, AvailabilityStream) {
        guard let entry = entries[ObjectIdentifier(loop)] else {
            preconditionFailure("a connection is on a loop of the group")
        }
        return (entry.context.value, entry.sink, entry.stream.value)
    }
}
