import BoxOffice
import EmbeddedStore
import StoreContract
import TicketStore

/// A store that goes on in another directory after each restart.
final class RelocatedStore: ContractSubject {
    let renumbers: Bool
    private let clock = TestClock()
    private let limits: Limits
    private let relocate: (TestStore) throws -> TemporaryDirectory
    private var current: TestStore

    /// - Parameters:
    ///   - renumbers: whether the store leaves numbers out when it goes on.
    ///   - relocate: takes what the stopped store left into a directory.
    init(
        limits: Limits, renumbers: Bool = false, relocate: @escaping (TestStore) throws -> TemporaryDirectory
    ) throws {
        self.limits = limits
        self.renumbers = renumbers
        self.relocate = relocate
        current = try TestStore(clock: clock, limits: limits)
    }

    var store: any TicketStore { RenumberedStore(current.embedded, current.embedded.numbering) }

    func advance(to moment: Moment) async throws { current.advance(to: moment) }

    func restart() async throws {
        current.embedded.stop()
        current = try TestStore(directory: relocate(current), clock: clock, limits: limits)
    }

    func counts() async throws -> [PoolCount] { current.counts() }
}
