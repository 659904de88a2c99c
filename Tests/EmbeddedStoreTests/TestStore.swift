import BoxOffice
import EmbeddedStore
import Foundation
import Logging
import StoreContract
import Synchronization
import TicketStore

/// A clock that a test moves.
final class TestClock: Sendable {
    private let reading: Mutex<ClockReading>

    init(at wall: WallTime = WallTime(milliseconds: 1_000_000)) {
        reading = Mutex(ClockReading(monotonic: MonotonicTime(nanoseconds: wall.milliseconds * 1_000_000), wall: wall))
    }

    var read: @Sendable () -> ClockReading {
        { self.reading.withLock { $0 } }
    }

    func pass(_ span: Duration) {
        reading.withLock {
            $0.monotonic.nanoseconds += span.inMilliseconds * 1_000_000
            $0.wall = WallTime(milliseconds: $0.wall.milliseconds + span.inMilliseconds)
        }
    }

    func setWall(_ wall: WallTime) {
        reading.withLock { $0.wall = wall }
    }
}

/// A directory that is removed after the test.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("holdfast-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func copy() throws -> TemporaryDirectory {
        let other = try TemporaryDirectory()
        for name in try FileManager.default.contentsOfDirectory(atPath: path) where name != "lock" {
            try FileManager.default.copyItem(atPath: path + "/" + name, toPath: other.path + "/" + name)
        }
        return other
    }
}

/// An embedded store with its own directory and a test's clock.
final class TestStore: ContractSubject {
    let directory: TemporaryDirectory
    let clock: TestClock
    var limits: Limits
    private(set) var embedded: EmbeddedStore
    private var isOpen = true

    init(directory: TemporaryDirectory? = nil, clock: TestClock = TestClock(), limits: Limits = Limits()) throws {
        self.directory = try directory ?? TemporaryDirectory()
        self.clock = clock
        self.limits = limits
        embedded = try Self.open(self.directory, clock, limits)
    }

    deinit {
        embedded.stop()
    }

    var store: any TicketStore { embedded }
    var ledgerPath: String { embedded.ledgerPath }

    /// Moves the clock in small steps. The store takes a longer step for a pause of the process.
    func advance(to moment: Moment) {
        while true {
            let behind = moment.office.since(embedded.now.office)
            guard behind > .zero else { break }
            clock.pass(min(behind, .milliseconds(900)))
        }
        clock.setWall(moment.wall)
    }

    func pass(_ span: Duration) {
        let now = embedded.now
        let later = WallTime(milliseconds: now.wall.milliseconds + span.inMilliseconds)
        advance(to: Moment(office: now.office.advanced(by: span), wall: later))
    }

    func restart() throws {
        embedded.stop()
        embedded = try Self.open(directory, clock, limits)
    }

    func counts() -> [PoolCount] {
        embedded.counts()
    }

    /// The outcome of a command. Throws ``StoreFailure`` if the store cannot decide it.
    func outcome(_ command: Command) async throws -> Outcome {
        switch await embedded.perform(command) {
        case .decided(let outcome, _): return outcome
        case .failed(let failure): throw failure
        }
    }

    private static func open(
        _ directory: TemporaryDirectory, _ clock: TestClock, _ limits: Limits
    ) throws -> EmbeddedStore {
        var configuration = EmbeddedStore.Configuration(directory: directory.path, limits: limits)
        configuration.clock = clock.read
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return try EmbeddedStore(configuration, logger: logger)
    }
}
