import BoxOffice

// Partial returns (R39 Partial return): what was asked for under which key, and what is left.

extension Oracle {
    /// A part that was asked to be returned.
    struct PartReturned: Sendable {
        enum Certainty: Sendable {
            /// The one request with its key has no answer yet.
            case asked
            /// A request with its key had no answer, so the store may have done it.
            case possible
            case sure
        }

        /// The tickets of each type.
        var types: [String: Int]
        var asked: Asked
        var certainty = Certainty.asked
    }

    mutating func notePart(of hold: String, _ asked: Asked, _ lines: [Asked.Line], _ key: String) {
        guard accounts[hold]?.parts[key] == nil else { return }
        accounts[hold]?.parts[key] = PartReturned(
            types: Dictionary(lines.map { ($0.type, $0.bounded) }, uniquingKeysWith: +), asked: asked)
    }

    mutating func noteUnknown(_ request: Ask) {
        guard case .returnPart(let hold, _, _) = request.asked, let key = request.key,
            accounts[hold]?.parts[key]?.certainty == .asked
        else { return }
        accounts[hold]?.parts[key]?.certainty = .possible
    }

    /// Judges the answer to a request for a partial return.
    mutating func judgePart(
        _ hold: String, _ lines: [Asked.Line], _ key: String, _ was: Set<State>, _ request: Ask, _ heard: Heard
    ) {
        guard let part = accounts[hold]?.parts[key] else {
            return breach(.oneAnswer, "\(request.asked) was answered and not asked")
        }
        if part.asked == request.asked, case .returned(let repeated) = heard {
            if repeated, part.certainty == .asked {
                breach(.partialReturn, "\(request.asked) was said to be done before, and was not")
            }
            if !repeated, part.certainty == .sure { breach(.partialReturn, "\(request.asked) was done twice") }
            if !repeated { expect(hold, was, [.purchased], request, heard) }
            return settle(key, of: hold, !repeated, request)
        }
        if part.certainty == .sure {
            let isRight = part.asked == request.asked ? heard == .refused : heard == .keyReused || heard == .refused
            if !isRight { breach(.partialReturn, "\(request.asked) with a used key was answered \(heard)") }
            return
        }
        if part.certainty == .asked { accounts[hold]?.parts[key] = nil }
        switch heard {
        case .refused: break
        case .keyReused:
            if part.certainty == .asked || part.asked == request.asked {
                breach(.partialReturn, "\(request.asked) was called another request under a new key")
            }
        case .wasReturned: expect(hold, was, [.returned], request, heard)
        case .notPurchased: expect(hold, was, [.held, .expired, .released], request, heard)
        case .returnTooLarge(let type, let remaining):
            expect(hold, was, [.purchased], request, heard)
            let left = accounts[hold]?.left(of: type) ?? 0...0
            let wanted = lines.reduce(0) { $0 + ($1.type == type ? $1.bounded : 0) }
            if isSequential, !left.contains(remaining) || wanted <= remaining {
                breach(.partialReturn, "\(request.asked) was refused with \(remaining) left, there are \(left)")
            }
        default: breach(nil, "\(request.asked) was answered \(heard), which is not an answer to it")
        }
    }

    /// The store said that the part was returned.
    private mutating func settle(_ key: String, of hold: String, _ isNew: Bool, _ request: Ask) {
        accounts[hold]?.parts[key]?.certainty = .sure
        guard let account = accounts[hold] else { return }
        for type in account.ofTypes.keys where account.left(of: type).lowerBound < 0 {
            let sure = account.returned(type, onlySure: true)
            if sure > account.ofTypes[type] ?? 0 {
                breach(.partialReturn, "\(hold) was \(account.ofTypes), and \(sure) of \(type) were returned")
            }
        }
        if account.parts[key]?.types.keys.contains(where: { account.ofTypes[$0] == nil }) ?? false {
            breach(.partialReturn, "\(request.asked) returned a type that \(hold) has none of")
        }
        if account.kept.upperBound == 0 {
            accounts[hold]?.possible = [.returned]
        } else if isNew {
            accounts[hold]?.possible = [.purchased]
        }
    }
}

extension Oracle.Account {
    func returned(_ type: String, onlySure: Bool) -> Int {
        parts.values.reduce(0) { $0 + (onlySure && $1.certainty != .sure ? 0 : $1.types[type] ?? 0) }
    }

    /// The least and the most tickets of a type that were not returned, if it was purchased.
    func left(of type: String) -> ClosedRange<Int> {
        let all = ofTypes[type] ?? 0
        let most = all - returned(type, onlySure: true)
        return min(most, all - returned(type, onlySure: false))...most
    }

    /// The same of all types.
    var kept: ClosedRange<Int> {
        if parts.isEmpty { return tickets...tickets }
        let ranges = ofTypes.keys.map { left(of: $0) }
        return ranges.reduce(0) { $0 + max(0, $1.lowerBound) }...ranges.reduce(0) { $0 + max(0, $1.upperBound) }
    }

    /// The least and the most places of a pool that are sold by it, if it was purchased.
    ///
    /// - Parameter places: of the whole hold.
    func sold(of pool: String, _ places: Int) -> ClosedRange<Int> {
        if parts.isEmpty { return places...places }
        // `floor/guests` is an allocation of the pool, and `GA/guests` a type that draws on it.
        let names = pool.split(separator: "/").map(String.init)
        let ranges = ofTypes.keys.filter { type in
            let parts = type.split(separator: "/").map(String.init)
            guard names.count == 1 || parts.last == names.last else { return false }
            return promised.types.first { $0.code.text == parts.first }?.pools.contains { $0.text == names[0] } ?? false
        }.map { left(of: $0) }
        return ranges.reduce(0) { $0 + max(0, $1.lowerBound) }...ranges.reduce(0) { $0 + max(0, $1.upperBound) }
    }
}
