internal import ArgumentParser
internal import RedisStore
internal import Settings
internal import TicketStore

/// Counts events anew from their holds, and sets right what differs.
struct Repair: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare the numbers of events on Redis with their holds, and set right what differs.",
        discussion: """
            Without --apply it only shows what it would do. The services may run meanwhile; while an event is counted its
            server does nothing else, some 2 µs a hold. What is certain is set right by the services themselves.

            The numbers of an embedded ledger are counted from its facts at each start, and by the service when a rule was
            broken: there is nothing to repair, and `holdfast verify` recounts the facts.

            EXAMPLES
              holdfast repair --store redis://10.0.0.5:6379
              holdfast repair --store redis://10.0.0.5:6379 --apply

            The exit status is 1 if something differs and was not set right.
            """)

    @OptionGroup(title: "Settings") var options: SettingsOptions

    @Flag(help: "Set right what differs.")
    var apply = false

    func run() async throws {
        try await Failure.reported {
            let settings = try options.loadReported()
            guard case .redis(let address) = settings.store else {
                throw Failure(
                    "an embedded ledger's numbers are counted from its facts at each start, so there is nothing to repair; "
                        + "`holdfast verify` recounts the facts", status: Failure.wrongUse)
            }
            try await RedisAccess.with(settings, address: address) { client, isCluster in
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
                ? "\(grouped(report.holds)) holds, and its numbers are as they say" : report.differences
            print("\(report.event): \(what)")
            if report.isSetRight { print("\(report.event): set right") }
        }
        let left = reports.filter { !$0.isRight && !$0.isSetRight }.count
        guard left == 0 else {
            throw Failure(
                "\(left) of \(reports.count) events are not as their holds say; --apply sets them right",
                status: Failure.atWork)
        }
    }
}
