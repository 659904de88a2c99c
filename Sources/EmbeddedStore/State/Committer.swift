internal import BoxOffice
internal import Dispatch
internal import Logging
internal import Synchronization
internal import TicketStore

/// The one thread that writes the ledger.
struct Committer: Sendable {
    let store: EmbeddedStore
    /// Signalled when the last batch was answered.
    let ended: DispatchSemaphore
    /// The number of the last fact that was read at the start.
    let startsBehind: UInt64
    /// Attempts to save what was answered, of which one is told.
    private static let savesBetweenAlarms = 60

    /// Runs until the store closes and nothing waits any more.
    ///
    /// After a batch, those who were answered are likely to ask again at once. Taking those who wait already alone
    /// would split the callers into parties that never meet, with a commit for each, as dear as one for all; so the
    /// committer lets as many gather as were answered and wait, for no longer than ``CommitPace`` allows, and never for
    /// a lone caller.
    func run() {
        var pace = CommitPace()
        var pools = PoolWatch()
        var watch = FileWatch(store: store, committed: startsBehind)
        var pruner = KeyPruner()
        var keyRoom = KeyRoom(store.configuration.limits.keys)
        while true {
            if watch.isDue { lookAtFiles(&watch) }
            // Without its files nothing is counted anew, which would sell again.
            if !watch.hasLostFiles { lookAtPools(&pools) }
            if let batch = store.state.withLock({ $0.takeBatch(ofAtLeast: pace.enough) }) {
                if commit(batch, &pace, &pruner) { watch.committed(batch.facts) }
                tidy(&keyRoom)
            } else if pace.isGathering {
                _ = store.work.wait(timeout: .now() + pace.patience)
                pace.gathered()
            } else if store.state.withLock({ $0.isDone }) {
                break
            } else if store.work.wait(timeout: .now() + EmbeddedStore.tick) == .timedOut {
                if let step = store.state.withLock({ $0.tick() }) { store.log(step) }
                tidy(&keyRoom)
            }
        }
        finish(&watch)
        ended.signal()
    }

    /// What was answered is in the ledger, or in a copy of it, or the store says that it is not.
    private func finish(_ watch: inout FileWatch) {
        let losses = store.files.withLock { $0.losses() }
        guard losses.isEmpty, !watch.hasLostFiles else {
            if !watch.hasLostFiles { tell(losses) }
            // With all of them back, what was committed is where a start finds it.
            if !losses.isEmpty, !watch.isSaved { save(losses, &watch, isLast: true) }
            if !losses.isEmpty, !watch.isSaved { store.ended(.notSaved) }
            return
        }
        recordClock()
        store.record(watch.committed)
    }

    /// A store that is stopped in good order goes on at the very moment it stopped.
    private func recordClock() {
        guard let batch = store.state.withLock({ $0.takeLastClock() }) else { return }
        do {
            _ = try store.ledger.withLock { ledger throws(LedgerError) in try ledger.commit(batch) }
        } catch {
            store.logger.warning(
                "The clock was not recorded at the stop; live holds may get a second more",
                metadata: ["error": "\(error)"])
        }
    }

    /// Forgets what need not be at hand, piece by piece, so that callers come in between.
    private func tidy(_ room: inout KeyRoom) {
        for _ in 0..<EmbeddedStore.piecesAfterBatch where !store.state.withLock({ $0.tidyAPiece() }) { break }
        if let change = room.note(store.state.withLock { $0.keys.count }) { store.log(change) }
    }

    /// - Returns: whether its facts are in the ledger.
    private func commit(_ batch: StoreState.Batch, _ pace: inout CommitPace, _ pruner: inout KeyPruner) -> Bool {
        let start = DispatchTime.now().uptimeNanoseconds
        var isLogLong = false
        do {
            if !batch.facts.entries.isEmpty {
                let keys = store.state.withLock { $0.keys }
                let judge = KeyPruner.Judge(now: keys.now, oldestOfEndedHoldAt: keys.oldestOfEndedHoldAt) { keys in
                    store.state.withLock { $0.forgotten(keys) }
                }
                isLogLong = try store.ledger.withLock { ledger throws(LedgerError) in
                    try ledger.commit(batch.facts) { try pruner.prune($0, with: batch.facts.entries.count, judge) }
                }
            }
        } catch {
            pruner = KeyPruner()
            recover(from: error, batch)
            return false
        }
        // Counted before anybody is answered: who asks again at once would be two.
        let callers = batch.count + store.state.withLock { $0.waitingCount }
        pace.committed(callers, nanoseconds: DispatchTime.now().uptimeNanoseconds - start)
        batch.replies.deliver()
        if let mark = batch.mark {
            for request in batch.markRequests { request(.success(mark)) }
        }
        store.reader.read(batch.reads) { [store] in store.takeAgain($0, $1) }
        if isLogLong { foldLog() }
        return true
    }

    /// What was answered is in the log. Where folding it in fails, selling waits until it works: a sync that failed is not
    /// passed over.
    private func foldLog() {
        do {
            try store.ledger.withLock { ledger throws(LedgerError) in _ = try ledger.fold() }
        } catch {
            recover(from: error, StoreState.Batch(), because: "The ledger's log could not be folded in")
        }
    }

    /// After a failed commit: those who waited are told that it is not known, memory is thrown away and read back,
    /// and selling goes on only when a commit has worked.
    private func recover(
        from failure: LedgerError, _ batch: StoreState.Batch, because what: String = "A commit failed"
    ) {
        let reason: SuspensionReason = failure == .diskFull ? .diskFull : .writeFailed
        store.logger.critical(
            "\(what); nothing is sold until the ledger takes facts again",
            metadata: ["reason": "\(reason.rawValue)", "error": "\(failure)"])
        suspend(reason, answering: batch, with: .outcomeUnknown)
        sellAgain()
    }

    /// Raises the alarm about pools that a broken rule closed, and makes memory anew from the ledger where that may help.
    private func lookAtPools(_ watch: inout PoolWatch) {
        let now = store.configuration.clock().monotonic
        guard watch.isDue(at: now) else { return }
        let (news, mends) = watch.saw(store.state.withLock { $0.closedPools }, at: now)
        for closed in news {
            store.logger.critical(
                "A rule is broken; the pool sells nothing more, and its holds can still be purchased",
                metadata: [
                    "rule": "R4 Broken rule", "event": "\(closed.event)", "pool": "\(closed.pool)",
                    "next": "\(mends ? "it is counted anew from the ledger" : "see holdfast verify, and restart")",
                ])
        }
        guard mends, store.condition != .closing else { return }
        // What was decided and is not yet with the disk was decided by numbers that are wrong.
        suspend(.repairing, answering: StoreState.Batch(), with: .suspended(.repairing))
        sellAgain()
    }

    /// Reads memory back from the ledger, as often as it takes, and sells.
    private func sellAgain() {
        var attempts = 0
        var attemptsInUse = 0
        while store.condition != .closing {
            do {
                try tryToRecover()
                store.state.withLock { $0.open() }
                store.logger.notice(
                    "The ledger takes facts again; selling goes on", metadata: ["attempts": "\(attempts)"])
                return
            } catch {
                attempts += 1
                if case .inUse(_, let process) = error {
                    attemptsInUse += 1
                    if attemptsInUse % 40 == 1 {
                        store.logger.critical(
                            "A sync of the database failed; selling goes on when every other program closes the ledger",
                            metadata: ["reading": "process \(process ?? "unknown")"])
                    }
                } else if attempts % 40 == 1 {
                    store.logger.error("The ledger does not take facts yet", metadata: ["error": "\(error)"])
                }
            }
            _ = store.work.wait(timeout: .now() + .milliseconds(250))
        }
    }

    private func tryToRecover() throws(LedgerError) {
        try refoldInDoubt()
        try store.ledger.withLock { ledger throws(LedgerError) in
            try ledger.fold()
            let recovered = try EmbeddedStore.readBack(ledger, store.configuration.limits)
            let facts = store.state.withLock { state in
                state.recover(recovered)
                return state.takeRecovery()
            }
            try ledger.commit(facts)
        }
    }

    private func refoldInDoubt() throws(LedgerError) {
        guard store.ledger.withLock({ $0.isInDoubt }) else { return }
        guard store.files.withLock({ $0.losses() }).isEmpty else {
            throw .writeFailed(reason: "a file of the ledger was removed or replaced")
        }
        try store.ledger.withLock { ledger throws(LedgerError) in
            try ledger.refold([store.reader.connection, store.queries.connection])
        }
        try store.takeFiles()
    }

    /// Without its files nothing is sold: whatever is sold then, no start would find. What was answered is brought to where
    /// it is found, tried again at each look. When all files are back, selling goes on.
    private func lookAtFiles(_ watch: inout FileWatch) {
        let losses = watch.look()
        if !losses.isEmpty {
            if !watch.hasLostFiles {
                suspend(.filesLost, answering: StoreState.Batch(), with: .suspended(.filesLost))
            }
            tell(losses.filter { !watch.lost.contains($0) })
            watch.lose(losses)
            if !watch.isSaved { save(losses, &watch, isLast: false) }
        } else if watch.hasLostFiles, store.condition != .closing {
            do {
                try tryToRecover()
                watch.findAll()
                store.state.withLock { $0.open() }
                store.logger.notice("The files of the ledger are back and take facts; selling goes on")
            } catch {
                store.logger.error(
                    "The files of the ledger are back and take no facts yet", metadata: ["error": "\(error)"])
            }
        }
    }

    private func tell(_ losses: [LedgerFiles.Loss]) {
        for loss in losses {
            store.logger.critical(
                "A file of the ledger was removed or replaced; nothing is sold until it is back, or until a restart",
                metadata: ["file": "\(loss.name)", "is": "\(loss.isReplaced ? "replaced" : "gone")"])
        }
    }

    /// Brings what was answered to where a start, or an operator, finds it.
    ///
    /// - Parameter isLast: whether it makes the directory, too. Not before: it may be put back, and would land inside.
    private func save(_ losses: [LedgerFiles.Loss], _ watch: inout FileWatch, isLast: Bool) {
        let facts: Logger.MetadataValue = "\(watch.committed)"
        do {
            let isLedgerThere = !losses.contains { $0.name == EmbeddedStore.ledgerName }
            let isFolded = try store.ledger.withLock { ledger throws(LedgerError) in
                isLedgerThere ? try ledger.fold() : false
            }
            if isFolded {
                store.logger.critical(
                    "Every answered fact is in the ledger's file; start again", metadata: ["facts": facts])
            } else {
                if isLast { try EmbeddedStore.makeDirectory(store.configuration.directory) }
                let path = "\(store.configuration.directory)/ledger.rescued-\(watch.committed).sqlite"
                try store.ledger.withLock { ledger throws(LedgerError) in try ledger.copy(to: path) }
                store.logger.critical(
                    "Every answered fact is in a copy; stop the service and put it in the ledger's place",
                    metadata: ["facts": facts, "copy": "\(path)"])
            }
            watch.isSaved = true
        } catch {
            watch.failedSaves += 1
            guard isLast || watch.failedSaves % Self.savesBetweenAlarms == 1 else { return }
            store.logger.critical(
                "What was answered could not be saved; only this process has it, and tries again each second",
                metadata: ["facts": facts, "error": "\(error)"])
        }
    }

    /// Stops selling, and tells all who wait.
    private func suspend(_ reason: SuspensionReason, answering batch: StoreState.Batch, with failure: StoreFailure) {
        let (behind, lookups) = store.state.withLock { $0.suspend(reason) }
        batch.replies.fail(failure)
        behind.replies.fail(.suspended(reason))
        for lookup in lookups {
            lookup.box.deliver([TicketedReply(ticket: lookup.ticket, reply: .failed(.suspended(reason)))])
        }
        for request in batch.markRequests + behind.markRequests { request(.failure(.suspended(reason))) }
    }
}

/// How many callers the committer lets gather before a commit, and for how long.
struct CommitPace {
    /// How often the last commit's time the next one may be waited for. With 64 connections asking again at once, one
    /// gave 25 holds a commit, two 32, four 63, with less than half the context switches a hold: the parties had met.
    static let patienceInCommits: UInt64 = 4
    /// However slow the disk was, nobody waits longer than that for company.
    static let longestPatience: UInt64 = 2_000_000

    /// Callers that are waited for; 0 to take whatever there is.
    private(set) var enough = 0
    private(set) var patience = DispatchTimeInterval.never

    var isGathering: Bool { enough > 0 }

    /// A commit took the disk that long; `callers` were answered by it or wait for the next one.
    mutating func committed(_ callers: Int, nanoseconds: UInt64) {
        enough = callers > 1 ? callers : 0
        patience = .nanoseconds(Int(min(nanoseconds * Self.patienceInCommits, Self.longestPatience)))
    }

    /// The wait is over, whether they were enough or not.
    mutating func gathered() {
        enough = 0
    }
}
