public import BoxOffice
internal import Logging
internal import NIOCore
internal import RedisWire
internal import Synchronization
internal import TicketStore

// Counts an event's numbers again from its holds, and corrects them (`Lua/mend.lua`): by itself if the right numbers are
// certain, otherwise when an operator asks.

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
        public var isClosed: Bool

        /// Whether the pool's numbers are those of its holds, and it is open.
        public var isRight: Bool { held == countedHeld && sold == countedSold && !isClosed }
    }

    public var event: Code
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
    /// Buyers whose accounts are not as their holds say; only where the event has a limit per buyer (R21 Bounds).
    public var wrongAccounts: Int
    /// Whether the differences were corrected.
    public var isSetRight: Bool

    /// Whether nothing differs.
    public var isRight: Bool {
        pools.allSatisfy(\.isRight) && lostPayments == 0 && wrongDeadlines == 0 && wrongAccounts == 0
    }
}

extension RedisStore {
    /// What a count may correct.
    enum Repair: UInt8, CaseIterable, Sendable {
        case nothing = 0
        /// If every hold has its record, each payment leads to its own hold, and no pool promises more than it has.
        case whatIsCertain
        case everything
    }

    /// Holds that are counted if an operator asks: as many as an event can have.
    private static let countedForOperator = 1 << Int(HoldID.bitsWithinEvent)
    /// Between two counts of an event because something went wrong.
    static let repairInterval = TimeAmount.seconds(60)

    /// Counts every event again from its holds, and corrects what differs if `applies`. A server that counts an event does
    /// nothing else: some 2 µs a hold.
    public func repair(applies: Bool) async throws -> [RepairReport] {
        var reports: [RepairReport] = []
        for event in state.withLock({ $0.directory.order }) {
            let report = try await mend(event, applies ? .everything : .nothing, most: Self.countedForOperator)
            if let report { reports.append(report) }
        }
        return reports
    }

    /// Counts every event once when a node starts, so that a decision that was left half done is found before a buyer meets it.
    func mendAtStart() {
        for event in state.withLock({ $0.directory.order }) { mendSoon(event) }
    }

    /// Counts an event whose numbers may be wrong, and corrects them if the right ones are certain.
    func mendSoon(_ event: EventNumber) {
        guard configuration.mendsByItself else { return }
        let now = NIODeadline.now()
        let isDue = state.withLock { state in
            guard state.countedAt[event].map({ $0 + Self.repairInterval <= now }) ?? true else { return false }
            state.countedAt[event] = now
            return true
        }
        guard isDue else { return }
        caller.perform {
            do throws(StoreFailure) {
                guard let report = try await self.mend(event, .whatIsCertain, most: self.configuration.countedInOneCall)
                else { return }
                self.noteRepair(report, of: event)
            } catch {
                self.logger.warning(
                    "An event whose numbers may be wrong could not be counted",
                    metadata: ["event": "\(event)", "failure": "\(error)"])
            }
        }
    }

    private func noteRepair(_ report: RepairReport, of event: EventNumber) {
        let isLeft = !report.isRight && !report.isSetRight
        state.withLock { $0.unbalanced[event] = isLeft ? report.event : nil }
        guard !report.isRight else { return }
        let metadata: Logger.Metadata = ["event": "\(report.event)", "differs": "\(report.differences)"]
        if report.isSetRight {
            logger.error("The numbers of an event differed from its holds and were corrected", metadata: metadata)
        } else {
            logger.critical(
                "The numbers of an event differ from its holds; see holdfast repair", metadata: metadata)
        }
    }

    /// - Returns: `nil` if the event is gone, or has more than `most` holds.
    private func mend(
        _ event: EventNumber, _ repair: Repair, most: Int
    ) async throws(StoreFailure) -> RepairReport? {
        let keys = keyspace.keys(of: event)
        var command = caller.command(.mend, keys: keys.all)
        command.append(Int(event.value))
        command.append(configuration.limits.recoveryGrace.inMilliseconds)
        command.append(Int(repair.rawValue))
        command.append(most)
        for _ in 0...Self.settling {
            // A server that counts is not away, however long it takes.
            let answer = await caller.call(command, to: keys.route, deadline: .now() + .minutes(5))
            switch answer.outcome {
            case .success(let reply):
                let report = try caller.read(reply, orThrow: .outcomeUnknown) { bytes -> RepairReport?? in
                    let read = try CallReply(bytes)
                    if read.status == .tooMany { self.state.withLock { _ = $0.tooLargeToCount.insert(event) } }
                    return read.status == .again ? .none : .some(try self.report(read, of: event))
                }
                if let report { return report }
            case .failure(let failure): throw StoreFailure(failure)
            }
        }
        return nil
    }

    /// How often a count begins again because more holds had ended than one call takes out.
    private static let settling = 1_000

    private func report(_ reply: CallReply, of event: EventNumber) throws(PackedMistake) -> RepairReport? {
        guard reply.status == .decided, let entry = state.withLock({ $0.directory.entries[event] }) else {
            return nil
        }
        var reader = reply.reader
        var report = RepairReport(
            event: entry.catalogue.code, holds: 0, pools: [], missingHolds: 0, strayedPayments: 0, lostPayments: 0,
            wrongDeadlines: 0, wrongAccounts: 0, isSetRight: try reader.byte() == 1)
        report.holds = try reader.number()
        report.missingHolds = try reader.number()
        report.strayedPayments = try reader.number()
        report.lostPayments = try reader.number()
        report.wrongDeadlines = try reader.number()
        report.wrongAccounts = try reader.number()
        for index in 0..<(try reader.number()) {
            let (held, sold) = (try reader.number(), try reader.number())
            let (countedHeld, countedSold) = (try reader.number(), try reader.number())
            let isClosed = try reader.byte() == 1
            guard entry.catalogue.pools.indices.contains(index) else { continue }
            report.pools.append(
                .init(
                    code: entry.catalogue.pools[index].code, held: held, sold: sold, countedHeld: countedHeld,
                    countedSold: countedSold, isClosed: isClosed))
        }
        return report
    }
}

extension RepairReport {
    /// The differences, in words for people.
    public var differences: String {
        var found = pools.filter { !$0.isRight }.map { pool in
            "pool \(pool.code) has \(pool.held) held and \(pool.sold) sold, its holds say \(pool.countedHeld) and "
                + "\(pool.countedSold)" + (pool.isClosed ? ", and it is closed" : "")
        }
        if wrongDeadlines > 0 { found.append("\(wrongDeadlines) moments at which places come free are wrong") }
        if wrongAccounts > 0 { found.append("\(wrongAccounts) accounts of buyers are wrong") }
        if lostPayments > 0 { found.append("\(lostPayments) payments are not noted for their holds") }
        if strayedPayments > 0 { found.append("\(strayedPayments) payments are noted for other holds, and stay so") }
        if missingHolds > 0 { found.append("\(missingHolds) holds were begun and never recorded") }
        return found.joined(separator: "; ")
    }
}
