internal import BoxOffice

/// The recount's own account of a queue (Q1 Phases to Q6 Pass).
struct AuditQueue {
    enum Stage { case gathering, drawing, moving, over }

    struct Turn {
        var endsAt: Int64
        var hold: Int64?
        var purchases = 0
        /// The most purchases that were allowed when it held: who pays needs no pass.
        var most = 0
    }

    var stage: Stage
    var isByBuyer: Bool
    /// The first number that may not be given.
    var end: Int64 = 1_000
    /// Numbers below were given, or left out.
    var given: Int64 = 0
    var drawn: Int64?
    var wasDrawn = false
    var head: Int64 = 0
    /// Each head with its moment.
    var heads: [(head: Int64, at: Int64)] = []
    var turns: [Int64: Turn] = [:]
    var left: Set<Int64> = []
    var joined: Int64 = 0
    var buyers: Set<Buyer> = []
    /// When the sale last went on after a pause, or after the queue was over.
    var wentOn: Int64 = 0
    /// Since when the sale is paused.
    var pausedAt: Int64?

    /// The two halves of a digest.
    struct Buyer: Hashable {
        var high: Int64
        var low: Int64
    }

    /// The sale goes on after a pause: a turn that ran when it began ends later by its length (Q5 Turn).
    mutating func goOn(at now: Int64) {
        wentOn = now
        guard let since = pausedAt.take() else { return }
        for (entry, turn) in turns where turn.endsAt > since { turns[entry]?.endsAt += now - since }
    }

    /// When the head passed a position; `nil` if it did not.
    func passed(_ position: Int64) -> Int64? {
        var (low, high) = (0, heads.count)
        while low < high {
            let middle = (low + high) / 2
            if heads[middle].head > position { high = middle } else { low = middle + 1 }
        }
        return low < heads.count ? heads[low].at : nil
    }
}

/// The parts of a row of `queue_facts`.
private struct AuditQueueRow {
    var kind: Int64
    var number: Int64
    var position: Int64
    var moment: Int64
    var text: String

    init?(_ fact: AuditFact) {
        let parts = (fact.text ?? "").split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, let number = Int64(parts[0]), let position = Int64(parts[1]),
            let moment = Int64(parts[2])
        else { return nil }
        (kind, self.number, self.position, self.moment) = (fact.value, number, position, moment)
        text = String(parts[3])
    }
}

extension AuditAccount {
    mutating func queue(_ fact: AuditFact) throws {
        let event = fact.subject
        guard let row = AuditQueueRow(fact), let terms = definitions[event]?.queue else {
            throw BrokenRule("Q1 Phases: fact \(fact.sequence) is of a queue that there is not")
        }
        if row.kind == 1 {
            try expect(queues[event] == nil, "Q1 Phases: the queue of event \(event) was opened twice")
            queues[event] = AuditQueue(stage: row.number == 1 ? .gathering : .moving, isByBuyer: row.position == 1)
            return
        }
        // Taken out: a copy that is changed would copy all entries with each fact.
        guard var queue = queues.removeValue(forKey: event) else {
            throw BrokenRule("Q1 Phases: fact \(fact.sequence) is of a queue that was not opened")
        }
        switch row.kind {
        case 2:
            try expect(
                row.number > queue.end && row.number <= queue.end + 1_000 && !queue.isByBuyer,
                "Q2 Numbers: fact \(fact.sequence) takes no block of numbers")
            queue.end = row.number
        case 3:
            try expect(
                queue.isByBuyer && row.number == queue.joined
                    && queue.buyers.insert(.init(high: row.position, low: row.moment)).inserted,
                "Q2 Numbers: fact \(fact.sequence) gives a number twice, or a buyer two")
            queue.joined += 1
        case 4:
            try expect(queue.stage == .gathering, "Q1 Phases: gathering ended twice at fact \(fact.sequence)")
            (queue.stage, queue.drawn) = (.drawing, row.number)
        case 5:
            try expect(queue.stage == .drawing && !queue.wasDrawn, "Q3 Draw: there is a second draw")
            try expect(
                row.number == 0 || terms.beacon != nil, "Q3 Draw: fact \(fact.sequence) has a beacon of no name")
            (queue.stage, queue.wasDrawn) = (.moving, true)
        case 6: try move(&queue, to: row.position, fact)
        case 7: try begin(&queue, row, fact, terms)
        case 8: if row.position > queue.head { try move(&queue, to: row.position, fact) }
        case 9: queue.left.insert(row.number)
        case 10:
            try expect(queue.stage == .moving, "Q1 Phases: it was over at fact \(fact.sequence) and had not begun")
            queue.stage = .over
        case 11:
            try expect(queue.stage == .over, "Q1 Phases: it went on at fact \(fact.sequence) and was not over")
            (queue.stage, queue.wentOn) = (.moving, fact.at)
        case 12:
            try expect(
                row.position >= queue.given && row.position < row.number && row.number <= queue.end && !queue.isByBuyer,
                "Q2 Numbers: fact \(fact.sequence) says that numbers were given that could not be")
            queue.given = row.number
        default: throw BrokenRule("Q1 Phases: fact \(fact.sequence) is of no kind")
        }
        queues[event] = queue
    }

    private func move(_ queue: inout AuditQueue, to head: Int64, _ fact: AuditFact) throws {
        try expect(
            head >= queue.head && (queue.stage == .moving || queue.stage == .over),
            "Q4 Head: it went from \(queue.head) to \(head) at fact \(fact.sequence)")
        queue.head = head
        queue.heads.append((head, fact.at))
    }

    private func begin(
        _ queue: inout AuditQueue, _ row: AuditQueueRow, _ fact: AuditFact, _ terms: QueueTerms
    ) throws {
        if let head = Int64(row.text), head > queue.head { try move(&queue, to: head, fact) }
        let name = "the turn of entry \(row.number)"
        let isGiven = row.number < (queue.isByBuyer ? queue.joined : queue.end)
        try expect(isGiven && row.number >= 0, "Q2 Numbers: \(name) began and its number was not given")
        try expect(queue.turns[row.number] == nil, "Q5 Turn: \(name) began twice")
        try expect(!queue.left.contains(row.number), "Q5 Turn: \(name) began after the entry left")
        let isPlaced =
            queue.drawn.map { row.number < $0 ? row.position < $0 : row.position == row.number }
            ?? (row.position == row.number)
        try expect(isPlaced, "Q3 Draw: \(name) began at position \(row.position)")
        guard let passed = queue.passed(row.position) else {
            throw BrokenRule("Q4 Head: \(name) began before the head passed it")
        }
        try expect(
            fact.at < max(passed, queue.wentOn) + terms.returning.inMilliseconds || fact.at == passed,
            "Q5 Turn: \(name) began too late")
        try expect(row.moment == fact.at + terms.turn.inMilliseconds, "Q5 Turn: \(name) has another end")
        queue.turns[row.number] = AuditQueue.Turn(endsAt: row.moment)
    }

    /// After lost facts a queue gives neither the rest of its block nor the next one.
    mutating func loseQueueFacts() {
        for event in queues.keys where queues[event]?.isByBuyer == false { queues[event]?.end += 1_000 }
    }

    /// Each turn that runs ends at `until` or later (R7 Restart).
    mutating func prolongTurns(of event: Int64, until: Int64) {
        guard let turns = queues[event]?.turns else { return }
        // In a pause the time that a turn had at its begin is left.
        let from = queues[event]?.pausedAt ?? now
        let least = from + until - now
        for (entry, turn) in turns where turn.endsAt > from && turn.endsAt < least {
            queues[event]?.turns[entry]?.endsAt = least
        }
    }

    /// Checks that a hold was made within the turn of its entry (Q6 Pass).
    mutating func checkPass(of fact: AuditFact, _ definition: EventDefinition, _ name: String) throws {
        guard let terms = definition.queue, !fact.goesPast(.queue) else {
            try expect(fact.entry == nil, "Q6 Pass: \(name) has an entry, and there was no queue for it")
            return
        }
        // No copy of the queue lives on while it changes.
        guard let entry = fact.entry, let turn = queues[fact.event]?.turns[entry] else {
            throw BrokenRule("Q6 Pass: \(name) was made without a turn")
        }
        let hasLeft = queues[fact.event]?.left.contains(entry) ?? false
        let time = queues[fact.event]?.pausedAt ?? fact.at
        try expect(time < turn.endsAt && !hasLeft, "Q6 Pass: \(name) was made after its turn")
        let isLive = turn.hold.flatMap { self.entry($0) }.map { $0.state == .held && $0.isCounted } ?? false
        try expect(
            !isLive && turn.purchases < terms.purchasesPerEntry,
            "Q6 Pass: \(name) was made with a pass that is used")
        queues[fact.event]?.turns[entry]?.hold = fact.subject
        queues[fact.event]?.turns[entry]?.most = max(turn.most, terms.purchasesPerEntry)
        entries[fact.subject] = entry
    }

    /// Counts a purchase for the entry of its hold.
    mutating func countPurchase(of hold: Int64, in event: Int64) throws {
        guard let entry = entries[hold] else { return }
        queues[event]?.turns[entry]?.purchases += 1
        guard let terms = definitions[event]?.queue, let turn = queues[event]?.turns[entry] else { return }
        try expect(
            turn.purchases <= max(turn.most, terms.purchasesPerEntry),
            "Q6 Pass: entry \(entry) of event \(event) bought too often")
    }
}
