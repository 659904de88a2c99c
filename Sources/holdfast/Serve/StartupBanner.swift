internal import BoxOffice
internal import ServiceLog
internal import Settings
internal import TicketStore

/// The text that a start prints: address, events, ledger, durability, and three commands to try.
struct StartupBanner {
    let settings: Settings
    let opened: OpenedStore
    let classicEvent: Code

    private var store: any TicketStore { opened.store }

    /// Writes the banner. Standard output may be a pipe that nobody reads, so a writer with a queue does it.
    ///
    /// - Parameter addresses: where the service listens.
    func write(addresses: [String], to output: LogWriter) {
        let address = addresses.first { $0.hasPrefix("http") } ?? settings.publicURL ?? addresses[0]
        var lines = ["", "Holdfast \(Holdfast.version)", ""]
        lines.append("  Open        \(settings.publicURL ?? address)/")
        for (index, address) in addresses.enumerated() {
            lines.append((index == 0 ? "  Listening   " : "              ") + address)
        }
        if let metrics = settings.metrics.listen {
            lines.append("  Metrics     http://\(Self.address(metrics.host, metrics.port))/metrics")
        }
        for (index, event) in store.events.enumerated() {
            lines.append((index == 0 ? "  Selling     " : "              ") + sale(event.definition, event.isPaused))
        }
        let (name, text) = opened.location
        lines.append("  \(name)" + String(repeating: " ", count: 12 - name.count) + text)
        lines.append("  Durability  \(opened.worth.purchases)")
        if opened.worth.holds != opened.worth.purchases {
            lines.append("              holds are \(opened.worth.holds)")
        }
        let unpaid = store.events.map(\.definition).filter(\.buyersCompleteForNothing).map(\.id.text)
        if !unpaid.isEmpty {
            lines.append("  Completion  with the token alone, even without paying: \(few(unpaid)); see docs/trust.md")
        }
        let crowded = store.events.map(\.definition).filter { $0.queue?.identity == .device }.map(\.id.text)
        if settings.quota.perSecond == 0, !crowded.isEmpty {
            let why = "one program can fill it without quota.per_second"
            lines.append("  Queue       \(why): \(few(crowded)); see docs/queue.md")
        }
        if !opened.hasOperators {
            lines.append("  Operators   none yet: holdfast key create --role operator --name YOUR-NAME\(whereKeysAre)")
        }
        lines.append("")
        lines.append("  curl \(address)/remaining_tickets")
        let type = store.events.first { $0.definition.id == classicEvent }?.definition.types.first?.code.text
        lines.append("  curl -X POST \(address)/buy_ticket/\(type ?? "GA")")
        lines.append("  curl -X POST \(address)/complete_purchase/TOKEN")
        lines.append("")
        output.write(Array((lines.joined(separator: "\n") + "\n").utf8))
    }

    private func few(_ names: [String]) -> String {
        names.prefix(6).joined(separator: ", ") + (names.count > 6 ? " and others" : "")
    }

    /// Host and port as an address writes them.
    static func address(_ host: String, _ port: Int) -> String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    private func sale(_ definition: EventDefinition, _ isPaused: Bool) -> String {
        var left: [Code: Int] = [:]
        if case .current(let availability, _) = store.availability(of: definition.id, unless: nil) {
            left = Dictionary(uniqueKeysWithValues: availability.types.map { ($0.code, $0.free) })
        }
        let types = definition.types.prefix(6).map { "\($0.code) \(grouped(left[$0.code] ?? 0))" }
        let more = definition.types.count > 6 ? " and \(definition.types.count - 6) more" : ""
        let minutes = definition.holdTime.components.seconds
        let time = minutes % 60 == 0 ? "\(minutes / 60) min" : "\(minutes) s"
        return "\(definition.id): \(types.joined(separator: ", "))\(more) left, held for \(time)"
            + (definition.queue == nil ? "" : ", with a queue") + (isPaused ? ", paused" : "")
            + (definition.id == classicEvent ? "" : " (not by the classic calls)")
    }

    /// The flags that make `holdfast key` work on the same keys.
    private var whereKeysAre: String {
        if case .redis = settings.store { return " --store …" }
        return settings.data == "holdfast-data" ? "" : " --data \(settings.data)"
    }
}
