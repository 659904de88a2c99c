internal import BoxOffice
internal import TicketStore

extension Metrics {
    /// The queues of events, as this node's copies have them. Nothing is written while no event has one.
    func writeQueues(_ labels: EventLabels, to text: inout PrometheusText) {
        let groups = groups(labels)
        guard !groups.isEmpty else { return }
        func write(_ name: String, _ help: String, _ number: (Numbers) -> Int) {
            text.metric(name, .gauge, help) { text in
                for group in groups { text.sample(number(group.numbers), ("event", group.name)) }
            }
        }
        write("holdfast_queue_joined", "Entries that joined, or whose numbers were skipped.") { $0.joined }
        write("holdfast_queue_head", "Entries that were let in: all before this position.") { $0.head }
        write("holdfast_queue_present", "Entries that wait and looked within two minutes.") { $0.present }
        write("holdfast_queue_inside", "People who were let in and have not asked for places yet.") { $0.inside }
        text.metric("holdfast_queue_phase", .gauge, "Queues by their phase (Q1 Phases).") { text in
            for group in groups {
                for phase in QueueView.Phase.allCases {
                    text.sample(group.numbers.phases[phase] ?? 0, ("event", group.name), ("phase", phase.rawValue))
                }
            }
        }
    }

    private struct Numbers {
        var joined = 0
        var head = 0
        var present = 0
        var inside = 0
        var phases: [QueueView.Phase: Int] = [:]

        mutating func add(_ facts: QueueFacts, _ view: QueueView?) {
            joined += Int(facts.joined)
            head += Int(facts.head)
            present += Int(facts.present)
            inside += view.map { Int($0.admission.inside.rounded()) } ?? 0
            phases[facts.phase, default: 0] += 1
        }
    }

    /// Each event that has a name and a queue, and all others with queues together.
    private func groups(_ labels: EventLabels) -> [(name: String, numbers: Numbers)] {
        let queued = service.store.events.map(\.definition).filter { $0.queue != nil }.map(\.id)
        guard !queued.isEmpty else { return [] }
        func numbers(of events: [Code]) -> Numbers {
            events.reduce(into: Numbers()) { numbers, event in
                guard let facts = service.queues.document(of: event)?.facts else { return }
                numbers.add(facts, service.queues.copy(of: event)?.view)
            }
        }
        let unnamed = labels.unnamed(of: queued)
        let named = queued.filter { !unnamed.contains($0) }.map { ($0.text, numbers(of: [$0])) }
        return named + [(EventLabels.rest, numbers(of: unnamed))]
    }
}
