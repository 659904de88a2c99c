internal import BoxOffice
internal import TicketStore

/// What is left of an event, as it is answered and as it is told to those who listen: the document, and the tag that
/// tells it from others.
final class AvailabilityDocument {
    private let left: Availability
    private let event: EventReading
    private let sale: SaleState
    /// Without the quotes that a header puts around it. The state of the sale changes by time alone, without a new
    /// version.
    let tag: String
    let body: [UInt8]
    /// Whether the state of the sale can change so.
    private let hasWindow: Bool

    private init(_ left: Availability, of event: EventReading, at moment: Moment) {
        self.left = left
        self.event = event
        sale = SaleState(event, at: moment)
        tag = "\(left.version)-\(sale.rawValue)"
        body = BuyerDocuments.availability(left, of: event, sale)
        hasWindow = event.definition.opensAt != nil || event.definition.closesAt != nil
    }

    /// What is left now, or `nil` if there is no such event.
    ///
    /// - Parameter known: what was seen last; given back where it still stands, for the price of a look.
    static func current(
        _ code: Code, in store: any TicketStore, after known: AvailabilityDocument? = nil
    ) -> AvailabilityDocument? {
        let left: Availability
        let moment: Moment
        switch store.availability(of: code, unless: known?.left.version) {
        case .unknownEvent: return nil
        case .unchanged:
            guard let known, known.hasWindow else { return known }
            let now = store.now
            if SaleState(known.event, at: now) == known.sale { return known }
            (left, moment) = (known.left, now)
        case .current(let current, let now): (left, moment) = (current, now)
        }
        // Asked for behind the numbers: a definition that comes in between brings a new version with it.
        guard let event = store.event(code) else { return nil }
        return AvailabilityDocument(left, of: event, at: moment)
    }
}
