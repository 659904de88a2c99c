internal import NIOCore

/// What the connections of each event loop in a group are set up with.
struct LoopContexts: Sendable {
    private struct Entry: Sendable {
        let loop: any EventLoop
        let setup: NIOLoopBound<ConnectionSetup>
    }

    private let entries: [ObjectIdentifier: Entry]

    /// Makes a context for each loop of `group`, and shows it the clock once a second.
    init(_ service: ServiceContext, group: any EventLoopGroup) async throws {
        var entries: [ObjectIdentifier: Entry] = [:]
        for loop in group.makeIterator() {
            entries[ObjectIdentifier(loop)] = try await loop.submit {
                let setup = NIOLoopBound(service.setup(on: loop), eventLoop: loop)
                loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
                    setup.value.everySecond()
                }
                return Entry(loop: loop, setup: setup)
            }.get()
        }
        self.entries = entries
    }

    /// Before the loops end: accepts nothing more from the store, and closes the connections that a stop has left open
    /// because it was cut short.
    func close() async {
        await onEach { $0.close() }
        // Twice, for what a connection that closes leaves to other loops: a loop that has ended would complain about it.
        for _ in 0..<2 { await onEach { $0.context.connections.closeAll() } }
        // What collects the connections of a listener touches a loop once more at the end of a stop.
        guard let loop = entries.values.first?.loop else { return }
        try? await loop.scheduleTask(in: Self.collectingEnds) {}.futureResult.get()
    }

    private func onEach(_ body: @escaping @Sendable (ConnectionSetup) -> Void) async {
        for entry in entries.values { try? await entry.loop.submit { body(entry.setup.value) }.get() }
    }

    /// It takes microseconds, and only a stop waits for it.
    private static let collectingEnds: TimeAmount = .milliseconds(100)

    /// - Precondition: called on `loop`, which is one of the group.
    func setup(on loop: any EventLoop) -> ConnectionSetup {
        guard let entry = entries[ObjectIdentifier(loop)] else {
            preconditionFailure("a connection is on a loop of the group")
        }
        return entry.setup.value
    }
}
