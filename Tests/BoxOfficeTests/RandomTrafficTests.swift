import BoxOffice
import Testing
import Workload

/// Commands as they come from a seed, beside an oracle that knows nothing of the box office.
@Suite("Random traffic")
struct RandomTrafficTests {
    /// A run's numbers are printed first, so that it can be found again even if the process dies in it.
    #if DEBUG
        static let runs: UInt64 = 60
    #else
        static let runs: UInt64 = 300
    #endif
    static let commands = 400

    @Test(
        "The oracle agrees with every answer of hundreds of random sales, and every pool balances after every command"
    )
    func oracle() {
        print("random traffic: seeds 1 to \(Self.runs), \(Self.commands) commands each")
        for seed in 1...Self.runs {
            var traffic = RandomTraffic(seed: seed)
            var office = BoxOffice()
            var oracle = Oracle()
            var versions: [Code: Availability] = [:]
            for step in 1...Self.commands {
                let (now, command) = traffic.next()
                guard let decision = try? office.decide(command, at: now) else {
                    Issue.record("seed \(seed), command \(step): nothing is forgotten, and a hold is not at hand")
                    return
                }
                traffic.learn(decision.outcome)
                oracle.write(command, decision.outcome, at: now)
                // Half of the runs are counted on a copy: a look at the numbers must not bring them up to now.
                var copy = office
                let counts = seed % 2 == 0 ? office.counts(at: now) : copy.counts(at: now)
                oracle.compare(with: counts, at: now.office.milliseconds...now.office.milliseconds)
                compareCodes(copy, oracle: &oracle, now)
                for count in counts where !count.balances || count.isClosed {
                    Issue.record("seed \(seed), command \(step): \(count)")
                }
                if seed % 2 == 0 {
                    check(&office, counts, &versions, now, "seed \(seed), command \(step)")
                } else {
                    // A copy that is thrown away takes its versions with it: they are not compared.
                    versions = [:]
                    check(&copy, counts, &versions, now, "seed \(seed), command \(step)")
                }
                if !oracle.breaches.isEmpty {
                    Issue.record("seed \(seed), command \(step), \(command) -> \(decision.outcome): \(oracle.breaches)")
                    break
                }
            }
        }
    }

    private func compareCodes(_ office: BoxOffice, oracle: inout Oracle, _ now: Moment) {
        var office = office
        for event in office.eventCodes {
            for batch in office.definition(of: event)?.definition.codes ?? [] {
                let counts = office.codes(of: batch.name, in: event, after: 0, limit: .max, at: now) ?? []
                oracle.compare(
                    with: counts, of: batch.name.text, in: event.text,
                    at: now.office.milliseconds...now.office.milliseconds)
            }
        }
    }

    /// Availability follows from the counts, and an equal version is an equal answer.
    private func check(
        _ office: inout BoxOffice, _ counts: [PoolCount], _ versions: inout [Code: Availability], _ now: Moment,
        _ place: String
    ) {
        for event in office.eventCodes {
            guard let left = office.availability(of: event, at: now), let known = office.definition(of: event) else {
                Issue.record("\(place): an event without availability")
                continue
            }
            if office.cancelledAt(event) != nil {
                if left.free != 0 || left.types.contains(where: { $0.free != 0 || $0.mayComeBack }) {
                    Issue.record("\(place): \(left) of a cancelled event")
                }
                continue
            }
            let counted = Dictionary(
                uniqueKeysWithValues: counts.filter { $0.event == event }.map { ($0.pool, $0.free) })
            let free = counted.filter { $0.key.allocation == nil }.mapValues { $0 }.reduce(into: [Code: Int]()) {
                // What is kept back of the pool is for nobody (R45 Allocations).
                let pool = $1.key
                let kept = known.definition.pools.first { $0.code == pool }?.allocations ?? []
                let left = kept.filter { !$0.isReleased(at: now.wall) }
                    .reduce(0) { $0 + (counted[Code(pool, allocation: $1.code)] ?? 0) }
                $0[pool] = max(0, $1.value - left)
            }
            for (type, told) in zip(known.definition.types, left.types) {
                if type.code != told.code || told.free != type.pools.map({ free[$0] ?? 0 }).min() {
                    Issue.record("\(place): \(told) of \(type), free are \(free)")
                }
            }
            if left.free != free.values.reduce(0, +) || left.types.count != known.definition.types.count {
                Issue.record("\(place): \(left), free are \(free)")
            }
            if let until = left.validUntil, until <= now.office { Issue.record("\(place): \(left) is valid no more") }
            let areAsReleased = versions[event]?.allocations.map(\.isReleased) == left.allocations.map(\.isReleased)
            if let before = versions[event], before.version == left.version, areAsReleased, before != left {
                Issue.record("\(place): one version, two answers: \(before), \(left)")
            }
            versions[event] = left
        }
    }
}

/// The same with queues.
@Suite("Random queues")
struct RandomQueueTests {
    #if DEBUG
        static let runs: UInt64 = 60
    #else
        static let runs: UInt64 = 300
    #endif

    /// Events with queues, of which half of the commands are about queues.
    static var shape: RandomTraffic.Shape {
        var shape = RandomTraffic.Shape()
        shape.queues = 50
        shape.changes = 3
        return shape
    }

    @Test("The oracle agrees with every answer of random sales behind queues, and facts alone make the same queues")
    func oracle() {
        print("random queues: seeds 1 to \(Self.runs), 600 commands each")
        var held = 0
        for seed in 1...Self.runs {
            var traffic = RandomTraffic(seed: seed, shape: Self.shape)
            var office = BoxOffice()
            var oracle = Oracle()
            var facts = FoldedFacts()
            var turns: Set<KnownTurn> = []
            for step in 1...600 {
                let (now, command) = traffic.next()
                guard let decision = try? office.decide(command, at: now) else {
                    Issue.record("seed \(seed), command \(step): nothing is forgotten, and a hold is not at hand")
                    return
                }
                traffic.learn(decision.outcome)
                if let fact = decision.fact { facts.add(fact) }
                if case .held(_, replayed: false) = decision.outcome, case .hold(let request) = command,
                    request.pass != nil
                {
                    held += 1
                }
                oracle.write(command, decision.outcome, at: now)
                if !oracle.breaches.isEmpty {
                    Issue.record("seed \(seed), command \(step), \(command) -> \(decision.outcome): \(oracle.breaches)")
                    break
                }
                if case .queue(.looked(let entry)) = decision.outcome, entry.turnEndsAt != nil,
                    case .queue(let event, _) = command
                {
                    turns.insert(KnownTurn(event: event, number: entry.number))
                }
                if step % 100 == 0 { compare(office, facts, turns, now, "seed \(seed), command \(step)") }
            }
        }
        // Else the traffic never comes through a queue, and the oracle has little to judge.
        #expect(held > Int(Self.runs) * 3)
    }

    private struct KnownTurn: Hashable {
        var event: Code
        var number: EntryNumber
    }

    /// What is recorded of a queue is what a start restores; the rest begins afresh.
    private func compare(
        _ office: BoxOffice, _ facts: FoldedFacts, _ turns: Set<KnownTurn>, _ now: Moment, _ place: String
    ) {
        var (office, restored) = (office, facts.restored())
        for event in office.eventCodes {
            guard let known = office.queue(of: event, at: now), known.phase != .closed else { continue }
            let read = restored.queue(of: event, at: now)
            #expect(read?.phase == known.phase, "\(place)")
            #expect(read?.head == known.head, "\(place)")
            #expect(read?.secret == known.secret, "\(place)")
            #expect(read?.count == known.count, "\(place)")
            #expect(read?.beacon == known.beacon, "\(place)")
            #expect(read?.mostPerSecond == known.mostPerSecond, "\(place)")
            #expect(read.map { $0.joined >= known.joined && $0.joined <= known.joined + 1_000 } ?? false, "\(place)")
        }
        for turn in turns {
            let look = Command.queue(turn.event, .look(turn.number))
            let known = try? office.decide(look, at: now).outcome
            let read = try? restored.decide(look, at: now).outcome
            #expect(read == known, "\(place), \(turn)")
        }
    }
}
