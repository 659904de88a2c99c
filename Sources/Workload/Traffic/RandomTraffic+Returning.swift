import BoxOffice

// Partial returns: right ones, ones of more than there is, and the same key again with the same request or another one.

extension RandomTraffic {
    mutating func returnPart(_ id: HoldID, of definition: EventDefinition) -> Command {
        if chance.chance(25), let used = chance.one(of: Array(partReturns.suffix(8))) {
            guard chance.chance(40), case .returnPart(let id, var part) = used,
                let other = PartReturn.Line(type: part.lines.first.type, quantity: part.lines.first.quantity &+ 1)
            else { return used }
            part.lines.first = other
            return .returnPart(id, part)
        }
        var lines: [PartReturn.Line] = []
        for _ in 0..<(chance.chance(80) ? 1 : chance.number(in: 2...3)) {
            let type = chance.one(of: definition.types)?.code ?? definition.id
            let quantity = chance.chance(5) ? chance.one(of: [1_000, .max]) ?? 1 : chance.number(in: 1...3)
            if let line = PartReturn.Line(type: type, quantity: quantity) { lines.append(line) }
        }
        guard let all = OneOrMore<PartReturn.Line>(lines) else { return .returnPurchase(id) }
        let reason = chance.chance(50) ? ReasonText("reason \(partReturns.count % 3)") : nil
        let command = Command.returnPart(id, PartReturn(lines: all, reason: reason, key: newKey()))
        partReturns.append(command)
        return command
    }
}
