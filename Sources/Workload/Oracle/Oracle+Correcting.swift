import BoxOffice

// Judging corrections (R40 Corrections). The oracle keeps who has a hold, and the note about it, from what was
// answered.

extension Oracle {
    /// - Returns: whether the answer is one that only a correction has, and was judged.
    mutating func judgeCorrection(
        _ hold: String, _ was: Set<State>, _ request: Ask, _ heard: Heard, _ span: ClosedRange<Int64>
    ) -> Bool {
        guard case .correct(_, let from, let to, let onlyPurchase) = request.asked, let account = accounts[hold] else {
            return false
        }
        let says = Asked.Says(buyer: account.buyer, note: account.note)
        switch heard {
        case .corrected(let repeated):
            expect(hold, was, onlyPurchase ? [.purchased] : [.held, .purchased], request, heard)
            guard isSequential else { return true }
            if account.isErased { breach(.corrections, "\(hold) was corrected after it was erased") }
            if cancelled.contains(account.event), accounts[hold]?.possible == [.held] {
                breach(.cancelled, "\(hold) was corrected after its event was cancelled")
            }
            if repeated != (says == to) {
                breach(.corrections, "\(hold) says \(says), and \(to) was answered, repeated \(repeated)")
            }
            if repeated { return true }
            if says != from { breach(.corrections, "\(hold) says \(says), and was corrected from \(from)") }
            if says.buyer != to.buyer { judgeNewBuyer(to.buyer, of: hold, span) }
            take(to, hold, account)
        case .outdated:
            expect(hold, was, [.held, .purchased], request, heard)
            if isSequential, says == from || says == to {
                breach(.corrections, "\(hold) says \(says), and \(request.asked) was refused as outdated")
            }
        case .purchaseErased:
            expect(hold, was, [.purchased], request, heard)
            if isSequential, !account.isErased { breach(.corrections, "\(hold) was called erased, and was not") }
        case .buyerLimit(let remaining): judgeRefusal(request, to.buyer, hold, remaining, span)
        case .typeLimit(let type, let remaining): judgeRefusal(request, to.buyer, hold, of: type, remaining, span)
        default: return false
        }
        return true
    }

    private mutating func take(_ says: Asked.Says, _ hold: String, _ account: Account) {
        if let old = account.buyer { boughtBy[account.event]?[old]?.remove(hold) }
        if let new = says.buyer { boughtBy[account.event, default: [:]][new, default: []].insert(hold) }
        accounts[hold]?.buyer = says.buyer
        accounts[hold]?.note = says.note
    }

    /// Judges that a hold or a purchase got a new buyer, by the limits in force.
    private mutating func judgeNewBuyer(_ buyer: String?, of hold: String, _ span: ClosedRange<Int64>) {
        guard let account = accounts[hold], let definition = definitions[account.event] else { return }
        let isLive = account.possible == [.held]
        guard let buyer else {
            if definition.ticketsPerBuyer != nil || definition.holdsPerBuyer != nil {
                breach(.corrections, "\(hold) lost its buyer, and its event limits buyers")
            }
            return
        }
        let taken = taken(by: buyer, in: account.event, span, except: hold)
        let moved = isLive ? account.tickets : account.kept.lowerBound
        if let limit = definition.ticketsPerBuyer, taken.tickets.lowerBound + moved > limit {
            breach(.corrections, "\(hold), corrected, gives \(buyer) more than \(limit) tickets")
        }
        if isLive, let limit = definition.holdsPerBuyer, taken.live.lowerBound + 1 > limit {
            breach(.corrections, "\(hold), corrected, gives \(buyer) more than \(limit) live holds")
        }
        for type in definition.types {
            let code = type.code.text
            guard let limit = type.ticketsPerBuyer, let tickets = account.ofTypes[code] else { continue }
            let moved = isLive ? tickets : max(0, account.left(of: code).lowerBound)
            let had = self.taken(ofType: code, by: buyer, in: account.event, span, except: hold)
            if moved > 0, had.lowerBound + moved > limit {
                breach(.corrections, "\(hold), corrected, gives \(buyer) more than \(limit) tickets of \(code)")
            }
        }
    }

    private mutating func judgeRefusal(
        _ request: Ask, _ buyer: String?, _ hold: String, _ remaining: Int, _ span: ClosedRange<Int64>
    ) {
        guard isSequential else { return }
        guard let account = accounts[hold], let definition = definitions[account.event], let buyer else {
            return breach(.corrections, "\(request.asked) was refused for a limit, and names no buyer")
        }
        let taken = taken(by: buyer, in: account.event, span, except: hold)
        let isLive = states(of: account, span).contains(.held)
        let isFull = isLive && definition.holdsPerBuyer.map { taken.live.upperBound >= $0 } ?? false
        let limit = definition.ticketsPerBuyer ?? .max
        let left = max(0, limit - taken.tickets.upperBound)...max(0, limit - taken.tickets.lowerBound)
        let moved = isLive ? account.tickets : account.kept.upperBound
        let isOver = taken.tickets.upperBound + moved > limit && left.contains(remaining)
        if !isOver, !(isFull && remaining == 0) {
            breach(.corrections, "\(request.asked) was refused with \(remaining) left, and \(buyer) has \(taken)")
        }
    }

    private mutating func judgeRefusal(
        _ request: Ask, _ buyer: String?, _ hold: String, of type: String, _ remaining: Int,
        _ span: ClosedRange<Int64>
    ) {
        guard isSequential else { return }
        guard let account = accounts[hold], let buyer, let tickets = account.ofTypes[type],
            let limit = definitions[account.event]?.types.first(where: { $0.code.text == type })?.ticketsPerBuyer
        else { return breach(.corrections, "\(request.asked) was refused for a limit of \(type), which there is not") }
        let taken = taken(ofType: type, by: buyer, in: account.event, span, except: hold)
        let moved = states(of: account, span).contains(.held) ? tickets : account.left(of: type).upperBound
        let left = max(0, limit - taken.upperBound)...max(0, limit - taken.lowerBound)
        if taken.upperBound + moved <= limit || !left.contains(remaining) {
            breach(.corrections, "\(request.asked) was refused, \(buyer) has \(taken) of \(type), \(remaining) left")
        }
    }
}
