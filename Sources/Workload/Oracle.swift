public import BoxOffice

/// A model of the box office that shares no code with it: the dullest possible account of what a store answered, and of
/// what must follow from it.
///
/// It knows nothing of how a store decides. For each hold it keeps the set of states that the hold can be in, for
/// each pool it adds them up one by one: a least and a most, which are the same where every outcome is known. Whatever
/// cannot be is written down as a breach, in a sentence that names the rule.
///
/// Moments are milliseconds on the caller's clock: the box office's own in a simulation, the client's monotonic clock
/// over HTTP. ``ask(_:key:at:)`` is written down before a request leaves and
/// ``hear(_:to:at:)`` when its answer is here; an answer that never came is heard as ``Heard/unknown`` or not at all.
///
/// One hold is used by one client at a time, or its answers can arrive in another order than they were decided in.
/// With several clients at once, set ``isSequential`` to `false`: then why a hold was refused is not judged.
public struct Oracle: Sendable {
    /// Where a hold can stand.
    enum State: Hashable, Sendable {
        case held, expired, purchased, released, returned
    }

    enum Paid: Hashable, Sendable {
        case unknown, without
        case with(String)
    }

    struct Account: Sendable {
        var event: String
        /// The definition that it was made under, whose terms it keeps (R11 Terms of a hold).
        var promised: EventDefinition
        var needs: [String: Int]
        var tickets: Int
        var buyer: String?
        /// The store's own deadline, grace included.
        var end: ClosedRange<Int64>
        var extensions = 0
        var possible: Set<State> = [.held]
        /// Asked, and not answered or not yet.
        var pending: [Int: Asked] = [:]
        var paid = Paid.unknown
        var isLate: Bool?
        /// The debt that the last refused payment had before it came again.
        var owedBefore: Debt?
        var wasToldExpired = false

        func hasSpent(_ payment: String) -> Bool {
            paid == .with(payment)
        }
    }

    /// A payment that was answered as owed back (R23 Debts).
    struct Debt: Sendable {
        var hold: String
        var isConfirmed: Bool
        var at: Int64
        var isPaidBack = false
    }

    /// A hold that was asked for and of which nothing was heard.
    struct Ghost: Sendable {
        var event: String
        var needs: [String: Int]
        var tickets: Int
        var buyer: String?
        var key: String?
        var latestEnd: Int64
    }

    struct Ask: Sendable {
        var asked: Asked
        var key: String?
        var at: Int64
    }

    struct Use: Sendable {
        var asked: Asked
        var hold: String
        var answeredAt: Int64
    }

    struct Tally {
        var heldLeast = 0
        var heldMost = 0
        var soldLeast = 0
        var soldMost = 0
        var promisedLeast = 0
        var promisedMost = 0
    }

    /// What was found broken, oldest first; no more than 100 sentences.
    public private(set) var breaches: [String] = []
    /// Answers heard, of any kind.
    public private(set) var heardCount = 0
    let isSequential: Bool
    let keyRetention: Int64
    let endedKeyRetention: Int64

    var definitions: [String: EventDefinition] = [:]
    var paused: Set<String> = []
    var accounts: [String: Account] = [:]
    /// Holds of an event that may still change by themselves or by what is under way; the others are only sums.
    var open: [String: Set<String>] = [:]
    /// Places of holds that are certainly purchased and nothing under way, by event and pool.
    var soldForSure: [String: [String: Int]] = [:]
    var boughtBy: [String: [String: Set<String>]] = [:]
    var ghosts: [Int: Ghost] = [:]
    var asks: [Int: Ask] = [:]
    var uses: [String: Use] = [:]
    /// Which holds a payment was told for, and may have bought.
    var payments: [String: Set<String>] = [:]
    /// By payment.
    var debts: [String: Debt] = [:]
    let debtRetention = Limits().unconfirmedDebtsKept.inMilliseconds
    private var nextAsk = 0

    /// - Parameters:
    ///   - keyRetention: how long the key of a live hold or of a purchase must be remembered (R15 Idempotency keys).
    ///   - endedKeyRetention: and that of another one.
    public init(
        isSequential: Bool = true, keyRetention: Duration = .seconds(24 * 3600),
        endedKeyRetention: Duration = .seconds(3600)
    ) {
        self.isSequential = isSequential
        self.keyRetention = keyRetention.inMilliseconds
        self.endedKeyRetention = endedKeyRetention.inMilliseconds
    }

    /// The definition in force from now on; a pause goes on. Asked for and answered while nothing else is under way.
    public mutating func define(_ definition: EventDefinition) {
        definitions[definition.id.text] = definition
    }

    /// Whether the sale of an event is paused from now on. Likewise asked for while nothing else is under way.
    public mutating func pause(_ event: String, _ isPaused: Bool = true) {
        if isPaused { paused.insert(event) } else { paused.remove(event) }
    }

    /// Writes down a command and what it came to, where nothing else can happen in between; on the box office's clock.
    public mutating func write(_ command: Command, _ outcome: Outcome, at moment: Timestamp) {
        if let asked = Asked(command) {
            return hear(Heard(outcome), of: asked, key: command.keyText, at: moment.milliseconds)
        }
        if case .eventRemoved(let event) = outcome {
            definitions[event.text] = nil
            uses = uses.filter { accounts[$0.value.hold]?.event != event.text }
        }
        guard case .eventChanged = outcome else { return }
        switch command {
        case .define(let definition, let isPaused, _):
            define(definition)
            if let isPaused { pause(definition.id.text, isPaused) }
        case .pause(let event): pause(event.text)
        case .resume(let event): pause(event.text, false)
        default: breach("\(command) changed an event")
        }
    }

    /// Writes down that a request is about to leave.
    ///
    /// - Returns: what ``hear(_:to:at:)`` is told, so that it knows what was answered.
    public mutating func ask(_ asked: Asked, key: String? = nil, at moment: Int64) -> Int {
        nextAsk += 1
        asks[nextAsk] = Ask(asked: asked, key: key, at: moment)
        if case .hold(let event, let lines, let buyer) = asked {
            ghosts[nextAsk] = Ghost(
                event: event, needs: needs(of: lines, in: event) ?? [:],
                tickets: lines.reduce(0) { $0 + $1.bounded }, buyer: buyer, key: key, latestEnd: .max)
        } else if let hold = asked.hold, accounts[hold] != nil {
            unrest(hold)
            accounts[hold]?.pending[nextAsk] = asked
            if case .purchase(_, let payment?, _) = asked { payments[payment, default: []].insert(hold) }
        }
        return nextAsk
    }

    /// Writes down an answer, and what about it cannot be.
    public mutating func hear(_ heard: Heard, to ask: Int, at moment: Int64) {
        guard let request = asks.removeValue(forKey: ask) else {
            return breach("request \(ask) was answered twice (a store answers once)")
        }
        heardCount += 1
        if heard == .unknown { return }
        let span = request.at...max(request.at, moment)
        ghosts[ask] = nil
        if case .hold = request.asked {
            judgeHold(request, heard, span)
        } else if let hold = request.asked.hold {
            accounts[hold]?.pending[ask] = nil
            judge(hold, request, heard, span)
            rest(hold)
        }
    }

    /// A request and its answer at one moment, where nothing else can happen in between.
    public mutating func hear(_ heard: Heard, of asked: Asked, key: String? = nil, at moment: Int64) {
        let ask = ask(asked, key: key, at: moment)
        hear(heard, to: ask, at: moment)
    }

    /// The names of the holds that were answered, in no order: each must be known to the store.
    public var holds: [String] {
        Array(accounts.keys)
    }

    /// Compares with the store's own counts, made while nothing was under way (rule 1).
    public mutating func compare(with counts: [PoolCount], at span: ClosedRange<Int64>) {
        var tallies: [String: [String: Tally]] = [:]
        for count in counts {
            let event = count.event.text
            let tally = tallies[event] ?? tally(of: event, span)
            tallies[event] = tally
            let mine = tally[count.pool.text] ?? Tally()
            let place = "pool \(count.pool) of \(event)"
            if count.free + count.held + count.sold != count.capacity + count.oversubscribed
                || min(count.free, count.held, count.sold, count.oversubscribed) < 0
                || (count.free > 0 && count.oversubscribed > 0)
            {
                breach("rule 1: \(place) does not balance: \(count)")
            }
            let capacity = definitions[event]?.pools.first { $0.code == count.pool }?.capacity ?? 0
            if count.capacity != capacity { breach("\(place) has \(count.capacity) places, defined were \(capacity)") }
            if !(mine.heldLeast...max(mine.heldLeast, mine.heldMost)).contains(count.held) {
                breach("rule 1: \(place) holds \(count.held), answered were \(mine.heldLeast) to \(mine.heldMost)")
            }
            if !(mine.soldLeast...max(mine.soldLeast, mine.soldMost)).contains(count.sold) {
                breach("rule 1: \(place) sold \(count.sold), answered were \(mine.soldLeast) to \(mine.soldMost)")
            }
        }
    }

    /// The store died and came back: what was under way is now done or never will be, and its clock stood still.
    ///
    /// - Parameters:
    ///   - died: when it answered last, and when it was certainly dead.
    ///   - ready: when it was not ready yet, and when it certainly was.
    ///   - clockLost: how far at the most its clock continued behind where it had been (what no fact said).
    ///   - recoveryGrace: what each live hold has left at least (rule 7).
    public mutating func restarted(
        died: ClosedRange<Int64>, ready: ClosedRange<Int64>, clockLost: Duration, recoveryGrace: Duration
    ) {
        let least = max(0, ready.lowerBound - died.upperBound)
        let most = max(0, ready.upperBound - died.lowerBound) + clockLost.inMilliseconds
        for (hold, var account) in accounts {
            let wasLive = died.upperBound < account.end.lowerBound
            account.possible = states(of: account, died)
            account.pending = [:]
            if account.possible.contains(.expired), !account.wasToldExpired { account.possible.insert(.held) }
            let holdTime = definitions[account.event]?.holdTime ?? .zero
            let grace = min(recoveryGrace, holdTime).inMilliseconds
            var earliest = account.end.lowerBound
            if wasLive { earliest = max(earliest + least, ready.lowerBound + grace) }
            let latest = max(account.end.upperBound + most, ready.upperBound + grace)
            account.end = earliest...latest
            unrest(hold)
            accounts[hold] = account
            rest(hold)
        }
        for (id, ghost) in ghosts {
            guard let definition = definitions[ghost.event] else { continue }
            let life = (definition.holdTime + definition.clientGrace).inMilliseconds
            let end = min(ghost.latestEnd, died.upperBound + life)
            ghosts[id]?.latestEnd = max(end + most, ready.upperBound + min(recoveryGrace.inMilliseconds, life))
        }
        asks = [:]
    }

    mutating func breach(_ sentence: String) {
        if breaches.count < 100 { breaches.append(sentence) }
    }

    /// Places by pool that `lines` take, or `nil` if a type is not known.
    func needs(of lines: [Asked.Line], in event: String) -> [String: Int]? {
        var needs: [String: Int] = [:]
        for line in lines {
            guard let type = definitions[event]?.types.first(where: { $0.code.text == line.type }) else { return nil }
            for pool in type.pools { needs[pool.text, default: 0] += line.bounded }
        }
        return needs
    }
}
