internal import BoxOffice
internal import Logging
internal import NIOCore
internal import RedisWire
internal import TicketStore

/// Counts events' numbers again from their holds (`Lua/mend.lua`, `Lua/tally.lua`): when something seems wrong, from
/// time to time, and when an operator asks.
struct EventRecounts: Sendable {
    /// What a count may correct.
    enum Correction: UInt8, CaseIterable, Sendable {
        case nothing = 0
        /// If every hold has its record, each payment leads to its own hold, and no pool promises more than it has.
        case whatIsCertain
        case everything
    }

    /// Holds that are counted if an operator asks: as many as an event can have.
    private static let countedForOperator = 1 << Int(HoldID.bitsWithinEvent)
    /// The longest count. A server that counts is not away, however long it takes.
    private static let longest = Duration.seconds(300)
    /// How often a count begins again because more holds had ended than one call takes out.
    private static let settling = 1_000
    /// Between two pages. Each takes some 5 ms of the server, so a count takes a tenth of its time.
    private static let restBetweenPages = TimeAmount.milliseconds(50)

    let caller: FunctionCaller
    let keyspace: Keyspace
    let lists: SalesLists
    let state: SharedState
    let logger: Logger
    let configuration: RedisStore.Configuration

    /// Lets a client wait for the longest count: it would close a connection on which nothing comes for ten seconds.
    static func allowLongCounts(_ timeouts: inout RedisConfiguration.Timeouts) {
        timeouts.silence = max(timeouts.silence, longest)
    }

    /// Counts every event, and corrects what differs if `applies`. A server that counts an event does nothing else:
    /// some 2 µs a hold.
    func repair(applies: Bool) async throws(StoreFailure) -> [RepairReport] {
        var reports: [RepairReport] = []
        for event in state.withLock({ $0.directory.order }) {
            let report = try await count(event, applies ? .everything : .nothing, most: Self.countedForOperator)
            if let report { reports.append(report) }
        }
        return reports
    }

    /// Counts every event when a node starts, so that a decision that was left half done is found before a buyer meets
    /// it.
    ///
    /// One after the other, since sales wait behind a count. A failure ends it: each event's turn comes again within
    /// the hour.
    func countAll() {
        caller.perform {
            for event in state.withLock({ $0.directory.order }) {
                guard await countNow(event) else { return }
            }
        }
    }

    /// Counts an event whose numbers may be wrong in one call, unless that was done just now, and corrects them if the
    /// right ones are certain.
    func countSoon(_ event: EventNumber) {
        caller.perform { _ = await countNow(event) }
    }

    /// - Returns: `false` if the server could not count.
    private func countNow(_ event: EventNumber) async -> Bool {
        guard configuration.mendsByItself, state.withLock({ $0.counts.begin(event, at: .now()) }) else { return true }
        do throws(StoreFailure) {
            let report = try await count(event, .whatIsCertain, most: configuration.countedInOneCall)
            if let report { note(report, of: event) }
            return true
        } catch {
            logger.warning(
                "An event whose numbers may be wrong could not be counted",
                metadata: ["event": "\(event)", "failure": "\(error)"])
            return false
        }
    }

    /// Counts the next event that is due: in one call, or in pages if it has too many holds.
    func countNext(at now: NIODeadline) async throws {
        guard configuration.mendsByItself else { return }
        if let large = state.withLock({ $0.counts.beginPages(at: now) }) {
            try await countInPages(large)
        } else if let event = state.withLock({ $0.counts.next(of: $0.directory.order, at: now) }) {
            countSoon(event)
        }
    }

    /// Counts an event some holds at a time while it sells, and logs if its numbers differ. Correcting them needs all
    /// holds in one call, which an operator decides on (`holdfast repair`).
    private func countInPages(_ event: EventNumber) async throws {
        let tally = try await lists.tally(of: event, rest: Self.restBetweenPages)
        guard let entry = state.withLock({ $0.directory.entries[event] }) else { return }
        let broken = tally.brokenRule(of: entry)
        state.withLock { $0.counts.unbalanced[event] = broken == nil ? nil : entry.catalogue.code }
        if let broken { logDifference(of: entry.catalogue.code, broken) }
    }

    private func note(_ report: RepairReport, of event: EventNumber) {
        let isLeft = !report.isRight && !report.isSetRight
        state.withLock { $0.counts.unbalanced[event] = isLeft ? report.event : nil }
        if report.isRight { return }
        guard report.isSetRight else { return logDifference(of: report.event, report.differences) }
        logger.error(
            "The numbers of an event differed from its holds and were corrected",
            metadata: ["event": "\(report.event)", "differs": "\(report.differences)"])
    }

    private func logDifference(of event: Code, _ differences: String) {
        logger.critical(
            "The numbers of an event differ from its holds; see holdfast repair",
            metadata: ["event": "\(event)", "differs": "\(differences)"])
    }

    /// - Returns: `nil` if the event is gone, or has more than `most` holds.
    private func count(
        _ event: EventNumber, _ correction: Correction, most: Int
    ) async throws(StoreFailure) -> RepairReport? {
        let keys = keyspace.keys(of: event)
        var command = caller.command(.mend, keys: keys.all)
        command.append(Int(event.value))
        command.append(configuration.limits.recoveryGrace.inMilliseconds)
        command.append(Int(correction.rawValue))
        command.append(most)
        for _ in 0...Self.settling {
            let answer = await caller.call(command, to: keys.route, deadline: .now() + TimeAmount(Self.longest))
            let read: CallReply
            switch answer.outcome {
            case .success(let reply): read = try caller.read(reply, orThrow: .outcomeUnknown) { try CallReply($0) }
            case .failure(let failure): throw StoreFailure(failure)
            }
            if read.status == .again { continue }
            if read.status == .tooMany { state.withLock { _ = $0.counts.tooLarge.insert(event) } }
            guard read.status == .decided, let entry = state.withLock({ $0.directory.entries[event] }) else {
                return nil
            }
            return try caller.read(orThrow: .outcomeUnknown) { try RepairReport(read, catalogue: entry.catalogue) }
        }
        return nil
    }
}
