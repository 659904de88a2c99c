package import NIOCore
internal import RedisWire
package import TicketStore

/// What decisions and trials met, event by event, and what that says of the whole.
///
/// A value that is given the time. An event stands for its server: a store does not know which events share one. Nothing
/// can be decided if that is so for every event that was heard of lately; if it is so for some, the rest sells on.
package struct StoreHealth: Sendable {
    /// An event that nobody asked for so long is tried. With ``silence`` it makes a server that stands still known within
    /// two seconds.
    package static let trialInterval = TimeAmount.milliseconds(700)
    /// A call that is under way for longer is not expected to be answered.
    package static let silence = TimeAmount.milliseconds(1_200)
    /// What was heard before that says nothing any more, where something else was heard since.
    package static let fresh = TimeAmount.seconds(2)
    /// Between two rounds of trials.
    private static let round = TimeAmount.milliseconds(175)
    /// Events that are tried in one round: a write of each. With more events the rounds take turns.
    package static let triedAtOnce = 16
    /// Events that are named where some cannot be sold.
    private static let named = 3

    private struct Standing: Sendable {
        /// Why nothing could be decided, or `nil` if it could.
        var failure: SuspensionReason?
        var heardAt: NIODeadline?
        /// Why the replicas did not acknowledge what was decided, or `nil` if they did.
        var unconfirmed: SuspensionReason?
        var confirmedAt: NIODeadline?
        /// When the call that is under way was sent.
        var askedAt: NIODeadline?
        /// When it was tried last, and how often, counted round and round.
        var triedAt: NIODeadline?
        var trials: UInt8 = 0
    }

    /// Whether holds wait for the replicas, too: then nothing can be answered without them.
    private let holdsWait: Bool
    /// Whether anything waits for replicas.
    private let waits: Bool
    /// A call takes that long at the most where replicas are waited for.
    private let silence: TimeAmount
    private var standings: [UInt64: Standing] = [:]
    private var roundAt = NIODeadline.uptimeNanoseconds(0)
    private var nextTried = 0

    /// - Parameter waitTime: how long replicas are waited for; `nil` if they are not.
    package init(waitTime: Duration? = nil, holdsWait: Bool = true) {
        waits = waitTime != nil
        self.holdsWait = holdsWait
        silence = max(Self.silence, TimeAmount(waitTime ?? .zero) + .milliseconds(200))
    }

    // MARK: What is heard

    /// A call for an event is on its way.
    package mutating func asked(_ event: UInt64, at now: NIODeadline) {
        standings[event, default: Standing()].askedAt = now
    }

    /// A call that only looked was answered. It needs less than a decision, so it ends no failure.
    package mutating func looked(_ event: UInt64) {
        standings[event]?.askedAt = nil
    }

    /// A call was answered, and decided, or tried what decisions need.
    ///
    /// - Parameter confirmation: whether the replicas acknowledged it, where they were asked.
    package mutating func heard(_ event: UInt64, _ confirmation: Confirmation, at now: NIODeadline) {
        var standing = standings[event] ?? Standing()
        standing.askedAt = nil
        standing.failure = nil
        standing.heardAt = now
        switch confirmation {
        case .notAsked: break
        case .given: (standing.unconfirmed, standing.confirmedAt) = (nil, now)
        case .missing(let reason): (standing.unconfirmed, standing.confirmedAt) = (reason, now)
        }
        standings[event] = standing
    }

    package enum Confirmation: Sendable {
        case notAsked
        case given
        case missing(SuspensionReason)
    }

    /// A call came to nothing; `nil` where that says nothing of the server.
    package mutating func failed(_ event: UInt64, _ reason: SuspensionReason?, at now: NIODeadline) {
        standings[event, default: Standing()].askedAt = nil
        guard let reason else { return }
        standings[event]?.failure = reason
        standings[event]?.heardAt = now
    }

    // MARK: What follows

    /// Why nothing can be decided; `nil` if something can, or nothing was heard of any of them.
    package func suspension(of events: [UInt64], at now: NIODeadline) -> SuspensionReason? {
        var latest: (reason: SuspensionReason?, at: NIODeadline)?
        for event in events {
            guard let (reason, at) = view(of: event, at: now) else { continue }
            if reason == nil, at + Self.fresh > now { return nil }
            if latest.map({ $0.at < at }) ?? true { latest = (reason, at) }
        }
        return latest?.reason
    }

    /// What does not stop all of it: events that cannot be decided while others can, and replicas that are missing where
    /// holds do not wait for them.
    package func concerns(of events: [UInt64], at now: NIODeadline, name: (UInt64) -> String) -> [StoreConcern] {
        var concerns: [StoreConcern] = []
        let failing = events.compactMap { event in
            view(of: event, at: now).flatMap { view in view.reason.map { (event: event, reason: $0) } }
        }
        if let first = failing.first {
            let names = failing.prefix(Self.named).map { name($0.event) }.joined(separator: ", ")
            let more = failing.count > Self.named ? " and \(failing.count - Self.named) more" : ""
            concerns.append(
                StoreConcern(.eventsUnavailable, "Not sold now (\(first.reason.rawValue)): \(names)\(more)."))
        }
        if waits, !holdsWait, let missing = events.compactMap({ standings[$0]?.unconfirmed }).first {
            concerns.append(
                StoreConcern(
                    .replicasMissing,
                    "Holds are answered, but purchases and returns are not: their replicas do not acknowledge them "
                        + "(\(missing.rawValue))."))
        }
        return concerns
    }

    /// Events to try now: nobody asked for them lately. Begins a round if one is due.
    package mutating func eventsToTry(of events: [UInt64], at now: NIODeadline) -> [UInt64] {
        guard !events.isEmpty, roundAt + Self.round <= now else { return [] }
        roundAt = now
        var found: [UInt64] = []
        for step in 0..<events.count where found.count < Self.triedAtOnce {
            let event = events[(nextTried + step) % events.count]
            guard isToBeTried(event, at: now) else { continue }
            found.append(event)
            standings[event, default: Standing()].triedAt = now
            standings[event]?.trials &+= 1
        }
        if let last = found.last, let index = events.firstIndex(of: last) { nextTried = index + 1 }
        return found
    }

    /// Whether a trial is to wait for the replicas for a moment only. Whatever is asked meanwhile waits behind it: so where
    /// holds do not wait for them, and while they are known to be missing, but for one trial in eight, which also finds
    /// replicas that take longer.
    package func waitsShortly(_ event: UInt64) -> Bool {
        guard holdsWait else { return true }
        guard let standing = standings[event], standing.unconfirmed != nil else { return false }
        return standing.trials % 8 != 0
    }

    /// Forgets what is no event any more.
    package mutating func keep(_ known: Set<UInt64>) {
        standings = standings.filter { known.contains($0.key) }
    }

    private func isToBeTried(_ event: UInt64, at now: NIODeadline) -> Bool {
        guard let standing = standings[event] else { return true }
        guard standing.askedAt == nil else { return false }
        let heardAt = waits ? standing.confirmedAt : standing.heardAt
        return [heardAt, standing.triedAt].allSatisfy { last in last.map { $0 + Self.trialInterval <= now } ?? true }
    }

    /// Whether an event can be decided, and since when that is known.
    private func view(of event: UInt64, at now: NIODeadline) -> (reason: SuspensionReason?, at: NIODeadline)? {
        guard let standing = standings[event] else { return nil }
        let reason = standing.failure ?? (holdsWait ? standing.unconfirmed : nil)
        // The reason that was heard says more than that nothing is heard.
        if reason == nil, let askedAt = standing.askedAt, askedAt + silence <= now { return (.silent, now) }
        return standing.heardAt.map { (reason, $0) }
    }
}

extension SuspensionReason {
    /// Why nothing can be decided, where a call came to this; `nil` where the failure says nothing of the servers.
    init?(_ failure: RedisFailure) {
        switch failure {
        case .notSent(.notConnected), .notSent(.timedOut): self = .unreachable
        case .notSent: return nil
        case .outcomeUnknown(.timedOut): self = .silent
        case .outcomeUnknown(.connectionLost(.silent)): self = .silent
        case .outcomeUnknown(.connectionLost): self = .unreachable
        case .unavailable(let reason):
            switch reason {
            case .outOfMemory: self = .memoryFull
            case .cannotPersist: self = .writeFailed
            case .tooFewReplicas: self = .replicasMissing
            case .busy: self = .busy
            case .slotMoving, .movedTooOften: return nil
            case .clusterDown, .loading, .masterDown, .readOnly: self = .unreachable
            }
        case .refused(let error):
            guard !error.isUnknownFunction else { return nil }
            self = error.isAboutRights ? .forbidden : .failing
        }
    }
}

extension RedisServerError {
    /// The user may not do it. Where a function says so (``FunctionLibrary``), nothing was written.
    var isAboutRights: Bool {
        ["NORIGHTS", "NOPERM", "NOAUTH", "WRONGPASS"].contains(code)
    }

    /// Whether nothing was done: a function refused before its first write, or the user may not call functions at all.
    var isCertainlyUndone: Bool {
        switch code {
        case "NORIGHTS", "NOAUTH", "WRONGPASS": true
        case "NOPERM": message.contains("'fcall") || message.contains("'evalsha")
        default: false
        }
    }
}
