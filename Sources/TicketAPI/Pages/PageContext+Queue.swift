internal import BoxOffice
internal import NIOCore
internal import TicketStore

/// The cookie with the token of an entry in an event's queue. Its path is that of the event's page, and that of a hold that the
/// entry made, where the same places are tried for again.
enum EntryCookie {
    static let name = "holdfast_entry"
    /// Seconds for which a browser keeps it: longer than any ballot gathers.
    static let life = 30 * 86_400

    /// - Parameter sites: ``PageWriter/sites(for:)``.
    static func set(_ token: String, path: String, sites: String) -> String {
        "\(name)=\(token); Path=\(path); Max-Age=\(life); HttpOnly; \(sites)"
    }

    static func removed(path: String, sites: String) -> String {
        "\(name)=; Path=\(path); Max-Age=0; HttpOnly; \(sites)"
    }
}

/// What a queue has to do with a request for the page of its sale.
enum PageTurn: Sendable {
    /// The event has no queue.
    case notNeeded
    /// The browser has no entry.
    case none
    /// Its entry waits.
    case waits
    /// Its turn runs for so many milliseconds, until a moment.
    case runs(Int64, until: WallTime)
    /// Its turn ended, or it left.
    case over
    /// It has bought as often as it may.
    case done

    var mayHold: Bool {
        switch self {
        case .notNeeded, .runs: true
        case .none, .waits, .over, .done: false
        }
    }
}

extension PageContext {
    /// The entry in the queue of an event that the browser's cookie is for; `nil` if there is no cookie, if it was not made for
    /// this queue, or if the store lost the entry (Q2 Numbers).
    func entry(in event: Code, _ page: PageRequest) -> OwnEntry? {
        guard let copy = queues.copy(of: event), let token = page.cookie(EntryCookie.name),
            let signed = queues.mint.entry(of: token, in: copy.name),
            !copy.hasLost(signed)
        else { return nil }
        return OwnEntry(copy: copy, signed: signed)
    }

    /// The entry as it is; `nil` if the store does not know it. While it waits, no store is asked.
    func look(_ own: OwnEntry) async throws -> (QueueEntry, Moment)? {
        if let waiting = own.copy.waiting(own.number) { return (waiting, store.now) }
        let command = QueueCommand.look(own.number, position: own.copy.position(of: own.number))
        switch await store.perform(.queue(own.copy.name.event, command)) {
        case .decided(.queue(.looked(let entry)), let moment):
            own.copy.note(entry)
            return (entry, moment)
        case .decided(.refused(.queue(.unknownEntry)), _): return nil
        case .decided(.refused(let refusal), let moment): throw Refused(refusal, at: moment)
        case .decided(let outcome, _): throw reader.unexpected(outcome)
        case .failed(let failure): throw Refused(failure)
        }
    }

    /// Whether the browser may hold places of the event now.
    func turn(in event: EventReading, _ page: PageRequest) async throws -> PageTurn {
        guard event.definition.queue != nil else { return .notNeeded }
        guard let own = entry(in: event.definition.id, page), let (entry, moment) = try await look(own) else {
            return .none
        }
        switch entry.state {
        case .waiting: return .waits
        case .passedBy, .closed: return .over
        case .done: return .done
        case .called, .inside:
            // A hold may outlive the turn it was made in (Q6 Pass).
            guard let end = entry.turnEndsAt, end > moment.office else { return .over }
            return .runs(end.milliseconds - moment.office.milliseconds, until: moment.wallTime(of: end))
        }
    }

    /// The pass of the browser's entry; the store knows whether it is good.
    func pass(in event: Code, _ page: PageRequest) -> QueuePass? {
        guard let own = entry(in: event, page) else { return nil }
        return own.copy.position(of: own.number).map {
            QueuePass(number: own.number, position: $0, joinedAt: own.signed.joinedAt)
        }
    }

    /// The cookie with which the page of a hold can try for the same places again; none without an entry.
    func entryCookies(forHoldAt path: String, in event: Code, _ page: PageRequest) -> [String] {
        guard let own = entry(in: event, page) else { return [] }
        let token = queues.mint.token(of: own.signed, in: own.copy.name)
        return [EntryCookie.set(token, path: path, sites: writer.sites(for: page))]
    }
}
