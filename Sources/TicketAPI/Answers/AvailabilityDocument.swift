internal import BoxOffice
internal import TicketStore

/// What is left of an event, as answers and streams send it: the document, and the tag that identifies it.
final class AvailabilityDocument {
    private let left: Availability
    private let event: EventReading
    private let sale: SaleStates
    /// How many allocations time has released (R45 Allocations).
    private let released: Int
    /// Without the quotes of a header. It contains the states of the sale and how many allocations time has released, which
    /// change with time and without a new version. Where numbers are not disclosed it is a digest, since versions would
    /// reveal how much is held and sold.
    let tag: String
    let body: [UInt8]
    /// A cache between may serve it for a second, and for five more while it asks anew (RFC 9111, RFC 5861).
    static let caching = "public, max-age=1, stale-while-revalidate=5"
    /// Whether the document changes with the time of day.
    private let hasWindow: Bool

    private init(_ left: Availability, of event: EventReading, at moment: Moment) {
        self.left = left
        self.event = event
        sale = SaleStates(event, at: moment)
        let counts = event.definition.disclosure == .counts
        body = BuyerDocuments.availability(left, of: event, sale, counts: counts)
        let definition = event.definition
        released = definition.releasedAllocations(at: moment.wall)
        let counted = "\(left.version)-\(sale.tag)" + (released > 0 ? "-\(released)" : "")
        tag = counts ? counted : Self.digest(body)
        hasWindow =
            definition.opensAt != nil || definition.closesAt != nil || definition.types.contains(where: \.hasWindow)
            || definition.hasTimedAllocations
    }

    /// FNV-1a with 64 bits: short, no secret, and the same for the same bytes on every node and after each start.
    static func digest(_ bytes: [UInt8]) -> String {
        let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return "d" + String(hash, radix: 16)
    }

    /// What is left now, or `nil` if there is no such event.
    ///
    /// - Parameter known: the document that was seen last. It is returned if it is still right, which costs one question to
    ///   the store.
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
            guard known.event.definition.releasedAllocations(at: now.wall) == known.released else {
                // What was kept back is for anybody now.
                return current(code, in: store)
            }
            if SaleStates(known.event, at: now) == known.sale { return known }
            (left, moment) = (known.left, now)
        case .current(let current, let now): (left, moment) = (current, now)
        }
        // Read after the numbers: a definition that comes in between brings a new version.
        guard let event = store.event(code) else { return nil }
        return AvailabilityDocument(left, of: event, at: moment)
    }
}
