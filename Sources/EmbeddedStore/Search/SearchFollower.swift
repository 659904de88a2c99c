internal import BoxOffice
internal import Dispatch
// For `Thread`.
internal import Foundation
internal import Logging
internal import Synchronization
internal import TicketStore

/// Keeps the search index up with the ledger, on a thread of its own with low priority.
///
/// The committer hands over the numbers of the holds that changed, before it answers anybody. A search waits until all
/// that was handed over is in the index, so it finds what was answered before (R37 Lists and exports).
///
/// Callers pay nothing, and the committer a nanosecond or two a fact. But taking a hold into the index costs as much
/// CPU as selling it. So during a rush in which nobody searches, the numbers only gather. The thread takes them in when
/// the rush is over, when somebody searches, and for a minute after each search.
final class SearchFollower: Sendable {
    /// Gets the index when it has everything that was handed over before.
    private typealias Request = @Sendable (Result<SearchIndex, StoreFailure>) -> Void

    /// What waits for the thread.
    private struct Pending: Sendable {
        var holds: [Int64] = []
        /// Events whose live holds got another deadline (R7 Restart).
        var recovered: Set<UInt32> = []
        var requests: [Request] = []
        /// The ledger may differ from what was handed over, so the index is made anew.
        var startsAnew = false
        /// The latest moment that the thread knows of.
        var now: Timestamp
        /// What the index is made from when it has all of this.
        var origin: SearchIndex.Origin
        var isClosing = false
        /// How many holds there were in the round before.
        var seen = 0
        /// Rounds since the last search.
        var roundsWithoutSearch = SearchFollower.roundsAfterSearch

        /// Whether the thread takes this now, at the beginning of a round.
        mutating func isDue() -> Bool {
            let isQuiet = holds.count - seen <= SearchFollower.quietFacts
            seen = holds.count
            roundsWithoutSearch = requests.isEmpty ? roundsWithoutSearch + 1 : 0
            return isClosing || startsAnew || isQuiet || roundsWithoutSearch < SearchFollower.roundsAfterSearch
                || holds.count > SearchFollower.mostGathered
        }

        /// What stays when the thread has taken the rest.
        var successor: Pending {
            Pending(now: now, origin: origin, isClosing: isClosing, roundsWithoutSearch: roundsWithoutSearch)
        }
    }

    /// What only the thread has.
    private struct Progress {
        var index: SearchIndex?
        /// Holds up to this number were read; `nil` if all were.
        var built: Int64? = 0
        /// Rounds in which nothing is tried.
        var restsFor = 0

        var isComplete: Bool { index != nil && built == nil }
    }

    /// Holds that are read from the ledger at once: some milliseconds.
    private static let holdsAtOnce: Int64 = 1_000
    /// The time between two rounds for which nobody waits.
    private static let pace: DispatchTimeInterval = .milliseconds(500)
    /// The most facts of a round that is not a rush.
    private static let quietFacts = 32
    /// A minute.
    private static let roundsAfterSearch = 120
    /// When this many holds have gathered, the thread takes them in even during a rush.
    private static let mostGathered = 2_000_000
    /// Beyond this many, 64 MiB, the index is made anew instead.
    private static let mostPending = 8_000_000
    /// The most holds that a search waits for, about a second.
    private static let mostWaitedFor = 50_000
    private static let roundsAfterFailure = 60

    /// The thread's connection to the ledger.
    var connection: ReadConnection { source.connection }

    private let path: String
    private let source: SearchSource
    private let logger: Logger
    private let pending: Mutex<Pending>
    private let work = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)

    /// - Parameters:
    ///   - origin: what the ledger was when it was opened. An index that was closed with it is used again.
    ///   - series: the mark of the series of holds that this opening began.
    init(
        path: String, source: SearchSource, origin: SearchIndex.Origin, series: UInt64, now: Timestamp, logger: Logger
    ) {
        self.path = path
        self.source = source
        self.logger = logger
        var next = origin
        next.mark = series
        pending = Mutex(Pending(now: now, origin: next))
        Thread.detachNewThread { [self] in
            // The sale comes first: this thread gets what others leave.
            LowPriority.enter()
            run(startingFrom: origin)
        }
    }

    /// Hands over facts that are in the ledger. Called before they are answered.
    func take(_ entries: ContiguousArray<Ledger.Batch.Entry>) {
        guard let last = entries.last?.recorded else { return }
        pending.withLock { pending in
            // By index: a copy of an entry would cost more than all the rest.
            for index in entries.indices {
                switch entries[index].recorded.fact.foundBy {
                case .hold(let id): pending.holds.append(Int64(truncatingIfNeeded: id.number))
                case .liveHolds(let event): pending.recovered.insert(event)
                case .nothing: break
                }
            }
            pending.now = max(pending.now, last.at)
            // A recorded clock has no number of its own, but that of the next fact.
            pending.origin.sequence = last.fact == .clockReached ? last.sequence - 1 : last.sequence
            guard pending.holds.count > Self.mostPending else { return }
            pending.holds = []
            pending.startsAnew = true
        }
    }

    /// Makes the index anew, because the ledger may not be what was handed over.
    func startAnew() {
        pending.withLock { $0.startsAnew = true }
    }

    /// What `body` makes of the index, which then has everything that was handed over before.
    ///
    /// - Parameter now: the moment up to which holds have expired in it.
    /// - Throws: ``StoreFailure/overloaded`` while the index is being made.
    func find<Value: Sendable>(
        at now: Timestamp, _ body: @escaping @Sendable (SearchIndex) throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let isClosing = pending.withLock { pending in
                pending.now = max(pending.now, now)
                if !pending.isClosing {
                    pending.requests.append { found in
                        continuation.resume(with: Result { try body(found.get()) })
                    }
                }
                return pending.isClosing
            }
            if isClosing { return continuation.resume(throwing: StoreFailure.closing) }
            work.signal()
        }
    }

    /// Takes in what was handed over, and closes the file. A later call does nothing.
    func close() {
        let wasOpen = pending.withLock { pending in
            defer { pending.isClosing = true }
            return !pending.isClosing
        }
        guard wasOpen else { return }
        work.signal()
        ended.wait()
        connection.close()
    }

    // MARK: The thread

    private func run(startingFrom origin: SearchIndex.Origin) {
        var progress = Progress()
        do {
            let (index, waiting) = try SearchIndex.open(path, madeFrom: origin)
            progress = Progress(index: index, built: waiting == nil ? 0 : nil)
            if let waiting { pending.withLock { $0.holds += waiting } }
        } catch {
            note(error, &progress)
        }
        while true {
            // An index that is being made needs no pause: others come first anyway.
            if progress.isComplete || progress.index == nil { _ = work.wait(timeout: .now() + Self.pace) }
            let due = pending.withLock { pending -> Pending? in
                guard pending.isDue() || !progress.isComplete else { return nil }
                defer { pending = pending.successor }
                return pending
            }
            guard let due else { continue }
            if due.isClosing { return finish(due, progress) }
            round(due, &progress)
        }
    }

    private func round(_ taken: Pending, _ progress: inout Progress) {
        progress.restsFor = max(0, progress.restsFor - 1)
        if progress.index == nil, progress.restsFor > 0, taken.requests.isEmpty { return }
        var requests = taken.requests
        func answer(_ found: Result<SearchIndex, StoreFailure>) {
            for request in requests { request(found) }
            requests = []
        }
        if taken.holds.count > Self.mostWaitedFor { answer(.failure(.overloaded)) }
        do {
            guard try follow(taken, &progress) else { return answer(.failure(.closing)) }
            if progress.isComplete, let index = progress.index { answer(.success(index)) }
            answer(.failure(.overloaded))
        } catch {
            note(error, &progress)
            answer(.failure(.suspended(.writeFailed)))
        }
    }

    /// Brings the index up to what was taken, and makes the next piece of one that is being made.
    ///
    /// - Returns: `false` if the store closes meanwhile: what is left waits again.
    private func follow(_ taken: Pending, _ progress: inout Progress) throws -> Bool {
        if taken.startsAnew { progress.index = nil }
        if progress.index == nil { progress = Progress(index: try SearchIndex.make(path)) }
        guard let index = progress.index else { return true }
        var holds = Set(taken.holds)
        // Later ones are read when their turn comes.
        if let built = progress.built { holds = holds.filter { $0 <= built } }
        for event in taken.recovered { holds.formUnion(try index.live(of: Int64(event))) }
        var rest = holds.sorted()[...]
        while !rest.isEmpty {
            let isClosing = pending.withLock { pending in
                if pending.isClosing { pending.holds += rest }
                return pending.isClosing
            }
            if isClosing { return false }
            try write(Array(rest.prefix(Int(Self.holdsAtOnce))), to: index, at: taken.now)
            rest = rest.dropFirst(Int(Self.holdsAtOnce))
        }
        if let built = progress.built {
            let last = min(try source.lastHold(), built + Self.holdsAtOnce)
            if last > built { try write(Array(built + 1...last), to: index, at: taken.now) }
            progress.built = last < built + Self.holdsAtOnce ? nil : last
        }
        while progress.isComplete, try index.expire(at: taken.now, limit: Int(Self.holdsAtOnce)) {}
        return true
    }

    private func write(_ numbers: [Int64], to index: SearchIndex, at now: Timestamp) throws {
        let (found, gone) = try source.holds(numbers, at: now)
        try index.write(found, gone: gone)
    }

    /// The index is made anew after any failure. The sale does not need it.
    private func note(_ error: any Error, _ progress: inout Progress) {
        logger.warning("The search index failed, and is made anew", metadata: ["error": "\(error)"])
        progress = Progress(restsFor: Self.roundsAfterFailure)
    }

    /// Closes the file. What was not taken in yet waits in it for the next start, so that a stop takes no longer after
    /// a rush.
    private func finish(_ last: Pending, _ progress: Progress) {
        for request in last.requests { request(.failure(.closing)) }
        do {
            if let index = progress.index, progress.isComplete, !last.startsAnew {
                var waiting = Set(last.holds)
                for event in last.recovered { waiting.formUnion(try index.live(of: Int64(event))) }
                try index.close(completeUpTo: last.origin, besides: waiting.sorted())
            } else {
                try progress.index?.close()
            }
        } catch {
            logger.warning("The search index did not close, and is made anew", metadata: ["error": "\(error)"])
        }
        ended.signal()
    }
}

/// Which holds are found in another way after a fact.
enum FoundBy {
    case hold(HoldID)
    /// The live holds of the event with this index.
    case liveHolds(UInt32)
    case nothing
}

extension Fact {
    /// Each kind of fact says which holds the search index has to read again.
    var foundBy: FoundBy {
        switch self {
        case .held(let id, _), .extended(let id, _, _), .released(let id), .purchased(let id, _, _, _, _),
            .returned(let id), .returnedPart(let id, _),
            .refundOwed(let id, _, _, _), .paidBack(let id, _), .corrected(let id, _), .erased(let id, _):
            .hold(id)
        case .recovered(let event, _): .liveHolds(event)
        case .defined, .cancelled, .reinstated, .removed, .queue, .clockReached: .nothing
        }
    }
}
