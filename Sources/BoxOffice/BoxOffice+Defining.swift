// Decisions about events: define, replace, pause, resume, remove.

extension BoxOffice {
    mutating func define(
        _ definition: EventDefinition, paused: Bool? = nil, expecting revision: UInt64? = nil
    ) -> Decision {
        let index = eventIndexes[definition.id]
        if let refusal = refusalOfRevision(revision, of: index) { return (.refused(refusal), nil) }
        var mistakes = definition.mistakes(limits: limits)
        if let index {
            events[index].settle(at: clock)
            mistakes += events[index].obstacles(to: definition, limits: limits)
            mistakes += obstacles(ofQueueTo: definition, in: index)
        } else if events.count >= limits.events {
            mistakes.append(.events(most: limits.events))
        }
        guard mistakes.isEmpty else { return (.refused(.invalid(mistakes)), nil) }
        let isPaused = index.map { events[$0].isPaused } ?? false
        if let index, events[index].definition == definition, isPaused == paused ?? isPaused {
            return (.eventChanged(definition.id, revision: events[index].revision), nil)
        }
        return changed(definition, paused: paused ?? isPaused)
    }

    mutating func setPaused(_ paused: Bool, _ event: Code) -> Decision {
        guard let index = eventIndexes[event] else { return (.refused(.unknownEvent), nil) }
        guard events[index].isPaused != paused else {
            return (.eventChanged(event, revision: events[index].revision), nil)
        }
        return changed(events[index].definition, paused: paused)
    }

    mutating func remove(_ event: Code, expecting revision: UInt64?) -> Decision {
        guard let index = eventIndexes[event] else { return (.refused(.unknownEvent), nil) }
        if let refusal = refusalOfRevision(revision, of: index) { return (.refused(refusal), nil) }
        events[index].settle(at: clock)
        guard !events[index].hasSold, events[index].pools.allSatisfy({ $0.promised == 0 }) else {
            return (.refused(.eventHasSales), nil)
        }
        guard events[index].confirmedDebts == 0 else { return (.refused(.eventHasDebts), nil) }
        return (.eventRemoved(event), make(.removed(event: UInt32(index))))
    }

    private mutating func changed(_ definition: EventDefinition, paused: Bool) -> Decision {
        let fact = make(.defined(definition, paused: paused))
        return (.eventChanged(definition.id, revision: definitionCount), fact)
    }

    private func refusalOfRevision(_ expected: UInt64?, of index: Int?) -> Refusal? {
        let revision = index.map { events[$0].revision } ?? 0
        guard let expected, expected != revision else { return nil }
        return .revisionMismatch(revision: revision)
    }
}
