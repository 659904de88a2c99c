public import BoxOffice

/// A model of the box office that shares no code with it: it notes what a store answered and what must follow.
///
/// The oracle knows nothing of how a store decides. For each hold it keeps the set of states that the hold can be in.
/// For each pool it adds these up one by one to a least and a most, which are the same where every outcome is known. An
/// answer that contradicts them is a breach: a sentence that begins with the rule.
///
/// Moments are milliseconds on the caller's clock: the box office's own in a simulation, the client's monotonic clock
/// over HTTP. The caller calls ``ask(_:key:at:)`` before a request leaves and ``hear(_:to:at:)`` when its answer
/// arrives. For an answer that never arrives, the caller passes ``Heard/unknown`` or nothing.
///
/// Only one client at a time may use a hold; otherwise answers can arrive in another order than the store decided in.
/// With several clients at once, set `isSequential` to `false`: the oracle then does not judge why a hold was refused.
public struct Oracle: Sendable {
    /// The states of a hold.
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
        /// The same by ticket type.
        var ofTypes: [String: Int]
        /// The partial returns, by their keys.
        var parts: [String: PartReturned] = [:]
        var buyer: String?
        var note: String?
        /// The access code that it was made with.
        var code: String?
        /// The store's own deadline, grace included.
        var end: ClosedRange<Int64>
        var extensions = 0
        var possible: Set<State> = [.held]
        /// Requests about the hold that have no answer, or none yet.
        var pending: [Int: Asked] = [:]
        var paid = Paid.unknown
        /// Who sold it, if a key with a name did.
        var seller: String?
        var isLate: Bool?
        /// The debt of the last refused payment before that payment came again.
        var owedBefore: Debt?
        var wasToldExpired = false
        var isErased = false
        /// A payment was reported for it after it was erased.
        var wasOwedSinceErasure = false

        func hasSpent(_ payment: String) -> Bool {
            paid == .with(payment)
        }
    }

    /// A payment that the store said it owes back (R23 Debts).
    struct Debt: Sendable {
        var hold: String
        var isConfirmed: Bool
        var at: Int64
        var isPaidBack = false
    }

    /// A request for a hold without an answer: the store may have granted it.
    struct Ghost: Sendable {
        var event: String
        var needs: [String: Int]
        var tickets: Int
        /// The same by ticket type.
        var ofTypes: [String: Int]
        var buyer: String?
        var code: String?
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

    /// How many breaches are kept: the first ones say why the others follow.
    static let mostBreaches = 100

    /// The breaches, oldest first, ``mostBreaches`` at most.
    public private(set) var breaches: [String] = []
    /// How many answers were heard, of any kind.
    public private(set) var heardCount = 0
    let isSequential: Bool
    /// The time of day at which the store decided what is heard next; `nil` if the caller does not know it. Without it
    /// the oracle does not judge sale windows.
    var wall: WallTime?
    let keyRetention: Int64
    let endedKeyRetention: Int64

    var definitions: [String: EventDefinition] = [:]
    var paused: Set<String> = []
    var cancelled: Set<String> = []
    var accounts: [String: Account] = [:]
    /// Holds of an event that can still change, by time or by a request under way. The others are only in sums.
    var open: [String: Set<String>] = [:]
    /// Places of certainly purchased holds without a request under way, by event and pool.
    var soldForSure: [String: [String: Int]] = [:]
    var boughtBy: [String: [String: Set<String>]] = [:]
    /// By event and access code: every hold that was made with it.
    var withCode: [String: [String: Set<String>]] = [:]
    var ghosts: [Int: Ghost] = [:]
    var asks: [Int: Ask] = [:]
    var uses: [String: Use] = [:]
    /// The holds that a payment was sent for, and that it may have bought.
    var payments: [String: Set<String>] = [:]
    /// The debts by payment.
    var debts: [String: Debt] = [:]
    let debtRetention = Limits().unconfirmedDebtsKept.inMilliseconds
    var queues = QueueOracle()
    private var nextAsk = 0

    /// - Parameters:
    ///   - keyRetention: how long the key of a live hold or of a purchase must be remembered (R15 Idempotency keys).
    ///   - endedKeyRetention: the same for a hold that ended without a purchase.
    public init(
        isSequential: Bool = true, keyRetention: Duration = .seconds(24 * 3600),
        endedKeyRetention: Duration = .seconds(3600)
    ) {
        self.isSequential = isSequential
        self.keyRetention = keyRetention.inMilliseconds
        self.endedKeyRetention = endedKeyRetention.inMilliseconds
    }

    /// Sets the definition that is in force from now on. A pause goes on. No other request may be under way.
    public mutating func define(_ definition: EventDefinition) {
        definitions[definition.id.text] = definition
    }

    /// Pauses or resumes the sale of an event. No other request may be under way.
    public mutating func pause(_ event: String, _ isPaused: Bool = true) {
        if isPaused { paused.insert(event) } else { paused.remove(event) }
    }

    /// The same with the time of day, so that sale windows are judged, too.
    public mutating func write(_ command: Command, _ outcome: Outcome, at moment: Moment) {
        wall = moment.wall
        for (rule, sentence) in queues.write(command, outcome, at: moment) { breach(rule, sentence) }
        write(command, outcome, at: moment.office)
        wall = nil
    }

    /// Notes a command and its outcome, where nothing else can happen in between. The moment is on the store's clock.
    public mutating func write(_ command: Command, _ outcome: Outcome, at moment: Timestamp) {
        if let asked = Asked(command) {
            return hear(Heard(outcome), of: asked, key: command.keyText, at: moment.milliseconds)
        }
        if case .eventRemoved(let event) = outcome {
            definitions[event.text] = nil
            cancelled.remove(event.text)
            uses = uses.filter { accounts[$0.value.hold]?.event != event.text }
        }
        guard case .eventChanged = outcome else { return }
        switch command {
        case .define(let definition, let isPaused, _):
            define(definition)
            if let isPaused { pause(definition.id.text, isPaused) }
        case .pause(let event): pause(event.text)
        case .resume(let event): pause(event.text, false)
        case .cancel(let event): cancelled.insert(event.text)
        case .reinstate(let event): cancelled.remove(event.text)
        default: breach(nil, "\(command) changed an event")
        }
    }

    /// Notes that a request is about to leave.
    ///
    /// - Returns: the request's number for ``hear(_:to:at:)``.
    public mutating func ask(_ asked: Asked, key: String? = nil, at moment: Int64) -> Int {
        nextAsk += 1
        asks[nextAsk] = Ask(asked: asked, key: key, at: moment)
        if case .hold(let event, let lines, let buyer, _, let code, _) = asked {
            let drawn = drawn(lines, with: code, in: event)
            ghosts[nextAsk] = Ghost(
                event: event, needs: needs(of: drawn, in: event) ?? [:],
                tickets: lines.reduce(0) { $0 + $1.bounded }, ofTypes: Self.ofTypes(drawn), buyer: buyer, code: code,
                key: key, latestEnd: .max)
        } else if let hold = asked.hold, accounts[hold] != nil {
            unrest(hold)
            accounts[hold]?.pending[nextAsk] = asked
            if case .purchase(_, let payment?, _, _) = asked { payments[payment, default: []].insert(hold) }
            if case .returnPart(_, let lines, _) = asked, let key { notePart(of: hold, asked, lines, key) }
        }
        return nextAsk
    }

    /// Notes an answer, and each rule that it breaks.
    public mutating func hear(_ heard: Heard, to ask: Int, at moment: Int64) {
        guard let request = asks.removeValue(forKey: ask) else {
            return breach(.oneAnswer, "request \(ask) was answered twice")
        }
        heardCount += 1
        if heard == .unknown { return noteUnknown(request) }
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

    /// Notes a request and its answer at one moment, where nothing else can happen in between.
    public mutating func hear(_ heard: Heard, of asked: Asked, key: String? = nil, at moment: Int64) {
        let ask = ask(asked, key: key, at: moment)
        hear(heard, to: ask, at: moment)
    }

    /// The names of all holds that were given, in no order. The store must know each of them.
    public var holds: [String] {
        Array(accounts.keys)
    }

    /// Compares the store's own counts with the answers (R1 Conservation). No request may be under way.
    public mutating func compare(with counts: [PoolCount], at span: ClosedRange<Int64>) {
        var tallies: [String: [String: Tally]] = [:]
        for count in counts {
            let event = count.event.text
            let tally = tallies[event] ?? tally(of: event, span)
            tallies[event] = tally
            let mine = tally[count.pool.text] ?? Tally()
            let name = "pool \(count.pool) of \(event)"
            if count.free + count.held + count.sold != count.capacity + count.oversubscribed
                || min(count.free, count.held, count.sold, count.oversubscribed) < 0
                || (count.free > 0 && count.oversubscribed > 0)
            {
                breach(.conservation, "\(name) does not balance: \(count)")
            }
            let capacity = definitions[event]?.places(of: count.pool.text) ?? 0
            if count.capacity != capacity {
                breach(nil, "\(name) has \(count.capacity) places, defined were \(capacity)")
            }
            if !(mine.heldLeast...max(mine.heldLeast, mine.heldMost)).contains(count.held) {
                breach(
                    .conservation, "\(name) holds \(count.held), answered were \(mine.heldLeast) to \(mine.heldMost)")
            }
            if !(mine.soldLeast...max(mine.soldLeast, mine.soldMost)).contains(count.sold) {
                breach(
                    .conservation, "\(name) sold \(count.sold), answered were \(mine.soldLeast) to \(mine.soldMost)")
            }
        }
    }

    /// Notes that the store died and came back. What was under way is done by now or never will be, and the store's
    /// clock stood still meanwhile.
    ///
    /// - Parameters:
    ///   - died: when it answered last, and when it was certainly dead.
    ///   - ready: when it was not ready yet, and when it certainly was.
    ///   - clockLost: how far at most its clock went back, because no fact recorded the last moments.
    ///   - recoveryGrace: what each live hold has left at least (R7 Restart).
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
        queues.restarted(at: Timestamp(milliseconds: ready.upperBound), recoveryGrace: recoveryGrace)
    }

    /// - Parameter rule: the rule that the answer breaks; `nil` if it is not an answer to its request at all.
    mutating func breach(_ rule: OracleRule?, _ sentence: String) {
        guard breaches.count < Self.mostBreaches else { return }
        breaches.append(rule.map { "\($0.rawValue): \(sentence)" } ?? sentence)
    }
}
