// Cancelling an event, and what that means for its holds (R42 Cancelled event).

extension BoxOffice {
    mutating func cancel(_ event: Code) -> Decision {
        guard let index = eventIndexes[event] else { return refuse(.unknownEvent) }
        guard events[index].cancelledAt == nil else {
            return (.eventChanged(event, revision: events[index].revision), nil)
        }
        let fact = make(.cancelled(event: UInt32(index)))
        return (.eventChanged(event, revision: definitionCount), fact)
    }

    mutating func reinstate(_ event: Code) -> Decision {
        guard let index = eventIndexes[event] else { return refuse(.unknownEvent) }
        guard let cancelledAt = events[index].cancelledAt else {
            return (.eventChanged(event, revision: events[index].revision), nil)
        }
        guard clock < cancelledAt.advanced(by: Limits.cancellationUndone), !events[index].hasPaidBack else {
            return refuse(.cancellationFinal)
        }
        let fact = make(.reinstated(event: UInt32(index)))
        return (.eventChanged(event, revision: definitionCount), fact)
    }

    /// Cancels the event at `index`, or undoes that if there is no `moment`. It counts as a definition, so that revisions and
    /// tags show it.
    mutating func applyCancelled(_ index: UInt32, at moment: Timestamp?) {
        definitionCount += 1
        events[Int(index)].settle(at: clock)
        events[Int(index)].cancel(at: moment)
        events[Int(index)].revision = definitionCount
    }

    /// Restores a cancellation, or its undoing if there is no `moment`, in its order among the definitions.
    ///
    /// - Returns: whether there is such an event.
    public mutating func restoreCancellation(of event: UInt32, at moment: Timestamp?) -> Bool {
        guard Int(event) < events.count else { return false }
        applyCancelled(event, at: moment)
        return true
    }

    /// Restores that something of a cancelled event was paid back since.
    public mutating func restorePaidBack(of event: UInt32) {
        events[Int(event)].notePaidBack()
    }

    /// When the event was cancelled; `nil` if it is not, or if there is none.
    public func cancelledAt(_ event: Code) -> Timestamp? {
        eventIndexes[event].flatMap { events[$0].cancelledAt }
    }

    /// Whether the hold would be live, had its event not been cancelled.
    func endedWithItsEvent(_ record: HoldRecord) -> Bool {
        events[Int(record.event)].cancelledAt != nil && record.isLive(at: clock)
    }

    /// A payment for a hold of a cancelled event buys nothing, in time or late.
    mutating func purchaseOfCancelled(
        _ id: HoldID, _ record: HoldRecord, _ payment: PaymentReference?, by completer: Completer
    ) -> Decision {
        let isLive = record.isLive(at: clock)
        guard let payment else {
            return isLive ? refuse(.eventCancelled(refundRequired: false)) : refuseExpired(record)
        }
        let refusal: Refusal = isLive ? .eventCancelled(refundRequired: true) : .holdExpired(refundRequired: true)
        return owe(id, record, payment, .eventCancelled, by: completer, refusal)
    }
}
