import BoxOffice
import Foundation
import StoreContract
import TicketStore

/// What tests of queues ask a store, about the event `hall` unless they say otherwise.
extension TicketStore {
    func ask(_ command: QueueCommand, of event: String = "hall") async throws -> Outcome {
        switch await perform(.queue(try code(event), command)) {
        case .decided(let outcome, _): return outcome
        case .failed(let failure): throw failure
        }
    }

    /// The number of a new entry, or the one that the key joined with.
    func join(_ event: String = "hall", key: String? = nil) async throws -> UInt32? {
        let joining = QueueCommand.join(key: key.map { IdempotencyKey(named: $0) })
        guard case .queue(.joined(let entry, _, _)) = try await ask(joining, of: event) else { return nil }
        return entry.number.value
    }

    func look(_ number: UInt32, of event: String = "hall", position: UInt32? = nil) async throws -> QueueEntry? {
        let looking = QueueCommand.look(EntryNumber(number), position: position)
        guard case .queue(.looked(let entry)) = try await ask(looking, of: event) else { return nil }
        return entry
    }

    func view(_ command: QueueCommand, of event: String = "hall") async throws -> QueueView {
        switch try await ask(command, of: event) {
        case .queue(.changed(let view, _)), .queue(.attended(let view, _)): return view
        default: throw StoreFailure.outcomeUnknown
        }
    }

    /// Opens the queue with a secret of 32 equal bytes.
    @discardableResult
    func open(_ event: String = "hall", secret: UInt8 = 7) async throws -> QueueView {
        try await view(.open(secret: [UInt8](repeating: secret, count: 32)), of: event)
    }

    /// Attends until nothing more is due.
    @discardableResult
    func attend(_ event: String = "hall", _ report: PresenceReport = PresenceReport()) async throws -> QueueView {
        while case .queue(.attended(let view, let isMoreDue)) = try await ask(.attend(report), of: event) {
            if !isMoreDue { return view }
        }
        throw StoreFailure.outcomeUnknown
    }
}

/// An event of one pool with a queue.
func queued(
    _ places: Int = 4, id: String = "hall", hold: Duration = .seconds(60), opensAt: WallTime? = nil,
    terms: QueueTerms = QueueTerms()
) throws -> Command {
    .define(
        try hall(places, id: id, hold: hold) {
            $0.queue = terms
            $0.opensAt = opensAt
        })
}

/// A hold with the pass of an entry.
func holdGA(
    pass number: UInt32, position: UInt32? = nil, joinedAt: WallTime = WallTime(milliseconds: 0),
    event: String = "hall", buyer: String? = nil
) throws -> Command {
    guard case .hold(var request) = try holdGA(event: event, buyer: buyer) else { throw StoreFailure.outcomeUnknown }
    request.pass = QueuePass(number: EntryNumber(number), position: position ?? number, joinedAt: joinedAt)
    return .hold(request)
}

/// The time of day in ten minutes.
func inTenMinutes() -> WallTime {
    WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000) + 600_000)
}
