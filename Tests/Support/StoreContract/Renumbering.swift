internal import BoxOffice
internal import TicketStore

/// Translates between a store to which a sale moved and the core, where both mean the same by other numbers: types by their
/// codes and pools, terms by their currency, revisions by which definition is in force (R51 Moving a sale).
struct Renumbering {
    let store: any TicketStore

    // MARK: Commands

    func ofStore(_ command: Command, _ office: BoxOffice) -> Command {
        switch command {
        case .define(let definition, let paused, .some(let revision)):
            .define(definition, paused: paused, expecting: ofStore(revision, of: definition.id, office))
        case .remove(let event, .some(let revision)):
            .remove(event: event, expecting: ofStore(revision, of: event, office))
        default: command
        }
    }

    private func ofStore(_ revision: UInt64, of event: Code, _ office: BoxOffice) -> UInt64 {
        if revision == 0 { return 0 }
        // No definition has a revision as high as that.
        guard revision == office.catalogue(of: event)?.revision else { return revision + 1_000_000 }
        return store.event(event)?.revision ?? 0
    }

    // MARK: Outcomes

    /// - Parameters:
    ///   - office: has decided the command already.
    ///   - events: the core's indexes of the store's events.
    func ofCore(_ outcome: Outcome, to command: Command, _ office: BoxOffice, _ events: [UInt32: UInt32]) -> Outcome {
        switch (outcome, command) {
        case (.eventChanged(let code, let revision), _):
            return .eventChanged(code, revision: ofCore(revision, of: code, office))
        case (.refused(.revisionMismatch(let revision)), .define(let definition, _, _)):
            return .refused(.revisionMismatch(revision: ofCore(revision, of: definition.id, office)))
        case (.refused(.revisionMismatch(let revision)), .remove(let code, _)):
            return .refused(.revisionMismatch(revision: ofCore(revision, of: code, office)))
        default: break
        }
        return outcome.changingView { view in
            let theirs = store.catalogue(at: view.event)
            let ours = office.catalogue(at: events[view.event] ?? view.event)
            return Self.change(view, from: theirs, to: ours)
        }
    }

    private func ofCore(_ revision: UInt64, of event: Code, _ office: BoxOffice) -> UInt64 {
        guard revision == store.event(event)?.revision ?? 0 else { return revision + 1_000_000 }
        return office.catalogue(of: event)?.revision ?? 0
    }

    /// The core's outcome with one number for each meaning.
    static func plain(_ outcome: Outcome, _ office: BoxOffice) -> Outcome {
        outcome.changingView { view in
            let catalogue = office.catalogue(at: view.event)
            return change(view, from: catalogue, to: catalogue)
        }
    }

    /// Without pools that are no longer there, in one order.
    static func plain(_ counts: [PoolCount]) -> [PoolCount] {
        counts.filter { $0.capacity > 0 || $0.held > 0 || $0.sold > 0 }.sorted {
            ($0.event.text, $0.pool.text) < ($1.event.text, $1.pool.text)
        }
    }

    private static func change(_ view: HoldView, from: EventCatalogue, to: EventCatalogue) -> HoldView {
        var view = view
        let currency = from.currency(ofTerms: view.terms)
        view.terms = to.currencies.firstIndex(of: currency).map { UInt16($0) } ?? .max
        for index in view.lines.indices {
            let meaning = meaning(of: from.types[Int(view.lines[index].type)], from)
            let found = to.types.lastIndex { Self.meaning(of: $0, to) == meaning }
            view.lines[index].type = found.map { UInt16($0) } ?? .max
        }
        return view
    }

    private static func meaning(of type: EventCatalogue.TicketType, _ catalogue: EventCatalogue) -> [String] {
        [type.code.text, type.allocation?.text ?? ""] + type.pools.map { catalogue.pools[$0].name.text }
    }
}
