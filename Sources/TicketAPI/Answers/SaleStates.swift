package import BoxOffice
package import TicketStore

/// Whether an event sells now.
package enum SaleState: String, Sendable {
    case notStarted = "not_started"
    case open
    case paused
    case ended
    case cancelled

    package init(_ event: EventReading, at moment: Moment) {
        if event.isCancelled {
            self = .cancelled
            return
        }
        let definition = event.definition
        self =
            SaleState(from: definition.opensAt, to: definition.closesAt, at: moment)
            ?? (event.isPaused ? .paused : .open)
    }

    /// `nil` within the window.
    init?(from opensAt: WallTime?, to closesAt: WallTime?, at moment: Moment) {
        if let opensAt, moment.wall < opensAt {
            self = .notStarted
        } else if let closesAt, moment.wall >= closesAt {
            self = .ended
        } else {
            return nil
        }
    }
}

/// Whether an event sells now, and which of its types do (R44 Terms of a type).
package struct SaleStates: Equatable, Sendable {
    package let event: SaleState
    /// The types with a window of their own, in the order of the definition.
    private let types: [TypeWindow]

    private struct TypeWindow: Equatable, Sendable {
        let code: Code
        let state: SaleState
    }

    package init(_ event: EventReading, at moment: Moment) {
        self.event = SaleState(event, at: moment)
        types = event.definition.types.lazy.filter(\.hasWindow).map {
            TypeWindow(code: $0.code, state: SaleState(from: $0.opensAt, to: $0.closesAt, at: moment) ?? .open)
        }
    }

    package func state(of type: Code) -> SaleState {
        guard event == .open, !types.isEmpty else { return event }
        return types.first { $0.code == type }?.state ?? .open
    }

    /// A text that differs where a state does; for tags.
    package var tag: String {
        types.isEmpty ? event.rawValue : event.rawValue + "-" + types.map { $0.state.rawValue.prefix(1) }.joined()
    }
}
