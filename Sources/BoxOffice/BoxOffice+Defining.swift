// Deciding about events: defining, replacing, pausing, resuming.

extension BoxOffice {
    mutating func define(_ definition: EventDefinition) -> Decision {
        var mistakes = definition.mistakes(limits: limits)
        let index = eventIndexes[definition.id]
        if let index {
            events[index].settle(at: clock)
            mistakes += events[index].obstacles(to: definition, limits: limits)
        } else if events.count >= limits.events {
            mistakes.append(Mistake("/id", "would be more than \(limits.events) events"))
        }
        guard mistakes.isEmpty else { return Decision(.refused(.invalid(mistakes))) }
        if let index, events[index].definition == definition { return Decision(.eventChanged(definition.id)) }
        let fact = make(.defined(definition, paused: index.map { events[$0].isPaused } ?? false))
        return Decision(.eventChanged(definition.id), fact)
    }

    mutating func setPaused(_ paused: Bool, _ event: Code) -> Decision {
        guard let index = eventIndexes[event] else { return Decision(.refused(.unknownEvent)) }
        guard events[index].isPaused != paused else { return Decision(.eventChanged(event)) }
        let fact = make(.defined(events[index].definition, paused: paused))
        return Decision(.eventChanged(event), fact)
    }
}
