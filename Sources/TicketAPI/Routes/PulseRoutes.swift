internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import StrictJSON
internal import TicketStore

/// How a sale goes right now, as one document (R52 Pulse). The operators' page shows it once a second.
struct PulseRoutes: Sendable {
    /// Open debts that are counted; with more, the document says so.
    static let mostDebts = 100

    private let reader: RequestReader
    private let ledger: any SalesLedger
    private let figures: ServiceFigures
    private let promise: DurabilityPromise

    init(_ service: ServiceContext, ledger: any SalesLedger) {
        reader = RequestReader(service)
        self.ledger = ledger
        figures = service.figures
        promise = service.configuration.worth
    }

    @Sendable func pulse(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let event = try reader.event(call.segment)
        return json(.ok, PulseDocument.write(try await pulse(of: event)))
    }

    /// What the document says.
    func pulse(of event: EventReading) async throws -> Pulse {
        let store = reader.store
        let code = event.definition.id
        // A node of several reads new numbers while somebody asks.
        _ = store.availability(of: code, unless: nil)
        guard let numbers = store.numbers(of: code) else { throw Refused(.unknownEvent) }
        let now = numbers.at.wall
        return Pulse(
            event: event, state: SaleState(event, at: numbers.at), numbers: numbers,
            minutes: figures.minutes(of: code, at: now), soldOut: figures.soldOut(numbers, of: code, at: now),
            since: figures.since, decisions: figures.decisions(of: code), debts: await debts(of: code),
            waits: [
                ("holds", figures.waits(for: .hold, at: now)), ("purchases", figures.waits(for: .purchase, at: now)),
                ("writes", store.writes),
            ], condition: store.condition, concerns: store.concerns, promise: promise)
    }

    /// Open confirmed debts; `nil` while the ledger cannot be read. The rest of the document matters most just then.
    private func debts(of event: Code) async -> Pulse.Debts? {
        guard
            let owed = try? await ledger.refundsOwed(
                of: event, confirmed: true, after: nil, limit: Self.mostDebts + 1)
        else { return nil }
        return Pulse.Debts(owed, most: Self.mostDebts)
    }
}

/// How a sale goes right now.
struct Pulse: Sendable {
    /// Payments that are owed back.
    struct Debts: Sendable {
        /// Those that were counted.
        let count: Int
        /// Whether there are more.
        let more: Bool
        /// What those that were counted come to, in minor units, by currency.
        let totals: [(currency: String, total: Int64)]

        init(_ owed: [RefundRecord], most: Int) {
            count = min(owed.count, most)
            more = owed.count > most
            totals = Dictionary(grouping: owed.prefix(most), by: \.currency)
                .map { ($0.key, $0.value.reduce(0) { $0 + $1.total }) }.sorted { $0.0 < $1.0 }
        }
    }

    var event: EventReading
    var state: SaleState
    var numbers: EventNumbers
    /// The last hour.
    var minutes: [MinuteFigures]
    var soldOut: WallTime?
    /// Since when decisions were counted.
    var since: WallTime
    var decisions: [(kind: DecisionKind, result: DecisionResult, count: UInt64)]
    /// Open confirmed debts; `nil` where they could not be read.
    var debts: Debts?
    /// How long callers waited, by what they waited for.
    var waits: [(name: String, took: DurationHistogram)]
    var condition: StoreCondition
    var concerns: [StoreConcern]
    var promise: DurabilityPromise

    /// Pools that can be sold or have something sold, with their allocations.
    var pools: [PoolCount] { numbers.pools.filter { $0.capacity > 0 || $0.held > 0 || $0.sold > 0 } }

    /// Whether free, held and sold add up in each pool, and no pool is closed (R1 Conservation, R4 Broken rule).
    var balances: Bool { numbers.pools.allSatisfy { $0.balances && !$0.isClosed } }

    /// What happened in the last hour; `expired` is `nil` if no minute knows.
    var hour: MinuteFigures {
        var sum = MinuteFigures(at: minutes.first?.at ?? numbers.at.wall)
        for minute in minutes {
            sum.holds += minute.holds
            sum.purchases += minute.purchases
            sum.releases += minute.releases
            sum.refusals += minute.refusals
            if let expired = minute.expired { sum.expired = (sum.expired ?? 0) + expired }
        }
        return sum
    }

    /// Purchases in a thousand holds that ended in the last hour; `nil` if none ended, or nobody counted those that expired.
    var conversion: UInt64? {
        let hour = hour
        guard let expired = hour.expired else { return nil }
        let ended = hour.purchases + hour.releases + expired
        return ended == 0 ? nil : hour.purchases * 1_000 / ended
    }

    /// Purchases that won their places back since the counting began (R9 Late payment).
    var latePurchases: UInt64 {
        decisions.reduce(0) { $1.kind == .purchase && $1.result == .late ? $0 + $1.count : $0 }
    }

    /// Requests to hold that were refused since the counting began.
    var refusedHolds: [(problem: Problem, count: UInt64)] {
        decisions.compactMap { kind, result, count in kind == .hold ? result.problem.map { ($0, count) } : nil }
    }
}
