/// The access codes of an event as the box office keeps them (R46 Access codes). Nearly every event has none, and a decision
/// looks at nothing of them unless its request or its hold names one.
struct EventCodes: Sendable, Equatable {
    /// Every batch that a definition ever named: a hold has the index of its own.
    private(set) var names: [Code] = []
    /// By the same index: the batch in the definition in force; `nil` if that does not name it.
    private var batches: [EventDefinition.CodeBatch?] = []
    /// What was taken with each code that was ever used, counted and settled as a pool is. Its capacity is no bound: the box
    /// office compares with the tickets of the definition in force.
    private var taken: [HeldCode: Pool] = [:]

    mutating func adopt(_ definition: EventDefinition) {
        if names.isEmpty, definition.codes.isEmpty { return }
        for index in batches.indices { batches[index] = nil }
        for batch in definition.codes {
            if let index = names.firstIndex(of: batch.name) {
                batches[index] = batch
            } else {
                names.append(batch.name)
                batches.append(batch)
            }
        }
    }

    /// The batch of a code that is good for something; `nil` if there is no such code, or if it was revoked.
    func find(_ code: AccessCode) -> (code: HeldCode, batch: EventDefinition.CodeBatch)? {
        guard let index = names.firstIndex(of: code.batch), let batch = batches[index], batch.has(code.number) else {
            return nil
        }
        return (HeldCode(batch: index, number: code.number), batch)
    }

    /// The same for the code of a hold.
    func batch(of code: HeldCode) -> EventDefinition.CodeBatch? {
        batches[code.batch].flatMap { $0.has(code.number) ? $0 : nil }
    }

    /// The batch of this name in the definition in force, with its index.
    func batch(named name: Code) -> (index: Int, batch: EventDefinition.CodeBatch)? {
        names.firstIndex(of: name).flatMap { index in batches[index].map { (index, $0) } }
    }

    /// What was taken with a code by `now`.
    mutating func count(of code: HeldCode, at now: Timestamp) -> (held: Int, sold: Int) {
        guard var pool = taken[code] else { return (0, 0) }
        if pool.settle(at: now) { taken[code] = pool }
        return (pool.held, pool.sold)
    }

    mutating func change(
        _ code: HeldCode, of lines: OneOrMore<HeldLine>, at now: Timestamp, _ change: (inout Pool, Share) -> Void
    ) {
        let share = Share(places: lines.reduce(0) { $0 + $1.quantity }, holds: 0)
        let new = Pool(code: names[code.batch], capacity: EventDefinition.uncounted)
        taken[code, default: new].change(at: now) { change(&$0, share) }
    }

    /// Every code with which something is held or was sold.
    var used: [HeldCode] { taken.keys.sorted { $0.packed < $1.packed } }
}

/// What became of one code (R46 Access codes).
public struct CodeCount: Sendable, Equatable {
    public var number: Int
    /// Tickets.
    public var held: Int
    public var sold: Int
    public var isRevoked: Bool

    public init(number: Int, held: Int, sold: Int, isRevoked: Bool) {
        self.number = number
        self.held = held
        self.sold = sold
        self.isRevoked = isRevoked
    }
}
