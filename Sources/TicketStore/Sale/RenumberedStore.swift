public import BoxOffice
internal import Synchronization

/// A store whose first holds come from another store (R51 Moving a sale): callers know them by the numbers that they
/// had there, which are in buyers' tokens and on their tickets.
///
/// It translates what goes in and out, so a store without such holds pays nothing. A command costs two binary searches
/// more.
public final class RenumberedStore<Store: TicketStore & SalesLedger>: TicketStore, SalesLedger {
    public let store: Store
    private let numbering: HoldNumbering
    /// The translating sinks of the latest sinks: there is one for each event loop, and one for each caller that waits.
    private let sinks = Mutex<[ObjectIdentifier: RenumberingSink]>([:])
    /// More sinks than event loops that a node can have.
    private static var mostSinks: Int { 1_024 }

    /// - Parameter numbering: the numbers that moved holds had before.
    public init(_ store: Store, _ numbering: HoldNumbering) {
        self.store = store
        self.numbering = numbering
    }

    // MARK: TicketStore

    public func submit(
        _ command: Command, note: AuditNote?, ticket: UInt64, replyTo sink: any ReplySink
    ) -> StoreReply? {
        let reply = store.submit(
            command.renumbered(numbering.kept), note: note, ticket: ticket, replyTo: translating(sink))
        return reply.map { $0.renumbered(numbering.known) }
    }

    private func translating(_ sink: any ReplySink) -> RenumberingSink {
        sinks.withLock { sinks in
            // Another sink may have been where this one is now.
            if let known = sinks[ObjectIdentifier(sink)], known.sink === sink { return known }
            if sinks.count >= Self.mostSinks { sinks.removeAll() }
            let new = RenumberingSink(sink, numbering)
            sinks[ObjectIdentifier(sink)] = new
            return new
        }
    }

    public func availability(of event: Code, unless known: UInt64?) -> AvailabilityReading {
        store.availability(of: event, unless: known)
    }

    public func numbers(of event: Code) -> EventNumbers? { store.numbers(of: event) }
    public var writes: DurationHistogram { store.writes }
    public var figures: StoreFigures { store.figures }
    public var events: [EventReading] { store.events }

    public func event(_ code: Code) -> EventReading? {
        store.event(code)
    }

    public func catalogue(at index: UInt32) -> EventCatalogue {
        store.catalogue(at: index)
    }

    public func catalogue(at index: UInt32, unless revision: UInt64) -> EventCatalogue? {
        store.catalogue(at: index, unless: revision)
    }

    public var condition: StoreCondition { store.condition }
    public var concerns: [StoreConcern] { store.concerns }
    public var now: Moment { store.now }

    // MARK: SalesLedger

    /// The store's own numbers say where the next page begins.
    public func purchases(
        of event: Code, soldBy seller: Seller?, after hold: HoldID?, limit: Int
    ) async throws -> PurchasePage {
        var page = try await store.purchases(of: event, soldBy: seller, after: hold, limit: limit)
        for index in page.records.indices {
            page.records[index].hold = numbering.known(page.records[index].hold)
        }
        return page
    }

    public func refundsOwed(
        of event: Code?, confirmed: Bool, after sequence: UInt64?, limit: Int
    ) async throws -> [RefundRecord] {
        try await store.refundsOwed(of: event, confirmed: confirmed, after: sequence, limit: limit).map { record in
            var record = record
            record.hold = numbering.known(record.hold)
            return record
        }
    }

    public func audit(of events: [Code]?, after sequence: UInt64?, limit: Int) async throws -> [AuditRecord] {
        try await store.audit(of: events, after: sequence, limit: limit)
    }

    public func newestAudit(
        of events: [Code]?, before sequence: UInt64?, limit: Int
    ) async throws -> [AuditRecord] {
        try await store.newestAudit(of: events, before: sequence, limit: limit)
    }

    /// The store's own numbers say where the next page begins.
    public func search(_ query: SalesQuery) async throws -> SalesPage {
        var query = query
        query.hold = query.hold.map(numbering.kept)
        var page = try await store.search(query)
        for index in page.records.indices {
            let hold = numbering.known(page.records[index].hold)
            page.records[index].hold = hold
            page.records[index].purchase?.hold = hold
        }
        return page
    }

    public func salesCounts(of event: Code) async throws -> [SalesCount] {
        try await store.salesCounts(of: event)
    }

    public func codes(of batch: Code, in event: Code, after: Int, limit: Int) async throws -> [CodeCount]? {
        try await store.codes(of: batch, in: event, after: after, limit: limit)
    }

    public func erasable(_ scope: ErasureScope, after hold: HoldID?) async throws -> ErasurePage {
        var scope = scope
        if case .hold(let id) = scope { scope = .hold(numbering.kept(id)) }
        // Where the next page begins is in the store's own numbers.
        var page = try await store.erasable(scope, after: hold)
        for index in page.holds.indices { page.holds[index].hold = numbering.known(page.holds[index].hold) }
        return page
    }

    /// With the store's own numbers, which only say where the next page begins.
    public func sale(of event: Code, from first: HoldID?, stretch: Int) async throws -> SalePage {
        try await store.sale(of: event, from: first, stretch: stretch)
    }

    public func recount() async throws -> Recount {
        try await store.recount()
    }
}

/// Delivers replies with the numbers that callers know.
private final class RenumberingSink: ReplySink {
    let sink: any ReplySink
    private let numbering: HoldNumbering

    init(_ sink: any ReplySink, _ numbering: HoldNumbering) {
        self.sink = sink
        self.numbering = numbering
    }

    func deliver(_ replies: ContiguousArray<TicketedReply>) {
        var replies = replies
        for index in replies.indices { replies[index].reply = replies[index].reply.renumbered(numbering.known) }
        sink.deliver(replies)
    }
}

extension Command {
    /// The command with another number of its hold.
    fileprivate func renumbered(_ number: (HoldID) -> HoldID) -> Command {
        switch self {
        case .extend(let id, let key): .extend(number(id), key: key)
        case .release(let id): .release(number(id))
        case .purchase(let id, let payment, let completer): .purchase(number(id), payment, by: completer)
        case .payBack(let id, let payment): .payBack(number(id), payment)
        case .returnPurchase(let id): .returnPurchase(number(id))
        case .returnPart(let id, let part): .returnPart(number(id), part)
        case .correct(let id, let asked): .correct(number(id), asked)
        case .erase(let request): .erase(request.renumbered(number))
        case .look(let id): .look(number(id))
        case .hold, .define, .pause, .resume, .cancel, .reinstate, .remove, .queue: self
        }
    }
}

extension ErasureRequest {
    fileprivate func renumbered(_ number: (HoldID) -> HoldID) -> ErasureRequest {
        var request = self
        request.knownAs = hold
        request.hold = number(hold)
        return request
    }
}

extension StoreReply {
    /// The reply with other numbers of holds.
    fileprivate func renumbered(_ number: (HoldID) -> HoldID) -> StoreReply {
        guard case .decided(let outcome, let moment) = self else { return self }
        func view(_ view: HoldView) -> HoldView {
            var view = view
            view.id = number(view.id)
            return view
        }
        let told: Outcome =
            switch outcome {
            case .held(let hold, let replayed): .held(view(hold), replayed: replayed)
            case .extended(let hold, let replayed): .extended(view(hold), replayed: replayed)
            case .released(let hold, let repeated): .released(view(hold), repeated: repeated)
            case .purchased(let hold, let late, let repeated): .purchased(view(hold), late: late, repeated: repeated)
            case .returned(let hold, let repeated): .returned(view(hold), repeated: repeated)
            case .corrected(let hold, let repeated): .corrected(view(hold), repeated: repeated)
            case .looked(let hold, let payment): .looked(view(hold), payment: payment)
            case .paidBack(let id, let repeated): .paidBack(number(id), repeated: repeated)
            case .erased(let id, let repeated): .erased(number(id), repeated: repeated)
            case .eventChanged, .eventRemoved, .queue, .refused: outcome
            }
        return .decided(told, at: moment)
    }
}
