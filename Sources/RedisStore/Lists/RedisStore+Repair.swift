public import BoxOffice
internal import Logging
internal import NIOCore
internal import RedisWire
internal import Synchronization
internal import TicketStore

// What does not balance is counted anew from the holds (`Lua/mend.lua`): by itself where that is certain, else by an operator.

/// What an event's holds say, beside what its numbers say.
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

        /// Whether there is nothing to set right.
        public var isRight: Bool { held == countedHeld && sold == countedSold && !isClosed }
    }

    public var event: Code
    public var holds: Int
    public var pools: [Pool]
    /// Holds that were given a number and have no record: their answers were never told.
    public var missingHolds: Int
    /// Payments of a hold that are noted for another hold. They are left alone.
    public var strayedPayments: Int
    /// Payments of a hold that are noted for none, and so could buy another one.
    public var lostPayments: Int
    /// Moments at which places come free that are not as the holds say.
    public var wrongDeadlines: Int
    /// Buyers whose accounts are not as their holds say; only where the event has a limit per buyer (R21 Bounds).
    public var wrongAccounts: Int
    /// Whether what differs was set right.
    public var isSetRight: Bool

    /// Whether the numbers are as the holds say.
    public var isRight: Bool {
        pools.allSatisfy(\.isRight) && lostPayments == 0 && wrongDeadlines == 0 && wrongAccounts == 0
    }
}

extension RedisStore {
    /// What may be set right.
    enum Repair: UInt8, CaseIterable, Sendable {
        case nothing = 0
        /// Where every hold that was given is there, each payment leads to its own, and no pool promises more than it has.
        case whatIsCertain
        case everything
    }

    /// Holds that are looked through where an operator asks: as many as an event can have.
    private static let countedForOperator = 1 << Int(HoldNumber.bitsWithin)
    /// Between two counts of an event because of something that went wrong there.
    static let repairInterval = TimeAmount.seconds(60)

    /// Counts every event anew from its holds, and sets right what differs if `applies`. Each server does nothing else while
    /// it counts an event: some 2 µs a hold.
    public func repair(applies: Bool) async throws -> [RepairReport] {
        var reports: [RepairReport] = []
        for number in pending.withLock({ $0.directory.order }) {
            let result = await withCheckedContinuation { continuation in
                mend(number, applies ? .everything : .nothing, most: Self.countedForOperator) {
                    continuation.resume(returning: $0)
                }
            }
            if let report = try result.get() { reports.append(report) }
        }
        return reports
    }

    /// Counts every event once when a node starts, so that what was left half done is found before somebody meets it.
    func mendAtStart() {
        for event in pending.withLock({ $0.directory.order }) { mendSoon(event) }
    }

    /// Something about an event's numbers was found wrong: has them counted, and set right where that is certain.
    func mendSoon(_ event: UInt64) {
        guard configuration.mendsByItself else { return }
        let now = NIODeadline.now()
        let isDue = pending.withLock { pending in
            guard pending.mendedAt[event].map({ $0 + Self.repairInterval <= now }) ?? true else { return false }
            pending.mendedAt[event] = now
            return true
        }
        guard isDue else { return }
        mend(event, .whatIsCertain, most: configuration.countedInOneCall) { result in
            switch result {
            case .success(let report?): self.noteRepair(report, of: event)
            case .success(nil): break
            case .failure(let failure):
                self.logger.warning(
                    "An event whose numbers may be wrong could not be counted",
                    metadata: ["event": "\(event)", "failure": "\(failure)"])
            }
        }
    }

    private func noteRepair(_ report: RepairReport, of event: UInt64) {
        let isLeft = !report.isRight && !report.isSetRight
        pending.withLock { $0.unbalanced[event] = isLeft ? report.event : nil }
        guard !report.isRight else { return }
        let metadata: Logger.Metadata = ["event": "\(report.event)", "differs": "\(report.differences)"]
        if report.isSetRight {
            logger.error("The numbers of an event were not as its holds say, and were set right", metadata: metadata)
        } else {
            logger.critical(
                "The numbers of an event are not as its holds say; see holdfast repair", metadata: metadata)
        }
    }

    private func mend(
        _ event: UInt64, _ repair: Repair, most: Int, attempt: Int = 0,
        _ done: @escaping @Sendable (Result<RepairReport?, StoreFailure>) -> Void
    ) {
        var command = library.call(.mend, calling, keys: keyspace.keys(of: event))
        command.append(Int(event))
        command.append(configuration.limits.recoveryGrace.inMilliseconds)
        command.append(Int(repair.rawValue))
        command.append(most)
        // However long it takes: a server that counts is not away.
        let deadline = NIODeadline.now() + .minutes(5)
        client.call(command, for: key(of: event), deadline: deadline) { outcome in
            switch outcome {
            case .success(let reply):
                do {
                    let read = try CallReply(reply.bytes())
                    if read.status == .tooMany { self.pending.withLock { _ = $0.tooLargeToMend.insert(event) } }
                    if read.status == .again, attempt < Self.settling {
                        return self.mend(event, repair, most: most, attempt: attempt + 1, done)
                    }
                    done(.success(try self.report(read, of: event)))
                } catch {
                    self.logger.error("A count of an event could not be read", metadata: ["error": "\(error)"])
                    done(.failure(.outcomeUnknown))
                }
            case .failure(.refused(let error)) where error.isUnknownFunction && attempt < Self.reloads:
                self.reload { isLoaded in
                    guard isLoaded else { return done(.failure(.suspended(.unreachable))) }
                    self.mend(event, repair, most: most, attempt: attempt + 1, done)
                }
            case .failure(let failure): done(.failure(StoreFailure(failure)))
            }
        }
    }

    /// How often a count begins again because more places came free meanwhile than one call takes out.
    private static let settling = 1_000

    /// - Returns: `nil` if the event is gone, or has more holds than may be looked through.
    private func report(_ reply: CallReply, of event: UInt64) throws(PackedMistake) -> RepairReport? {
        guard reply.status == .decided, let entry = pending.withLock({ $0.directory.entries[event] }) else {
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
    /// What differs, in sentences for people.
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
