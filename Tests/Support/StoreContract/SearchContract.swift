internal import BoxOffice
public import TicketStore
internal import Workload

/// What every store finds and counts (R47 Search): after random traffic, each kind of search must name the holds that the answers
/// named, newest first. The state of a hold is what the store answers about it, so nothing here shares code with an index.
public struct SearchContract {
    private struct Known {
        var view: HoldView
        var event: String
        var types: [String]
        var currency: String
        var buyer: Buyer?
        var note: SaleNote?
        var payment: PaymentReference?
        var heldAt: WallTime
    }

    private let subject: any ContractSubject
    private let ledger: () -> any SalesLedger
    private let place: String
    private var known: [HoldID: Known] = [:]
    private var removed: Set<UInt32> = []
    private var buyers: Set<Buyer> = []
    /// A sentence for each difference.
    private var differences: [String] = []

    /// Plays the traffic of `seed`, then searches, also after a restart.
    ///
    /// - Parameter ledger: the subject's lists.
    /// - Returns: a sentence for each difference.
    public static func differences(
        of subject: any ContractSubject, ledger: @escaping () -> any SalesLedger, seed: UInt64, commands: Int = 500
    ) async throws -> [String] {
        var contract = SearchContract(subject: subject, ledger: ledger, place: "seed \(seed)")
        try await contract.play(seed, commands)
        try await contract.check("")
        try await subject.restart()
        try await contract.check(", restarted")
        return contract.differences
    }

    private init(subject: any ContractSubject, ledger: @escaping () -> any SalesLedger, place: String) {
        self.subject = subject
        self.ledger = ledger
        self.place = place
    }

    private mutating func play(_ seed: UInt64, _ commands: Int) async throws {
        var traffic = RandomTraffic(seed: seed)
        for _ in 0..<commands {
            let (moment, command) = traffic.next()
            try await subject.advance(to: moment)
            guard case .decided(let outcome, let at) = await subject.store.perform(command) else {
                throw StoreFailure.outcomeUnknown
            }
            traffic.learn(outcome)
            switch (command, outcome) {
            case (.hold(let request), .held(let view, replayed: false)): note(request, view, at)
            case (.purchase(let id, let payment, _), .purchased(_, _, repeated: false)): known[id]?.payment = payment
            case (.erase(let request), .erased(let id, _)) where !request.isTrial:
                known[id]?.buyer = nil
                known[id]?.note = nil
                known[id]?.payment = nil
            case (.correct(_, let asked), .corrected(let view, _)):
                known[view.id]?.buyer = asked.to.buyer
                known[view.id]?.note = asked.to.note
                if let buyer = asked.to.buyer { buyers.insert(buyer) }
            case (_, .eventRemoved(let code)):
                for (_, hold) in known where hold.event == code.text { removed.insert(hold.view.event) }
            default: break
            }
            if let view = outcome.view { known[view.id]?.view = view }
        }
    }

    private mutating func note(_ request: HoldRequest, _ view: HoldView, _ at: Moment) {
        let catalogue = subject.store.catalogue(at: view.event)
        known[view.id] = Known(
            view: view, event: request.event.text, types: view.lines.map { catalogue.types[Int($0.type)].code.text },
            currency: catalogue.currency(of: view), buyer: request.buyer, heldAt: at.wall)
        if let buyer = request.buyer { buyers.insert(buyer) }
    }

    // MARK: Searching

    private mutating func check(_ when: String) async throws {
        for id in known.keys {
            switch await subject.store.perform(.look(id)) {
            case .decided(.looked(let view, _), _): known[id]?.view = view
            // It ended so long ago that only operators find it.
            case .decided(.refused(.unknownHold), _):
                if known[id]?.view.state == .held { known[id]?.view.state = .expired }
            // It would be live, had its event not been cancelled, and is live again if that is undone.
            case .decided(.refused(.eventCancelled), _): break
            default: throw StoreFailure.outcomeUnknown
            }
        }
        let events = subject.store.events.map(\.definition.id)
        let states: [HoldView.State?] = [nil, .held, .purchased, .released, .expired, .returned]
        for state in states {
            try await compare(SalesQuery(state: state), when)
            for event in events {
                try await compare(SalesQuery(event: event, state: state), when)
                for type in Set(known.values.filter { $0.event == event.text }.flatMap(\.types)) {
                    try await compare(SalesQuery(event: event, state: state, type: Code(type)), when)
                }
            }
            for buyer in buyers.sorted(by: { $0.text < $1.text }) {
                try await compare(SalesQuery(buyer: buyer, state: state), when)
            }
        }
        // The time of day as the store lists it: a ledger notes it only when it has moved.
        for record in try await ledger().search(SalesQuery(limit: 1_000)).records {
            known[record.hold]?.heldAt = record.heldAt
        }
        let moments = known.values.map(\.heldAt).sorted()
        if let first = moments.first, let last = moments.last {
            let middle = moments[moments.count / 2]
            for (from, to) in [(first, middle), (middle, last), (last, nil), (nil, first)] as [(WallTime?, WallTime?)] {
                try await compare(SalesQuery(from: from, to: to), when)
            }
        }
        for (id, hold) in known {
            guard let payment = hold.payment else { continue }
            try await compare(SalesQuery(hold: id), when)
            // A payment that bought nothing before may lead to another hold as well.
            let page = try await ledger().search(SalesQuery(payment: payment, limit: 9))
            if !page.records.contains(where: { $0.hold == id && $0.purchase?.payment == payment.text }) {
                differences.append("\(place)\(when): \(payment.text) does not lead to \(id)")
            }
        }
        for event in events { try await compareCounts(of: event, when) }
    }

    private func isMeant(_ hold: Known, by query: SalesQuery) -> Bool {
        (query.hold.map { $0 == hold.view.id } ?? true) && (query.buyer.map { $0 == hold.buyer } ?? true)
            && (query.event.map { $0.text == hold.event && !removed.contains(hold.view.event) } ?? true)
            && (query.state.map { $0 == hold.view.state } ?? true)
            && (query.type.map { hold.types.contains($0.text) } ?? true)
            && (query.from.map { $0 <= hold.heldAt } ?? true) && (query.to.map { hold.heldAt < $0 } ?? true)
    }

    private mutating func compare(_ query: SalesQuery, _ when: String) async throws {
        let wanted = known.values.filter { isMeant($0, by: query) }.map(\.view.id).sorted(by: >)
        var asked = query
        asked.limit = 3
        var found: [SaleRecord] = []
        repeat {
            let page = try await ledger().search(asked)
            found += page.records
            asked.behind = page.next
        } while asked.behind != nil && found.count <= known.count
        guard found.map(\.hold) == wanted else {
            return differences.append("\(place)\(when), \(query): found \(found.map(\.hold)), not \(wanted)")
        }
        for record in found {
            guard let hold = known[record.hold] else { continue }
            let note = hold.note?.text
            let isSame =
                record.state == hold.view.state && record.buyer == hold.buyer?.text && record.note == note
                && record.currency == hold.currency
                && record.event == hold.event && record.lines.map(\.type) == hold.types
                && record.lines.map(\.quantity) == hold.view.lines.map { Int($0.quantity) }
                && (record.purchase != nil) == (hold.view.state == .purchased || hold.view.state == .returned)
                && record.purchase?.payment == hold.payment?.text && (record.purchase.map { $0.note == note } ?? true)
            if !isSame { differences.append("\(place)\(when): found \(record), not \(hold)") }
        }
    }

    private mutating func compareCounts(of event: Code, _ when: String) async throws {
        var counts: [String: (holds: Set<String>, tickets: Int, amount: Int64)] = [:]
        for hold in known.values where hold.event == event.text && !removed.contains(hold.view.event) {
            for (type, line) in zip(hold.types, hold.view.lines) {
                let isPurchased = hold.view.state == .purchased
                let back = isPurchased ? Int(line.returned) : 0
                for (state, tickets) in [(hold.view.state, Int(line.quantity) - back), (.returned, back)]
                where tickets > 0 {
                    let kind = "\([type, state.rawValue, hold.currency])"
                    var sum = counts[kind] ?? ([], 0, 0)
                    // Places of an allocation have a type of their own under the same code.
                    sum.holds.insert("\(hold.view.id) \(line.type)")
                    sum.tickets += tickets
                    sum.amount += Int64(tickets) * line.price
                    counts[kind] = sum
                }
            }
        }
        let wanted = Set(counts.map { "\($0.key): \($0.value.holds.count) \($0.value.tickets) \($0.value.amount)" })
        let found = try await ledger().salesCounts(of: event).map {
            "\([$0.type, $0.state.rawValue, $0.currency]): \($0.holds) \($0.tickets) \($0.amount)"
        }
        if Set(found) != wanted || found.count != wanted.count {
            differences.append("\(place)\(when), counts of \(event): \(found), not \(wanted)")
        }
    }
}

extension Outcome {
    /// The hold as it is after the command.
    fileprivate var view: HoldView? {
        switch self {
        case .extended(let view, _), .released(let view, _), .purchased(let view, _, _), .returned(let view, _),
            .corrected(let view, _), .looked(let view, _):
            view
        default: nil
        }
    }
}
