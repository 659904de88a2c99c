internal import BoxOffice
internal import Dispatch
internal import Logging
internal import Synchronization
internal import TicketStore

/// The only thread that writes the ledger.
struct Committer: Sendable {
    let store: EmbeddedStore
    /// Signalled when the last batch is answered.
    let ended: DispatchSemaphore
    /// The number of the last fact that the start read.
    let lastFact: UInt64
    /// Of this many failed attempts to save answered facts, one is logged.
    private static let savesBetweenAlarms = 60

    /// Runs until the store closes and no caller waits. ``CommitPace`` decides how long it waits for more callers.
    func run() {
        var pace = CommitPace()
        var pools = PoolWatch()
        var watch = FileWatch(store: store, committed: lastFact)
        var pruner = LedgerPruner(store.configuration.limits)
        var keyRoom = KeyRoom(store.configuration.limits.keys)
        var cutter = LogCutter()
        while true {
            if watch.isDue { lookAtFiles(&watch) }
            // Without its files the store must not sell, so it does not rebuild its memory either.
            if !watch.hasLostFiles {
                lookAtPools(&pools)
                if cutter.isDue(at: .now) { cutLog(&cutter) }
            }
            if let batch = store.state.withLock({ $0.takeBatch(ofAtLeast: pace.enough) }) {
                if commit(batch, &pace, &pruner) {
                    watch.committed(batch.facts)
                    if batch.facts.erases { cutter.noteErasure() }
                }
                tidy(&keyRoom)
            } else if pace.isGathering {
                _ = store.work.wait(timeout: .now() + .nanoseconds(pace.patienceInNanoseconds))
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

    /// Leaves every answered fact in the ledger or in a copy of it; otherwise ``EmbeddedStore/stop()`` reports that.
    private func finish(_ watch: inout FileWatch) {
        let losses = store.files.withLock { $0.losses() }
        guard losses.isEmpty, !watch.hasLostFiles else {
            if !watch.hasLostFiles { report(losses) }
            // If all files are back, the next start finds every committed fact.
            if !losses.isEmpty, !watch.isSaved { save(losses, &watch, isLast: true) }
            if !losses.isEmpty, !watch.isSaved { store.noteEnding(.notSaved) }
            return
        }
        recordClock()
        store.record(watch.committed)
    }

    /// After an orderly stop the store's clock goes on from the moment of the stop.
    private func recordClock() {
        // In doubt a commit could restart the log, which is then the only good copy.
        guard !store.ledger.withLock({ $0.isInDoubt }), let batch = store.state.withLock({ $0.takeLastClock() }) else {
            return
        }
        do {
            _ = try store.ledger.withLock { ledger throws(LedgerError) in try ledger.commit(batch) }
        } catch {
            store.logger.warning(
                "The clock was not recorded at the stop, so live holds may get up to a second more",
                metadata: ["error": "\(error)"])
        }
    }

    /// Frees memory in small pieces, so that callers get the lock in between.
    private func tidy(_ room: inout KeyRoom) {
        for _ in 0..<EmbeddedStore.piecesAfterBatch where !store.state.withLock({ $0.tidyAPiece() }) { break }
        if let change = room.note(store.state.withLock { $0.keys.count }) { store.log(change) }
    }

    /// - Returns: whether its facts are in the ledger.
    private func commit(_ batch: StoreState.Batch, _ pace: inout CommitPace, _ pruner: inout LedgerPruner) -> Bool {
        let start = ContinuousClock.now
        var isLogLong = false
        do {
            if !batch.facts.entries.isEmpty {
                let keys = store.state.withLock { $0.keys }
                let judge = KeyPruner.Judge(now: keys.now, oldestOfEndedHoldAt: keys.oldestOfEndedHoldAt) { keys in
                    store.state.withLock { $0.expired(keys) }
                }
                isLogLong = try store.ledger.withLock { ledger throws(LedgerError) in
                    try ledger.commit(batch.facts) { try pruner.prune($0, with: batch.facts, judge) }
                }
            }
        } catch {
            pruner.startAgain()
            recover(from: error, batch)
            return false
        }
        // Counted before anybody is answered: a caller who asks again at once would count twice.
        let callers = batch.count + store.state.withLock { $0.waitingCount }
        let took = ContinuousClock.now - start
        pace.committed(callers, in: took)
        if !batch.facts.entries.isEmpty {
            store.commits.withLock { $0.add(took) }
            store.counted.withLock { $0.batches.add(batch.facts.entries.count) }
        }
        store.follower.take(batch.facts.entries)
        batch.replies.deliver()
        if let mark = batch.mark {
            for request in batch.markRequests { request(.success(mark)) }
        }
        store.reader.read(batch.reads) { [store] in store.takeAgain($0, $1) }
        if isLogLong { foldLog() }
        return true
    }

    /// Folds the log into the database. The answered facts are safe in the log, but a failed sync must not be ignored:
    /// the store does not sell again until the fold works.
    private func foldLog() {
        do {
            try store.ledger.withLock { ledger throws(LedgerError) in _ = try ledger.fold() }
        } catch {
            recover(from: error, StoreState.Batch(), because: "The ledger's log could not be folded into the database")
        }
    }

    /// Takes erased texts out of the log, too.
    private func cutLog(_ cutter: inout LogCutter) {
        do {
            let isCut = try store.ledger.withLock { ledger throws(LedgerError) in try ledger.cutLog() }
            guard cutter.noteAttempt(isCut: isCut, at: .now) else { return }
            store.logger.warning(
                "Another program reads the ledger; erased texts stay in its log until that program is done")
        } catch {
            _ = cutter.noteAttempt(isCut: false, at: .now)
            recover(from: error, StoreState.Batch(), because: "The ledger's log could not be folded into the database")
        }
    }

    /// Recovers after a failed commit. The callers in the batch get `outcomeUnknown`, the store reads its memory back
    /// from the ledger, and it sells again when a commit has worked (R18 Unknown outcome).
    private func recover(
        from failure: LedgerError, _ batch: StoreState.Batch, because what: String = "A commit failed"
    ) {
        let reason: SuspensionReason = failure == .diskFull ? .diskFull : .writeFailed
        store.logger.critical(
            "\(what); the sale is suspended until a commit works again",
            metadata: ["reason": "\(reason.rawValue)", "error": "\(failure)"])
        suspend(reason, answering: batch, with: .outcomeUnknown)
        sellAgain()
    }

    /// Reports pools that are closed because of R4 Broken rule, and rebuilds memory from the ledger if that may help.
    private func lookAtPools(_ watch: inout PoolWatch) {
        let now = store.configuration.clock().monotonic
        guard watch.isDue(at: now) else { return }
        let (new, rebuilds) = watch.note(store.state.withLock { $0.closedPools }, at: now)
        for closed in new {
            store.counted.withLock { $0.violations[closed.event, default: 0] += 1 }
            store.logger.critical(
                "A pool's numbers contradict each other; it sells nothing more, and its holds can still be purchased",
                metadata: [
                    "rule": "R4 Broken rule", "event": "\(closed.event)", "pool": "\(closed.pool)",
                    "next": "\(rebuilds ? "memory is rebuilt from the ledger" : "run holdfast verify, then restart")",
                ])
        }
        guard rebuilds, store.condition != .closing else { return }
        // Decisions that are not on the disk yet were made with wrong numbers, so they are refused.
        suspend(.repairing, answering: StoreState.Batch(), with: .suspended(.repairing))
        sellAgain()
    }

    /// Reads memory back from the ledger, retries until that works, and sells.
    private func sellAgain() {
        var attempts = 0
        var attemptsInUse = 0
        while store.condition != .closing {
            do {
                try tryToRecover()
                store.state.withLock { $0.open() }
                store.logger.notice(
                    "Commits work again; the sale goes on", metadata: ["attempts": "\(attempts)"])
                return
            } catch {
                attempts += 1
                if case .inUse(_, let process) = error {
                    attemptsInUse += 1
                    if attemptsInUse % 40 == 1 {
                        store.logger.critical(
                            "A sync of the database failed; the sale goes on when every other program closes the ledger",
                            metadata: ["reading": "process \(process ?? "unknown")"])
                    }
                } else if attempts % 40 == 1 {
                    store.logger.error("Commits still fail", metadata: ["error": "\(error)"])
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
        // A commit that failed may be there all the same.
        store.follower.startAnew()
    }

    private func refoldInDoubt() throws(LedgerError) {
        guard store.ledger.withLock({ $0.isInDoubt }) else { return }
        guard store.files.withLock({ $0.losses() }).isEmpty else {
            throw .writeFailed(reason: "a file of the ledger was removed or replaced")
        }
        try store.ledger.withLock { ledger throws(LedgerError) in
            try ledger.refold([store.reader.connection, store.queries.connection, store.follower.connection])
        }
        try store.noteFiles()
    }

    /// Checks the ledger's files. While one is lost the store does not sell, because the next start would not find what
    /// it sold. It tries at each look to save the answered facts, and sells again when all files are back.
    private func lookAtFiles(_ watch: inout FileWatch) {
        let losses = watch.look()
        if !losses.isEmpty {
            if !watch.hasLostFiles {
                suspend(.filesLost, answering: StoreState.Batch(), with: .suspended(.filesLost))
            }
            report(losses.filter { !watch.lost.contains($0) })
            watch.lose(losses)
            if !watch.isSaved { save(losses, &watch, isLast: false) }
        } else if watch.hasLostFiles, store.condition != .closing {
            do {
                try tryToRecover()
                watch.findAll()
                store.state.withLock { $0.open() }
                store.logger.notice("The files of the ledger are back and commits work; the sale goes on")
            } catch {
                store.logger.error(
                    "The files of the ledger are back, but commits still fail", metadata: ["error": "\(error)"])
            }
        }
    }

    private func report(_ losses: [LedgerFiles.Loss]) {
        for loss in losses {
            store.logger.critical(
                "A file of the ledger was removed or replaced; the sale is suspended until it is back, or until a restart",
                metadata: ["file": "\(loss.name)", "is": "\(loss.isReplaced ? "replaced" : "gone")"])
        }
    }

    /// Saves the answered facts where a start or an operator finds them: in the ledger's file, or else in a copy.
    ///
    /// - Parameter isLast: whether this is the stop. Only then it makes a missing directory: an operator may still move
    ///   the old one back, which would then land inside the new one.
    private func save(_ losses: [LedgerFiles.Loss], _ watch: inout FileWatch, isLast: Bool) {
        let facts: Logger.MetadataValue = "\(watch.committed)"
        do {
            let isLedgerThere = !losses.contains { $0.name == EmbeddedStore.ledgerName }
            let isFolded = try store.ledger.withLock { ledger throws(LedgerError) in
                isLedgerThere ? try ledger.fold() : false
            }
            if isFolded {
                store.logger.critical(
                    "Every answered fact is in the ledger's file; start the service again", metadata: ["facts": facts])
            } else {
                if isLast { try EmbeddedStore.makeDirectory(store.configuration.directory) }
                let path = LedgerFiles.rescuedCopy(of: watch.committed, in: store.configuration.directory)
                try store.ledger.withLock { ledger throws(LedgerError) in try ledger.copy(to: path) }
                store.logger.critical(
                    "Every answered fact is in a copy; stop the service and rename the copy to the ledger's name",
                    metadata: ["facts": facts, "copy": "\(path)"])
            }
            watch.isSaved = true
        } catch {
            watch.failedSaves += 1
            guard isLast || watch.failedSaves % Self.savesBetweenAlarms == 1 else { return }
            store.logger.critical(
                "The answered facts could not be saved; only this process has them, and it tries again each second",
                metadata: ["facts": facts, "error": "\(error)"])
        }
    }

    /// Suspends the sale and answers all waiting callers.
    private func suspend(_ reason: SuspensionReason, answering batch: StoreState.Batch, with failure: StoreFailure) {
        let (behind, lookups) = store.state.withLock { $0.suspend(reason) }
        batch.replies.fail(failure)
        behind.replies.fail(.suspended(reason))
        for lookup in lookups {
            lookup.sink.deliver([TicketedReply(ticket: lookup.ticket, reply: .failed(.suspended(reason)))])
        }
        for request in batch.markRequests + behind.markRequests { request(.failure(.suspended(reason))) }
    }
}
