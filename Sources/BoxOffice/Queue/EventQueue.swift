internal import DequeModule

/// The queue of one event: who may enter, and who does (Q1 Phases). It begins with the fact that opened it.
///
/// After a restart the facts make it again, with what admission learned. Presence and the keys of joins start afresh (Q9 Fails
/// closed). An entry that only waits takes no memory.
struct EventQueue: Sendable, Equatable {
    enum Stage: Sendable, Equatable {
        case gathering, drawing, moving, over
    }

    /// An entry whose turn began, or that left.
    struct Entry: Sendable, Equatable {
        var position: UInt32 = 0
        /// When its turn ends, by the sale's clock; `zero` if it did not begin.
        var endsAt = Timestamp.zero
        /// Its latest hold.
        var hold: HoldID?
        var purchases: UInt32 = 0
        var hasAsked = false
        var hasLeft = false
    }

    /// A move of the head, and what became of those whom it let in.
    struct Move: Sendable, Equatable {
        var head: UInt32
        var at: Timestamp
        var people: UInt32
        var begun: UInt32 = 0
        var asked: UInt32 = 0
        var isLearned = false
    }

    /// Numbers of a block (Q2 Numbers).
    static let block = QueueBounds.block

    private(set) var stage: Stage
    let secret: [UInt8]
    /// What its entries belong to, from its opening on.
    let identity: QueueTerms.Identity
    private(set) var isPaused = false
    /// 0 for what the definition says.
    private(set) var ownRate = 0
    /// The numbers below were given, or skipped.
    private(set) var issued: UInt32 = 0
    /// The numbers below may be given.
    private(set) var numbered: UInt32 = EventQueue.block
    /// The fact that said so.
    private(set) var numberedBy: UInt64
    /// How many numbers are drawn; `nil` before gathering ended, and without a draw.
    private(set) var count: UInt32?
    private(set) var gatheredAt = Timestamp.zero
    private(set) var beacon: QueueBeacon?
    private(set) var head: UInt32 = 0
    private(set) var moves = Deque<Move>()
    private(set) var entries: [EntryNumber: Entry] = [:]
    /// In a queue by buyers: the buyer of each number, and back.
    private(set) var buyers: [BuyerDigest] = []
    private(set) var numbers: [BuyerDigest: EntryNumber] = [:]
    /// Where facts were lost: which numbers may have been given then, too (Q2 Numbers).
    private(set) var lives: [QueueLife] = []
    /// Numbers that were never given, as far as facts say: those that restarts and losses of facts left out, in their order.
    private(set) var gaps: [Range<UInt32>] = []
    /// Facts say of the numbers below whether they were given.
    private(set) var recorded: UInt32 = 0
    /// When the sale last went on after a pause, or after the queue was over.
    private(set) var wentOnAt = Timestamp.zero
    /// Stands while the sale is paused.
    private(set) var saleClock = SaleClock()
    /// How many numbers are drawn if facts were lost with which the draw may have been made and published (Q3 Draw).
    private(set) var lostDraw: UInt32?

    /// Entries whose turn runs and who have not asked.
    private var undecided = EndingList<EntryNumber>()
    /// Live holds.
    private var unsettled = EndingList<HoldID>()

    // MARK: In memory alone

    var learned: QueueLearning
    var presence = PresenceReport()
    var keys = JoinKeys()
    /// People who may still be let in within this second.
    var allowance = 0.0
    var allowanceAt = Timestamp.zero

    init(
        secret: [UInt8], gathers: Bool, identity: QueueTerms.Identity, ticketsPerHold: Int, sequence: UInt64,
        at now: Timestamp
    ) {
        self.secret = secret
        self.identity = identity
        stage = gathers ? .gathering : .moving
        numberedBy = sequence
        learned = QueueLearning(ticketsPerHold: ticketsPerHold)
        // As if a second had passed in which nobody was let in.
        allowanceAt = now.advanced(by: .seconds(-1))
    }

    // MARK: Questions

    /// Where an entry stands; `nil` if it is not drawn yet, or if the caller does not know it. Numbers behind the draw keep
    /// their place in the order of joining.
    func position(of number: EntryNumber, drawn: UInt32?) -> UInt32? {
        switch stage {
        case .gathering, .drawing: return nil
        case .moving, .over:
            guard let count, number.value < count else { return number.value }
            return drawn.flatMap { $0 < count ? $0 : nil }
        }
    }

    func wasGiven(_ number: EntryNumber) -> Bool {
        number.value < issued
    }

    /// When the head passed a position that may enter; `nil` if that is too long ago to be remembered.
    func passed(_ position: UInt32) -> Timestamp? {
        move(past: position).map { moves[$0].at }
    }

    /// The index of the move with which the head passed a position.
    private func move(past position: UInt32) -> Int? {
        var (low, high) = (0, moves.count)
        while low < high {
            let middle = (low + high) / 2
            if moves[middle].head <= position { low = middle + 1 } else { high = middle }
        }
        guard low < moves.count, low > 0 || forgottenHead <= position else { return nil }
        return low
    }

    /// The head before the first move that is remembered.
    private(set) var forgottenHead: UInt32 = 0

    /// People who were let in within `span` before `now`.
    func called(within span: Duration, before now: Timestamp) -> UInt32 {
        moves.reversed().prefix { now < $0.at.advanced(by: span) }.reduce(0) { $0 &+ $1.people }
    }

    /// People who were let in and have not asked for places yet, as far as they can still be expected: those who have not
    /// looked yet, within the time in which they look, and those whose turn runs.
    func inside(at now: Timestamp) -> Double {
        var coming = 0
        let time = saleClock.time(at: now)
        for move in moves.reversed() {
            guard time < saleClock.time(at: move.at).advanced(by: Self.looksWithin) else { break }
            coming += max(0, Int(move.people) - Int(move.begun))
        }
        return Double(coming + undecided.count)
    }

    /// A waiting entry looks again within 75 seconds; a little more for slow networks.
    static let looksWithin = QueueBounds.looksWithin

    // MARK: Facts

    mutating func apply(_ fact: QueueFact, _ sequence: UInt64, at now: Timestamp) {
        switch fact {
        case .opened: preconditionFailure("a queue opens once")
        case .numbered(let end):
            numbered = end
            numberedBy = sequence
        case .joined(let number, let buyer):
            precondition(number.value == UInt32(buyers.count), "buyers join in the order of their numbers")
            buyers.append(buyer)
            if buyer != .erased(number) { numbers[buyer] = number }
            issued = number.value + 1
        case .gathered(let count):
            self.count = count
            gatheredAt = now
            stage = .drawing
        case .drawn(let beacon):
            self.beacon = beacon
            stage = .moving
            presence = PresenceReport()
        case .moved(let head, let people, let isKnown): move(to: head, people: people, at: now, isKnown: isKnown)
        case .began(let number, let position, let endsAt, let head):
            if head > self.head { move(to: head, people: 1, at: now, isKnown: true) }
            issued = max(issued, number.value + 1)
            entries[number, default: Entry()].position = position
            entries[number]?.endsAt = saleClock.time(at: now).advanced(by: endsAt.since(now))
            if let index = move(past: position) { moves[index].begun += 1 }
            undecided.insert(number, endingAt: entries[number]?.endsAt ?? endsAt)
        case .adjusted(let isPaused, let rate, let head, let people, let isKnown):
            self.isPaused = isPaused
            ownRate = rate
            if head > self.head { move(to: head, people: people, at: now, isKnown: isKnown) }
        case .given(let first, let end):
            leaveOut(upTo: first)
            recorded = max(recorded, end)
            issued = max(issued, end)
        case .left(let number):
            undecided.remove(number)
            entries[number, default: Entry()].hasLeft = true
        case .over: stage = .over
        case .reopened:
            stage = .moving
            goOn(at: now)
        }
    }

    /// The sale was paused, or goes on after a pause.
    mutating func noteSale(isPaused: Bool, at now: Timestamp) {
        guard !isPaused else { return saleClock.pause(at: now) }
        saleClock.goOn(at: now)
        goOn(at: now)
    }

    /// The sale goes on: people who were let in before get the whole time again to begin their turn (Q5 Turn).
    mutating func goOn(at now: Timestamp) { wentOnAt = now }

    /// When the time ends in which the next look begins the turn of a position; `nil` if that is long ago.
    func returnEnds(_ position: UInt32, _ terms: QueueTerms) -> Timestamp? {
        passed(position).map { max($0, wentOnAt).advanced(by: terms.returning) }
    }

    /// - Parameter isKnown: whether those whom the head passes are known to be there. Else admission learns nothing from them.
    private mutating func move(to next: UInt32, people: UInt32, at now: Timestamp, isKnown: Bool) {
        precondition(next >= head, "the head never decreases")
        head = next
        issued = max(issued, next)
        moves.append(Move(head: next, at: now, people: people, isLearned: !isKnown))
    }

    /// An entry got a hold that ends at `deadline` unless it is extended.
    mutating func noteHeld(_ id: HoldID, by number: EntryNumber, tickets: Int, until deadline: Timestamp) {
        guard var entry = entries[number] else { return }
        if !entry.hasAsked {
            undecided.remove(number)
            learned.note(taken: tickets)
            if let index = move(past: entry.position) { moves[index].asked += 1 }
        }
        entry.hasAsked = true
        entry.hold = id
        entries[number] = entry
        unsettled.insert(id, endingAt: deadline)
    }

    /// A hold of an entry was bought. `isLate`: after its end, and so its places had come back.
    mutating func notePurchased(_ id: HoldID, by number: EntryNumber, isLate: Bool) {
        entries[number]?.purchases += 1
        if !isLate { noteEnded(id, isBought: true) }
    }

    /// A hold of an entry ended before its time. Admission learns of it at once, whatever became of earlier ones.
    mutating func noteEnded(_ id: HoldID, isBought: Bool) {
        if unsettled.remove(id) { learned.noteEnded(isBought: isBought) }
    }

    /// Forgets whose entry it is (R41 Erasure): its pass holds nothing more, and its buyer can join again.
    mutating func forgetBuyer(of number: EntryNumber) {
        let index = Int(number.value)
        guard index < buyers.count else { return }
        // Who joined again has a later number by now.
        if numbers[buyers[index]] == number { numbers[buyers[index]] = nil }
        buyers[index] = .erased(number)
    }

    /// Each turn that runs ends at `until` or later (R7 Restart); if the sale is paused, as long after the pause.
    mutating func prolong(until: Timestamp, at now: Timestamp) {
        let time = saleClock.time(at: now)
        let least = time.advanced(by: until.since(now))
        for (number, entry) in entries where entry.endsAt > time && entry.endsAt < least {
            entries[number]?.endsAt = least
        }
    }

    /// Whether the turn of an entry runs: it began, and the time that it has while the sale goes on is not over.
    func isRunning(_ entry: Entry, at now: Timestamp) -> Bool {
        saleClock.time(at: now) < entry.endsAt
    }

    /// Whether a turn runs.
    func hasTurns(at now: Timestamp) -> Bool {
        let time = saleClock.time(at: now)
        return entries.values.contains { time < $0.endsAt && !$0.hasLeft }
    }

    // MARK: Time

    /// Gives a number that needs no fact of its own.
    mutating func giveNumber() {
        precondition(issued < numbered, "a number is recorded before it is given")
        issued += 1
    }

    /// After a restart nobody knows all numbers of the last block that were given, so none of them is given again. Those that no
    /// fact names count as never given: a fact names them within a second.
    mutating func skipBlock() {
        guard identity == .device, issued < numbered else { return }
        leaveOut(upTo: numbered)
        issued = numbered
    }

    /// Nobody has the numbers that are not recorded, up to `end`.
    private mutating func leaveOut(upTo end: UInt32) {
        guard recorded < end else { return }
        gaps.append(recorded..<end)
        recorded = end
        if gaps.count > QueueBounds.lives { gaps.removeFirst() }
    }

    /// What a fact has to say about numbers that were given; `nil` if it is recorded.
    var unrecorded: QueueFact? {
        identity == .device && recorded < issued ? .given(from: recorded, below: issued) : nil
    }

    /// Goes on after lost facts (R63 Backup). People may have numbers that this queue does not know. So it gives neither the rest
    /// of the block nor the next block. An entry with a later number that joined before `wall` is lost. If the draw may have been
    /// made, its secret may be public: what it draws is fixed, and no beacon can witness it.
    mutating func loseFacts(at wall: WallTime, isSaleOpen: Bool) {
        if identity == .device {
            skipBlock()
            let next = min(UInt32(Limits.queueEntries), max(issued, numbered) + Self.block)
            leaveOut(upTo: next)
            issued = next
            numbered = max(numbered, issued)
        }
        lives.append(QueueLife(first: issued, since: wall))
        if lives.count > QueueBounds.lives { lives.removeFirst() }
        switch stage {
        case .gathering: if isSaleOpen { lostDraw = lostDraw ?? issued }
        case .drawing: lostDraw = lostDraw ?? count
        case .moving, .over: break
        }
    }

    /// Learns from what is over by now, and forgets it.
    ///
    /// - Parameters:
    ///   - isForgetting: whether the time runs in which turns begin.
    ///   - deadline: when a hold ends; `nil` if it ended.
    mutating func settle(
        at now: Timestamp, _ terms: QueueTerms, isForgetting: Bool, deadline: (HoldID) -> Timestamp?
    ) {
        let time = saleClock.time(at: now)
        while let number = undecided.takeEnded(at: time) {
            // A restart may have given it more time.
            if let end = entries[number]?.endsAt, end > time { undecided.insert(number, endingAt: end) }
        }
        while let hold = unsettled.takeEnded(at: now) {
            // It may have been extended.
            if let end = deadline(hold) {
                unsettled.insert(hold, endingAt: end)
            } else {
                learned.noteEnded(isBought: false)
            }
        }
        let turnsOver = Self.looksWithin + terms.turn
        for index in moves.indices {
            guard saleClock.time(at: moves[index].at).advanced(by: turnsOver) <= time else { break }
            guard !moves[index].isLearned else { continue }
            learned.note(called: Int(moves[index].people), ofWhomAsked: Int(moves[index].asked))
            moves[index].isLearned = true
        }
        let remembered = max(terms.returning, turnsOver)
        while let first = moves.first, isForgetting, first.isLearned {
            guard max(first.at, wentOnAt).advanced(by: remembered) <= now else { break }
            forgottenHead = first.head
            moves.removeFirst()
        }
        keys.forget(at: now)
    }
}

/// Bounds of queues that every store keeps.
package enum QueueBounds {
    /// Numbers of a block (Q2 Numbers).
    package static let block: UInt32 = 1_000
    /// An entry that was let in looks within this time, if it looks at all.
    package static let looksWithin = Duration.seconds(90)
    /// While places are free, the queue lets in one person after this time at the latest (Q7 Admission).
    package static let stillness = Duration.seconds(20)
    /// Times between pauses of the sale that are remembered (Q5 Turn). Operators pause a sale a few times.
    package static let stretches = 64
    /// Stretches of numbers that are remembered after lost facts.
    package static let lives = 64
}
