package import NIOCore
internal import RedisWire
package import TicketStore

/// The results of decisions and trials, event by event, and what they say about the store (R32 Readiness).
///
/// A value that gets the time. An event stands for its server, since a store does not know which events share one. The
/// store is suspended if no event can be decided of those that were called lately. If only some cannot, the others sell
/// on.
package struct StoreHealth: Sendable {
    /// An event without a decision for so long is tried. Together with ``silence`` this shows a server that stands
    /// still within two seconds.
    package static let trialInterval = TimeAmount.milliseconds(700)
    /// A call that is under way for longer counts as unanswered.
    package static let silence = TimeAmount.milliseconds(1_200)
    /// An older answer says nothing any more if another event was answered since.
    package static let fresh = TimeAmount.seconds(2)
    /// Between two rounds of trials.
    private static let round = TimeAmount.milliseconds(175)
    /// Events that one round tries, with a write each. If there are more events, they take turns.
    package static let triedAtOnce = 16
    /// Events that a concern names.
    private static let named = 3

    private struct Standing: Sendable {
        /// Why the last call could not decide; `nil` if it could.
        var failure: SuspensionReason?
        var heardAt: NIODeadline?
        /// Why the replicas did not acknowledge the last decision; `nil` if they did.
        var unconfirmed: SuspensionReason?
        var confirmedAt: NIODeadline?
        /// When the call that is under way was sent.
        var askedAt: NIODeadline?
        /// When it was tried last, and how often (the count wraps around).
        var triedAt: NIODeadline?
        var trials: UInt8 = 0
    }

    /// Whether holds wait for the replicas as well: then nothing can be answered without them.
    private let holdsWait: Bool
    /// Whether anything waits for replicas.
    private let waits: Bool
    /// ``StoreHealth/silence``, longer where a call waits for replicas.
    private let silence: TimeAmount
    private var standings: [EventNumber: Standing] = [:]
    private var roundAt = NIODeadline.uptimeNanoseconds(0)
    private var nextTried = 0

    /// - Parameters:
    ///   - waitTime: how long calls wait for replicas; `nil` if they do not.
    ///   - holdsWait: whether holds wait for replicas as well.
    package init(waitTime: Duration? = nil, holdsWait: Bool = true) {
        waits = waitTime != nil
        self.holdsWait = holdsWait
        silence = max(Self.silence, TimeAmount(waitTime ?? .zero) + .milliseconds(200))
    }

    // MARK: What calls met

    /// A call for an event is on its way.
    package mutating func asked(_ event: EventNumber, at now: NIODeadline) {
        standings[event, default: Standing()].askedAt = now
    }

    /// A look was answered. A look needs less than a decision, so it does not end a failure.
    package mutating func looked(_ event: EventNumber) {
        standings[event]?.askedAt = nil
    }

    /// A decision or a trial was answered.
    ///
    /// - Parameter acknowledgement: what the replicas answered.
    package mutating func heard(_ event: EventNumber, _ acknowledgement: Acknowledgement, at now: NIODeadline) {
        var standing = standings[event] ?? Standing()
        standing.askedAt = nil
        standing.failure = nil
        standing.heardAt = now
        switch acknowledgement {
        case .notAsked: break
        case .given: (standing.unconfirmed, standing.confirmedAt) = (nil, now)
        case .missing(let reason): (standing.unconfirmed, standing.confirmedAt) = (reason, now)
        }
        standings[event] = standing
    }

    /// A call failed.
    ///
    /// - Parameter reason: `nil` if the failure says nothing about the server.
    package mutating func failed(_ event: EventNumber, _ reason: SuspensionReason?, at now: NIODeadline) {
        standings[event, default: Standing()].askedAt = nil
        guard let reason else { return }
        standings[event]?.failure = reason
        standings[event]?.heardAt = now
    }

    // MARK: What follows

    /// Why no event can be decided; `nil` if one can, or if none was called yet.
    package func suspension(of events: [EventNumber], at now: NIODeadline) -> SuspensionReason? {
        var latest: (reason: SuspensionReason?, at: NIODeadline)?
        for event in events {
            guard let (reason, at) = view(of: event, at: now) else { continue }
            if reason == nil, at + Self.fresh > now { return nil }
            if latest.map({ $0.at < at }) ?? true { latest = (reason, at) }
        }
        return latest?.reason
    }

    /// What does not stop the store: events that cannot be decided while others can, and missing replicas if holds do
    /// not wait for them.
    package func concerns(of events: [EventNumber], at now: NIODeadline, name: (EventNumber) -> String)
        -> [StoreConcern]
    {
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

    /// The events to try now, since they had no decision lately. Begins a round if one is due.
    package mutating func eventsToTry(of events: [EventNumber], at now: NIODeadline) -> [EventNumber] {
        guard !events.isEmpty, roundAt + Self.round <= now else { return [] }
        roundAt = now
        var found: [EventNumber] = []
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

    /// Whether a trial waits for the replicas only for a moment, since the calls that come meanwhile wait behind it.
    /// That is so if holds do not wait for replicas, and while replicas are missing. But one trial in eight waits as
    /// long as a decision, and so finds replicas that take longer.
    package func waitsShortly(_ event: EventNumber) -> Bool {
        guard holdsWait else { return true }
        guard let standing = standings[event], standing.unconfirmed != nil else { return false }
        return standing.trials % 8 != 0
    }

    /// Forgets all other events.
    package mutating func keep(_ known: Set<EventNumber>) {
        standings = standings.filter { known.contains($0.key) }
    }

    private func isToBeTried(_ event: EventNumber, at now: NIODeadline) -> Bool {
        guard let standing = standings[event] else { return true }
        guard standing.askedAt == nil else { return false }
        let heardAt = waits ? standing.confirmedAt : standing.heardAt
        return [heardAt, standing.triedAt].allSatisfy { last in last.map { $0 + Self.trialInterval <= now } ?? true }
    }

    /// Whether an event can be decided, and since when that is known.
    private func view(of event: EventNumber, at now: NIODeadline) -> (reason: SuspensionReason?, at: NIODeadline)? {
        guard let standing = standings[event] else { return nil }
        let reason = standing.failure ?? (holdsWait ? standing.unconfirmed : nil)
        // A failure says more than silence.
        if reason == nil, let askedAt = standing.askedAt, askedAt + silence <= now { return (.silent, now) }
        return standing.heardAt.map { (reason, $0) }
    }
}
