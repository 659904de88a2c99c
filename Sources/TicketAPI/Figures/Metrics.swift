internal import BoxOffice
internal import TicketStore

/// What a monitor asks for (R57 Metrics), written anew each time. Writing takes no lock for longer than one event's numbers or one
/// loop's cells take to copy.
package struct Metrics: Sendable {
    let service: ServiceContext
    private var store: any TicketStore { service.store }
    private var figures: ServiceFigures { service.figures }

    package init(_ service: ServiceContext) {
        self.service = service
    }

    /// All metrics as text.
    package func write() -> [UInt8] {
        var text = PrometheusText()
        let stored = store.figures
        text.metric("holdfast_build_info", .gauge, "The release that runs.") {
            $0.sample(1, ("version", service.configuration.version))
        }
        writeEvents(stored, to: &text)
        writeRequests(to: &text)
        writeStore(stored, to: &text)
        writeServers(stored.servers, to: &text)
        writeFiles(stored, to: &text)
        writeConnections(to: &text)
        writeProcess(to: &text)
        return text.bytes
    }

    // MARK: Events

    /// What a name of an event stands for: one event, or all without a name of their own.
    private struct Group {
        var name: String
        var places: [(pool: String, free: Int, held: Int, sold: Int)] = []
        var closed = 0
        var violations: UInt64 = 0
        var decisions: [(kind: DecisionKind, result: DecisionResult, count: UInt64)] = []

        mutating func add(_ pools: [PoolCount]) {
            closed += pools.count { $0.isClosed || !$0.balances }
        }
    }

    private func writeEvents(_ stored: StoreFigures, to text: inout PrometheusText) {
        let (labels, existing) = figures.labels(closed: stored.violations.keys) { store.events.map(\.definition.id) }
        let groups = labels.labelled.map { group(of: $0, stored) } + [rest(labels, existing, stored)]
        text.metric("holdfast_places", .gauge, "Places by their state.") { text in
            for group in groups {
                for pool in group.places {
                    for (state, count) in [("free", pool.free), ("held", pool.held), ("sold", pool.sold)] {
                        text.sample(count, ("event", group.name), ("pool", pool.pool), ("state", state))
                    }
                }
            }
        }
        text.metric(
            "holdfast_pools_closed", .gauge, "Pools that sell nothing because a rule is broken (R4 Broken rule)."
        ) {
            text in
            for group in groups { text.sample(group.closed, ("event", group.name)) }
        }
        text.metric(
            "holdfast_conservation_violations_total", .counter,
            "Pools that were closed because their numbers contradicted each other."
        ) { text in
            for group in groups { text.sample(group.violations, ("event", group.name)) }
        }
        text.metric(
            "holdfast_decisions_total", .counter, "Commands that were decided, or refused, by what became of them."
        ) { text in
            for group in groups {
                for decision in group.decisions {
                    text.sample(
                        decision.count, ("event", group.name), ("command", decision.kind.label),
                        ("outcome", decision.result.label(of: decision.kind)))
                }
            }
        }
        writeQueues(labels, to: &text)
    }

    private func group(of event: Code, _ stored: StoreFigures) -> Group {
        var group = Group(name: event.text)
        // A node of several reads new numbers while somebody asks.
        _ = store.availability(of: event, unless: nil)
        let pools = pools(of: event)
        group.add(pools)
        group.places = pools.filter { $0.capacity > 0 || $0.held > 0 || $0.sold > 0 }
            .map { ($0.pool.text, $0.free, $0.held, $0.sold) }
        group.violations = stored.violations[event] ?? 0
        group.decisions = figures.decisions(of: event)
        return group
    }

    private func rest(_ labels: EventLabels, _ existing: [Code], _ stored: StoreFigures) -> Group {
        var group = Group(name: EventLabels.rest)
        var sum = (pool: EventLabels.rest, free: 0, held: 0, sold: 0)
        let others = labels.unnamed(of: existing)
        for event in others {
            let pools = pools(of: event)
            group.add(pools)
            sum.free += pools.reduce(0) { $0 + $1.free }
            sum.held += pools.reduce(0) { $0 + $1.held }
            sum.sold += pools.reduce(0) { $0 + $1.sold }
        }
        if !others.isEmpty { group.places = [sum] }
        group.violations = labels.summed(of: Array(stored.violations.keys)).reduce(0) {
            $0 + (stored.violations[$1] ?? 0)
        }
        // With what names no event: a refusal about a hold that nobody knows.
        var counts: [UInt64] = []
        for event in [nil] + labels.summed(of: figures.events) {
            for decision in figures.decisions(of: event) {
                let index = Int(decision.kind.rawValue) * DecisionResult.count + decision.result.number
                if counts.isEmpty {
                    counts = [UInt64](repeating: 0, count: DecisionKind.allCases.count * DecisionResult.count)
                }
                counts[index] += decision.count
            }
        }
        for (index, count) in counts.enumerated() where count > 0 {
            let (kind, result) = index.quotientAndRemainder(dividingBy: DecisionResult.count)
            group.decisions.append((DecisionKind.allCases[kind], DecisionResult(number: result), count))
        }
        return group
    }

    private func pools(of event: Code) -> [PoolCount] {
        store.numbers(of: event)?.wholePools ?? []
    }

    // MARK: Requests

    private func writeRequests(to text: inout PrometheusText) {
        text.metric(
            "holdfast_request_duration_seconds", .histogram,
            "Time until an answer, as far as it was spent waiting for the store or in the router."
        ) { text in
            for request in figures.requests {
                text.histogram(request.took, ("call", request.call), ("status", "\(request.statusClass)xx"))
            }
        }
        text.metric(
            "holdfast_requests_in_flight", .gauge, "Requests that wait for their answer.", figures.inFlight)
        text.metric(
            "holdfast_refused_for_load_total", .counter,
            "Commands refused because the store's queue was full, and connections for which there was no room."
        ) { text in
            for overload in figures.overloads { text.sample(overload.count, ("class", overload.kind.label)) }
            text.sample(service.connections.refusals, ("class", "connection"))
        }
    }

    // MARK: The store

    private func writeStore(_ stored: StoreFigures, to text: inout PrometheusText) {
        text.metric(
            "holdfast_commit_duration_seconds", .histogram,
            "Time until decisions were durable: a commit of the ledger, or a call to Redis with what it waits for."
        ) { $0.histogram(store.writes) }
        text.metric(
            "holdfast_commit_batch_size", .histogram, "Facts of a commit, or commands of a call to Redis."
        ) { $0.histogram(stored.batches) }
        text.metric("holdfast_store_queue_length", .gauge, "Commands that wait for the store.", stored.queued)
        let condition = store.condition
        text.metric(
            "holdfast_store_state", .gauge,
            "1 for the state of the store, 0 for the others; all but selling and closing say why nothing is sold."
        ) { text in
            text.sample(condition == .selling ? 1 : 0, ("state", "selling"))
            text.sample(condition == .closing ? 1 : 0, ("state", "closing"))
            for reason in SuspensionReason.allCases {
                text.sample(condition == .suspended(reason) ? 1 : 0, ("state", reason.rawValue))
            }
        }
        let concerns = store.concerns
        text.metric("holdfast_store_concerns", .gauge, "What an operator should look into, by its kind.") { text in
            for kind in StoreConcern.Kind.allCases {
                text.sample(concerns.count { $0.kind == kind }, ("code", kind.rawValue))
            }
        }
    }

    private func writeServers(_ servers: [StoreFigures.Server], to text: inout PrometheusText) {
        guard !servers.isEmpty else { return }
        text.metric(
            "holdfast_redis_call_duration_seconds", .histogram, "Time of calls to Redis, with what they waited for."
        ) { text in
            for server in servers { text.histogram(server.calls, ("server", server.name)) }
        }
        text.metric("holdfast_redis_connections", .gauge, "Open connections to Redis.") { text in
            for server in servers { text.sample(server.connections, ("server", server.name)) }
        }
        text.metric(
            "holdfast_redis_replicas_acknowledged", .gauge,
            "Replicas that acknowledged the latest write that waited for them."
        ) { text in
            for server in servers {
                if let replicas = server.replicas { text.sample(replicas, ("server", server.name)) }
            }
        }
    }

    private func writeFiles(_ stored: StoreFigures, to text: inout PrometheusText) {
        guard !stored.files.isEmpty else { return }
        text.metric("holdfast_ledger_size_bytes", .gauge, "Sizes of the ledger's files.") { text in
            for file in stored.files { text.sample(file.bytes, ("file", file.name)) }
        }
        guard let disk = stored.disk else { return }
        text.metric("holdfast_ledger_disk_size_bytes", .gauge, "Size of the ledger's file system.", disk.bytes)
        text.metric("holdfast_ledger_disk_free_bytes", .gauge, "What may still be written there.", disk.free)
    }

    // MARK: The process

    private func writeConnections(to text: inout PrometheusText) {
        text.metric(
            "holdfast_connections", .gauge, "Open connections that there is room for.", service.connections.count)
        text.metric(
            "holdfast_connections_limit", .gauge, "Connections that there is room for.",
            service.configuration.connections)
        text.metric("holdfast_listeners", .gauge, "Connections that listen to availability.", service.listeners.count)
        guard let certificates = service.configuration.certificates else { return }
        text.metric(
            "holdfast_tls_certificate_expiry_timestamp_seconds", .gauge,
            "When the TLS certificate in force ends, since 1970.", Int(certificates.end.milliseconds / 1_000))
    }

    private func writeProcess(to text: inout PrometheusText) {
        let process = ProcessFigures()
        text.metric("process_cpu_seconds_total", .counter, "Time on the processors.") {
            $0.sample(nanoseconds: process.cpuNanoseconds)
        }
        if let bytes = process.residentBytes {
            text.metric("process_resident_memory_bytes", .gauge, "Memory of the process.", bytes)
        }
        if let count = process.openDescriptors {
            text.metric("process_open_fds", .gauge, "Open files and connections.", count)
        }
        if let count = process.mostDescriptors {
            text.metric("process_max_fds", .gauge, "Files and connections that may be open.", count)
        }
        text.metric(
            "holdfast_log_lines_lost_total", .counter,
            "Lines of a log that were dropped because nobody read it, or that could not be written."
        ) { text in
            for log in service.configuration.logs { text.sample(log.lostLines(), ("log", log.name)) }
        }
        if let start = process.startedAt {
            text.metric("process_start_time_seconds", .gauge, "When the process began, since 1970.") {
                $0.sample(nanoseconds: start)
            }
        }
    }
}
