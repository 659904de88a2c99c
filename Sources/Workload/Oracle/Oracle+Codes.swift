public import BoxOffice

// Judging by access codes (R46 Access codes). A code is written as its batch and its number: `club#7`.

extension Oracle {
    /// The batch of a code in the definition in force, if the code is good for something.
    func batch(of code: String, in event: String) -> EventDefinition.CodeBatch? {
        let parts = code.split(separator: "#")
        guard parts.count == 2, let number = Int(parts[1]) else { return nil }
        return definitions[event]?.codes.first { batch in
            batch.name.text == parts[0] && !batch.isRevoked && (1...batch.count).contains(number)
                && !batch.revoked.contains(number)
        }
    }

    /// The lines as a code lets them draw on its allocation.
    func drawn(_ lines: [Asked.Line], with code: String?, in event: String) -> [Asked.Line] {
        guard let code, let name = batch(of: code, in: event)?.allocation else { return lines }
        return lines.map { line in
            let whole = line.type.split(separator: "/").first.map(String.init) ?? line.type
            return Asked.Line(type: "\(whole)/\(name)", quantity: line.quantity, minimum: line.minimum)
        }
    }

    /// The least and the most tickets that are taken with a code.
    func taken(with code: String, in event: String, _ span: ClosedRange<Int64>, except: String? = nil) -> ClosedRange<
        Int
    > {
        var (least, most) = (0, 0)
        for hold in withCode[event]?[code] ?? [] where hold != except {
            guard let account = accounts[hold] else { continue }
            let states = states(of: account, span)
            if states.isSubset(of: [.held, .purchased]) {
                least += states.contains(.purchased) ? max(0, account.kept.lowerBound) : account.tickets
            }
            if !states.isDisjoint(with: [.held, .purchased]) {
                most += states.contains(.held) ? account.tickets : account.kept.upperBound
            }
        }
        for ghost in ghosts.values where ghost.event == event && ghost.code == code && span.lowerBound < ghost.latestEnd
        {
            most += ghost.tickets
        }
        return least...most
    }

    /// Whether the present time of day is certainly outside what the code is good for.
    private func isOutside(_ batch: EventDefinition.CodeBatch) -> Bool {
        guard let wall else { return false }
        return batch.opensAt.map { wall < $0 } ?? false || batch.closesAt.map { wall >= $0 } ?? false
    }

    /// Judges a new hold with a code.
    mutating func judgeCode(
        of hold: String, _ code: String, _ lines: [Asked.Line], _ event: String, _ now: ClosedRange<Int64>
    ) {
        guard let batch = batch(of: code, in: event) else {
            return breach(.codes, "\(hold) was given for \(code), which is good for nothing")
        }
        let whole = lines.map { $0.type.split(separator: "/").first.map(String.init) ?? $0.type }
        if !batch.types.isEmpty, !whole.allSatisfy({ type in batch.types.contains { $0.text == type } }) {
            breach(.codes, "\(hold) was given for \(lines), and \(code) is good for \(batch.types)")
        }
        if isOutside(batch) { breach(.codes, "\(hold) was given outside the time of \(code)") }
        let tickets = lines.reduce(0) { $0 + $1.bounded }
        if taken(with: code, in: event, now).lowerBound + tickets > batch.tickets {
            breach(.codes, "\(hold) takes more than the \(batch.tickets) tickets of \(code)")
        }
    }

    mutating func judgeUsedUp(
        _ remaining: Int, _ code: String?, _ asked: Int, _ event: String, _ span: ClosedRange<Int64>
    ) {
        guard let code, let batch = batch(of: code, in: event) else {
            return breach(.codes, "\(event) refused a code as used up, and there is no such code")
        }
        let taken = taken(with: code, in: event, span)
        let left = max(0, batch.tickets - taken.upperBound)...max(0, batch.tickets - taken.lowerBound)
        if taken.upperBound + asked <= batch.tickets || !left.contains(remaining) {
            breach(.codes, "\(asked) tickets were refused with \(code), with \(taken) taken and \(remaining) left")
        }
    }

    /// Whether a code may be the reason why a hold got no more tickets.
    func isUsedUp(_ code: String?, _ event: String, _ now: ClosedRange<Int64>) -> Bool {
        guard let code, let batch = batch(of: code, in: event) else { return false }
        return taken(with: code, in: event, now).upperBound >= batch.tickets
    }

    /// Judges a late purchase.
    mutating func judgeLateCode(of hold: String, _ account: Account, _ span: ClosedRange<Int64>) {
        guard let code = account.code else { return }
        guard let batch = batch(of: code, in: account.event), !isOutside(batch) else {
            return breach(.codes, "\(hold) was won back with \(code), which is good for nothing now")
        }
        let taken = taken(with: code, in: account.event, span, except: hold)
        if taken.lowerBound + account.tickets > batch.tickets {
            breach(.codes, "\(hold), paid late, takes more than the \(batch.tickets) tickets of \(code)")
        }
    }

    /// Whether a late payment may lose because of its code.
    func couldLoseByCode(_ account: Account, _ hold: String, _ span: ClosedRange<Int64>) -> Bool {
        guard let code = account.code else { return false }
        guard let batch = batch(of: code, in: account.event) else { return true }
        if wall == nil ? batch.opensAt != nil || batch.closesAt != nil : isOutside(batch) { return true }
        return taken(with: code, in: account.event, span, except: hold).upperBound + account.tickets > batch.tickets
    }

    /// Compares the store's own counts of a batch's codes with the answers. No request may be under way.
    public mutating func compare(
        with counts: [CodeCount], of batch: String, in event: String, at span: ClosedRange<Int64>
    ) {
        for count in counts {
            let code = "\(batch)#\(count.number)"
            let taken = taken(with: code, in: event, span)
            if !taken.contains(count.held + count.sold) {
                breach(
                    .codes, "\(code) of \(event) has \(count.held + count.sold) tickets taken, answered were \(taken)")
            }
            if count.isRevoked != (self.batch(of: code, in: event) == nil) {
                breach(.codes, "\(code) of \(event) is listed as revoked \(count.isRevoked)")
            }
        }
    }
}
