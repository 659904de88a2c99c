internal import ArgumentParser
internal import Settings

/// Looks at everything that a service needs before it is needed.
struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Look at configuration, disk, clock, descriptors, port and Redis, and say what would break a promise.",
        discussion: """
            It takes the settings as `serve` does, changes nothing, and may run beside the service. Each line says `fine`,
            `look` (you should know) or `wrong` (the service would not start, or what it promises would not be true), and
            what to do. Run it as the user that runs the service.

            EXAMPLES
              holdfast doctor --config /etc/holdfast/config.json
              holdfast doctor --store redis://10.0.0.5:6379 --redis-wait-replicas 1
              holdfast doctor --json

            The exit status is 0 if nothing is wrong, 1 if something is.
            """)

    @OptionGroup(title: "Settings") var options: SettingsOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await Failure.reported {
            let findings = await examine()
            if json { print(findings.json) } else { for line in findings.table { print(line) } }
            try finishStandardOutput()
            let wrong = findings.filter { $0.state == .wrong }.count
            guard wrong == 0 else {
                throw Failure(
                    wrong == 1 ? "one thing is wrong" : "\(wrong) things are wrong", status: Failure.atWork)
            }
        }
    }

    private func examine() async -> [Finding] {
        let settings: Settings
        do {
            settings = try options.load()
        } catch {
            // Everything else is looked at by these settings.
            return [.wrong("configuration", error.description, "correct it; `holdfast config` shows what is in force")]
        }
        var findings = ConfigurationCheck(settings: settings).findings()
        let isRunning = settings.store == .embedded && DiskCheck.serviceRuns(in: settings.data)
        findings += DiskCheck(settings: settings).findings()
        findings += MachineCheck(settings: settings).findings()
        findings += await PortCheck(settings: settings, isRunning: isRunning).findings()
        if case .redis(let address) = settings.store {
            findings += await RedisCheck(settings: settings, address: address).findings()
        }
        return findings
    }
}
