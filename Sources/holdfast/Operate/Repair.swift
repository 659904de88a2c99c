internal import ArgumentParser
internal import RedisStore
internal import Settings
internal import TicketStore

/// Recounts events on Redis from their holds, and corrects what differs.
struct Repair: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare the numbers of events on Redis with their holds, and correct what differs.",
        discussion: """
            Without --apply it only shows what it would do. The services may run meanwhile. While Redis counts an event,
            it does nothing else, for about 2 µs a hold. The services correct by themselves what is certain.

            An embedded ledger needs no repair: a start counts its numbers from the facts, and so does the service when a
            pool's numbers contradict each other. `holdfast verify` recounts the facts.

            EXAMPLES
              holdfast repair --store redis://10.0.0.5:6379
              holdfast repair --store redis://10.0.0.5:6379 --apply

            The exit status is 1 if something differs and was not corrected.
            """)

    @OptionGroup(title: "Settings") var options: SettingsOptions

    @Flag(help: "Correct what differs.")
    var apply = false

    func run() async throws {
        try await Failure.reported {
            let settings = try options.loadReported()
            guard case .redis(let address) = settings.store else {
                throw Failure(
                    "an embedded ledger needs no repair, because each start counts its numbers from the facts; "
                        + "`holdfast verify` recounts the facts", status: Failure.wrongUse)
            }
            try await RedisAccess.with(settings, address: address, allowLongCounts: true) { client, isCluster in
                let store = try await OpenedStore.redisStore(
                    settings, client, isCluster: isCluster, mendsByItself: false)
                defer { store.stop() }
                try await report(store)
            }
        }
    }

    private func report(_ store: RedisStore) async throws {
        let reports: [RepairReport]
        do {
            reports = try await store.repair(applies: apply)
        } catch let failure as StoreFailure {
            throw Failure("the servers cannot count now: \(failure); see the log", status: Failure.unavailable)
        }
        for report in reports {
            let what =
                report.isRight
                ? "\(grouped(report.holds)) holds, and the numbers agree with them" : report.differences
            print("\(report.event): \(what)")
            if report.isSetRight { print("\(report.event): corrected") }
        }
        let left = reports.filter { !$0.isRight && !$0.isSetRight }.count
        guard left == 0 else {
            throw Failure(
                "the numbers of \(left) of \(reports.count) events differ from their holds; --apply corrects them",
                status: Failure.atWork)
        }
    }
}
