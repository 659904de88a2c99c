public import BoxOffice
public import TicketStore
internal import Traffic

/// A store under test, with its clock in the test's hand.
public protocol ContractSubject: AnyObject {
    var store: any TicketStore { get }

    /// Moves the store's clocks to `moment`, which is not before the last one.
    func advance(to moment: Moment)
    /// Stops the store in good order and opens it again on what it kept.
    func restart() throws
    func counts() -> [PoolCount]
}

/// What every store is held to: command for command, it decides as the core does.
///
/// Random traffic from a seed goes to the store and, at the moment that the store says it decided, to a box office
/// in memory. Every answer must be the same, and every pool's numbers; now and then the store is restarted. Books
/// that know neither are kept beside.
public struct StoreContract {
    public var commands = 400
    /// Commands between restarts; 0 for none.
    public var restartsEvery = 0
    public var limits = Limits()

    public init() {}

    /// Runs the traffic of `seed`, and says in sentences where the store broke the contract.
    public func breaches(of subject: any ContractSubject, seed: UInt64) async throws -> [String] {
        var traffic = RandomTraffic(seed: seed)
        var oracle = BoxOffice(limits: limits)
        var books = Books()
        var breaches: [String] = []
        for step in 1...commands {
            let (moment, command) = traffic.next()
            let place = "seed \(seed), command \(step), \(command)"
            subject.advance(to: moment)
            guard case .decided(let outcome, let decidedAt) = await subject.store.perform(command) else {
                breaches.append("\(place): the store failed, and nothing was wrong")
                return breaches
            }
            // The time of day may be shown a little late, so that a deadline does not tremble.
            let isLate = abs(decidedAt.wall.milliseconds - moment.wall.milliseconds)
            guard decidedAt.office == moment.office, isLate <= 20 else {
                breaches.append("\(place): decided at \(decidedAt), it is \(moment)")
                return breaches
            }
            guard case .decided(let decision) = oracle.decide(command, at: decidedAt) else {
                breaches.append("\(place): the oracle forgets nothing")
                return breaches
            }
            if outcome != decision.outcome {
                breaches.append("\(place): \(outcome), and the core decides \(decision.outcome)")
                return breaches
            }
            traffic.learn(outcome)
            books.write(command, outcome, at: decidedAt.office)
            if restartsEvery > 0, step % restartsEvery == 0 {
                try subject.restart()
                _ = oracle.grantRecoveryGrace()
            } else if step % 10 == 0 {
                let counts = subject.counts()
                if counts != oracle.counts(at: decidedAt) {
                    breaches.append("\(place): \(counts), and the core counts \(oracle.counts(at: decidedAt))")
                    return breaches
                }
            }
        }
        // A recovery grace moves deadlines that were told before: the books, who know of no restart, judge without.
        return breaches + (restartsEvery == 0 ? books.breaches : [])
    }
}
