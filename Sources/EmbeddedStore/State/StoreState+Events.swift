internal import BoxOffice
internal import TicketStore

extension StoreState {
    func events() -> [EventReading] {
        office.eventCodes.compactMap(event)
    }

    func event(_ code: Code) -> EventReading? {
        office.definition(of: code).map {
            EventReading(
                $0.definition, isPaused: $0.paused, isCancelled: office.cancelledAt(code) != nil,
                revision: $0.revision)
        }
    }

    func catalogue(at index: UInt32) -> EventCatalogue {
        office.catalogue(at: index)
    }

    func catalogue(at index: UInt32, unless revision: UInt64) -> EventCatalogue? {
        office.catalogue(at: index, unless: revision)
    }
}
