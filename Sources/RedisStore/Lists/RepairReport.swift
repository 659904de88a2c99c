public import BoxOffice

/// The numbers of an event, and what its holds say.
public struct RepairReport: Sendable, Equatable {
    /// One pool.
    public struct Pool: Sendable, Equatable {
        public var code: Code
        /// As its numbers say.
        public var held: Int
        public var sold: Int
        /// As its holds say.
        public var countedHeld: Int
        public var countedSold: Int
        /// Whether a broken rule keeps it closed (R4 Broken rule).
        public var isClosed: Bool

        /// Whether the pool's numbers are those of its holds, and it is open.
        public var isRight: Bool { held == countedHeld && sold == countedSold && !isClosed }
    }

    public var event: Code
    /// Records of holds that were counted.
    public var holds: Int
    public var pools: [Pool]
    /// Holds that got a number and have no record. Their answers never left.
    public var missingHolds: Int
    /// Payments of holds that are recorded for another hold. A repair leaves them as they are.
    public var strayedPayments: Int
    /// Payments of holds that are recorded for no hold, and so could buy another one.
    public var lostPayments: Int
    /// Moments at which places come free that differ from the holds.
    public var wrongDeadlines: Int
    /// Buyers whose accounts differ from their holds; only if the event has a limit per buyer (R25 Buyer limits).
    public var wrongAccounts: Int
    /// Entries of the queue that differ from the holds they made, and figures of the queue that differ from its entries.
    public var wrongEntries: Int
    /// Entries of the queue with a place that no draw gave them, or that another one has. A repair leaves them as they are.
    public var strayedEntries: Int
    /// Whether the differences were corrected.
    public var isSetRight: Bool

    /// Whether nothing differs.
    public var isRight: Bool {
        pools.allSatisfy(\.isRight) && lostPayments == 0 && wrongDeadlines == 0 && wrongAccounts == 0
            && wrongEntries == 0
    }
}

extension RepairReport {
    /// Reads a reply of `mend`.
    init(_ reply: CallReply, catalogue: EventCatalogue) throws(PackedMistake) {
        var reader = reply.reader
        event = catalogue.code
        isSetRight = try reader.byte() == 1
        holds = try reader.number()
        missingHolds = try reader.number()
        strayedPayments = try reader.number()
        lostPayments = try reader.number()
        wrongDeadlines = try reader.number()
        wrongAccounts = try reader.number()
        wrongEntries = try reader.number()
        strayedEntries = try reader.number()
        pools = []
        for index in 0..<(try reader.number()) {
            let (held, sold) = (try reader.number(), try reader.number())
            let (countedHeld, countedSold) = (try reader.number(), try reader.number())
            let isClosed = try reader.byte() == 1
            guard catalogue.pools.indices.contains(index) else { continue }
            pools.append(
                .init(
                    code: catalogue.pools[index].name, held: held, sold: sold, countedHeld: countedHeld,
                    countedSold: countedSold, isClosed: isClosed))
        }
    }

    /// The differences, in words for people.
    public var differences: String {
        var found = pools.filter { !$0.isRight }.map { pool in
            "pool \(pool.code) has \(pool.held) held and \(pool.sold) sold, its holds say \(pool.countedHeld) and "
                + "\(pool.countedSold)" + (pool.isClosed ? ", and it is closed" : "")
        }
        if wrongDeadlines > 0 { found.append("\(wrongDeadlines) moments at which places come free are wrong") }
        if wrongAccounts > 0 { found.append("\(wrongAccounts) accounts of buyers are wrong") }
        if wrongEntries > 0 { found.append("\(wrongEntries) entries or figures of the queue are wrong") }
        if strayedEntries > 0 { found.append("\(strayedEntries) entries of the queue have a wrong place, and stay so") }
        if lostPayments > 0 { found.append("\(lostPayments) payments are not recorded for their holds") }
        if strayedPayments > 0 { found.append("\(strayedPayments) payments are recorded for other holds, and stay so") }
        if missingHolds > 0 { found.append("\(missingHolds) holds were begun and never recorded") }
        return found.joined(separator: "; ")
    }
}
