internal import BoxOffice
internal import TicketStore

/// What is left of an event, as it is answered and as it is told to those who listen: the document, and the tag that
/// tells it from others.
final class AvailabilityDocument {
    private let left: Availability
    private let event: EventReading
    private let sale: SaleState
    /// Without the quotes that a header puts around it. The state of the sale changes by time alone, without a new
    /// version. Where the numbers are not disclosed it tells only documents apart: versions count what is held and sold.
    let tag: String
    let body: [UInt8]
    /// Whether the state of the sale can change so.
    private let hasWindow: Bool

    private init(_ left: Availability, of event: EventReading, at moment: Moment) {
        self.left = left
        self.event = event
        sale = SaleState(event, at: moment)
        let counts = event.definition.disclosure == .counts
        body = BuyerDocuments.availability(left, of: event, sale, counts: counts)
        tag = counts ? "\(left.version)-\(sale.rawValue)" : Self.digest(body)
        hasWindow = event.definition.opensAt != nil || event.definition.closesAt != nil
    }

    /// The same for the same bytes, on every node and after each start (FNV-1a, 64 bits): not a secret, only short.
    private static func digest(_ bytes: [UInt8]) -> String {
        let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return "d" + String(hash, radix: 16)
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
