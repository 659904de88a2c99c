import BoxOffice
import Testing
import Workload

/// Plays a transcript. Each line is a command, with the time before it and the answer after an arrow.
///
///     10s hold main GA×2 by ann key k1 -> held 1 until 5m08s
///     5m09.999s buy 1 with p1          -> purchased 1
///
/// `code club#7` after a hold is the seventh access code of the batch `club`, and `codes main club` lists the batch.
///
/// `return 1 GA×1 key k1` returns a part. `buy 1 with p1 by shop` comes with a key, and not with a token alone; `as shop:north`
/// with that of a shop, and `as desk:anna` with an operator's. `payback 1 of p1` pays back.
/// `correct 1 buyer ann>ben note none>here` corrects buyer and note from what was seen; `purchase` only a purchase.
/// `hold main GA×1 past window+limits` has an override.
/// `hold main GA×2 pass 3@7` has the pass of the entry 3 at position 7; what follows `queue main` is in `Script+Queue.swift`.
/// `erase 1 p1 p2` knows these payments of the hold; `erase 1 purchase` erases only a purchase, `erase 1 trial` nothing.
///
/// A line without a time happens at the time of the line before. `define`, `pause`, `resume`, `count`, `left` name an
/// event or a definition; `restart` rebuilds the box office from its facts and grants the recovery grace. After every line
/// the oracle must agree.
struct Script {
    private let definitions: [String: EventDefinition]
    private let limits: Limits
    private var office: BoxOffice
    private var ledger = FoldedFacts()
    private var oracle: Oracle
    private var now: Int64 = 0
    /// The time of day minus the store's clock.
    private var wallOffset: Int64 = 0

    /// Plays `text` on `definitions`. The first `defined` of them are defined beforehand.
    static func play(
        _ definitions: [String: EventDefinition], limits: Limits = Limits(), _ text: String,
        location: SourceLocation = #_sourceLocation
    ) {
        var script = Script(definitions, limits)
        var played: [String] = []
        for line in text.split(separator: "\n") {
            let command = line.prefix(upTo: line.firstRange(of: "->")?.lowerBound ?? line.endIndex)
            played.append("\(command)-> \(script.answer(to: command.split(separator: " ").map(String.init)))")
        }
        let expected = text.split(separator: "\n").map(String.init)
        for (wanted, got) in zip(expected, played) where wanted != got {
            Issue.record("expected: \(wanted)\n     got: \(got)", sourceLocation: location)
        }
        #expect(script.oracle.breaches == [], sourceLocation: location)
    }

    private init(_ definitions: [String: EventDefinition], _ limits: Limits) {
        self.definitions = definitions
        self.limits = limits
        office = BoxOffice(limits: limits)
        // With little room, keys of ended holds may expire at any time.
        let endedKeyRetention = limits.keys < 1_000 ? .zero : limits.endedKeyRetention
        oracle = Oracle(keyRetention: limits.keyRetention, endedKeyRetention: endedKeyRetention)
    }

    private var moment: Moment {
        Moment(office: Timestamp(milliseconds: now), wall: WallTime(milliseconds: now + wallOffset))
    }

    private mutating func answer(to line: [String]) -> String {
        var words = line
        if let first = words.first, first.first?.isNumber ?? false, let time = Self.milliseconds(first) {
            now = time
            words.removeFirst()
        }
        let answer = act(words)
        // Counted on a copy, because reading the numbers settles them.
        var copy = office
        let counts = copy.counts(at: moment)
        if let count = counts.first(where: { !$0.balances }) { return answer + " UNBALANCED \(count)" }
        oracle.compare(with: counts, at: now...now)
        return answer
    }

    private mutating func act(_ words: [String]) -> String {
        let name = words.count > 1 ? words[1] : ""
        switch words.first {
        case "count": return count(name)
        case "left": return left(name)
        case "codes": return codes(name, words.last ?? "")
        case "tidy":
            office.tidy()
            return "done"
        case "clock":
            wallOffset += Self.milliseconds(name) ?? 0
            return "set"
        case "restart": return restart()
        default: break
        }
        guard let command = command(words) else { return "NOT UNDERSTOOD" }
        guard let decision = office.decide(command, at: moment, recallingFrom: ledger) else { return "NOT AT HAND" }
        if let fact = decision.fact { ledger.add(fact) }
        oracle.write(command, decision.outcome, at: moment)
        return Self.text(decision.outcome)
    }

    private func command(_ words: [String]) -> Command? {
        func value(after word: String) -> String? {
            words.firstIndex(of: word).flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
        }
        guard words.count > 1 else { return nil }
        let id = HoldID(UInt64(words[1]) ?? 0)
        let key = value(after: "key").map { IdempotencyKey(named: $0) }
        switch words[0] {
        case "hold":
            guard let event = Code(words[1]), let all = OneOrMore(lines(in: words)) else { return nil }
            return .hold(
                HoldRequest(
                    event: event, lines: all, buyer: value(after: "by").flatMap { Buyer($0) }, key: key,
                    override: Self.override(value(after: "past")), code: value(after: "code").flatMap(Self.accessCode),
                    pass: value(after: "pass").flatMap(Self.pass)))
        case "extend": return .extend(id, key: key)
        case "release": return .release(id)
        case "buy":
            let payment = value(after: "with").flatMap { PaymentReference($0) }
            let seller = value(after: "as").flatMap(Self.seller)
            return .purchase(id, payment, by: seller ?? (words.contains("shop") ? .key : .token))
        case "payback": return value(after: "of").flatMap { PaymentReference($0) }.map { .payBack(id, $0) }
        case "correct":
            func change(_ word: String) -> [String?] {
                let texts = (value(after: word) ?? "none").split(separator: ">").map { $0 == "none" ? nil : String($0) }
                return [texts[0], texts[texts.count - 1]]
            }
            let (buyer, note) = (change("buyer").map { $0.flatMap { Buyer($0) } }, change("note"))
            let notes = note.map { $0.flatMap { SaleNote($0) } }
            return .correct(
                id,
                Correction(
                    from: .init(buyer: buyer[0], note: notes[0]), to: .init(buyer: buyer[1], note: notes[1]),
                    onlyPurchase: words.contains("purchase")))
        case "erase":
            let known = words.filter { $0.hasPrefix("p") && $0.dropFirst().allSatisfy(\.isNumber) }
            return .erase(
                ErasureRequest(
                    hold: id, references: known.compactMap { PaymentReference($0) },
                    onlyPurchase: words.contains("purchase"), isTrial: words.contains("trial")))
        case "return":
            let lines = lines(in: words).compactMap { PartReturn.Line(type: $0.type, quantity: $0.quantity) }
            guard let key, let all = OneOrMore<PartReturn.Line>(lines) else { return .returnPurchase(id) }
            return .returnPart(
                id, PartReturn(lines: all, reason: value(after: "because").flatMap(ReasonText.init), key: key))
        case "look": return .look(id)
        case "queue": return Code(words[1]).flatMap { event in Self.queue(words).map { .queue(event, $0) } }
        case "define":
            let revision = value(after: "at").flatMap { UInt64($0) }
            let paused = words.contains("paused") ? true : words.contains("open") ? false : nil
            return definitions[words[1]].map { .define($0, paused: paused, expecting: revision) }
        case "remove":
            return Code(words[1]).map { .remove(event: $0, expecting: value(after: "at").flatMap { UInt64($0) }) }
        case "cancel": return Code(words[1]).map { .cancel(event: $0) }
        case "reinstate": return Code(words[1]).map { .reinstate(event: $0) }
        case "pause": return Code(words[1]).map { .pause(event: $0) }
        case "resume": return Code(words[1]).map { .resume(event: $0) }
        default: return nil
        }
    }

    private func lines(in words: [String]) -> [Line] {
        words.compactMap { word in
            let parts = word.split(separator: "×")
            guard parts.count == 2, let type = Code(kept: String(parts[0])) else { return nil }
            // `GA×4/2`: four, at least two.
            let numbers = parts[1].split(separator: "/").compactMap { Int($0) }
            guard let quantity = numbers.first else { return nil }
            return Line(type: type, quantity: quantity, minimum: numbers.dropFirst().first)
        }
    }

    /// The service crashes and starts again with nothing but its facts.
    private mutating func restart() -> String {
        office = ledger.restored(limits: limits)
        now = office.clock.milliseconds
        let granted = office.grantRecoveryGrace()
        for fact in granted { ledger.add(fact) }
        oracle.restarted(died: 0...now, ready: now...now, clockLost: .zero, recoveryGrace: limits.recoveryGrace)
        return "at \(Self.time(now))"
    }

    private mutating func count(_ event: String) -> String {
        office.counts(at: moment).filter { $0.event.text == event }.map {
            "\($0.pool): \($0.free) free \($0.held) held \($0.sold) sold"
                + ($0.oversubscribed > 0 ? " \($0.oversubscribed) too many" : "") + ($0.isClosed ? " closed" : "")
        }.joined(separator: ", ")
    }

    private static func seller(_ text: String) -> Completer? {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let name = Seller(String(parts[1])) else { return nil }
        return .seller(name, isShop: parts[0] == "shop")
    }

    private static func override(_ text: String?) -> Override {
        let past = text?.split(separator: "+").map(String.init) ?? []
        return Override(Override.Check.allCases.filter { past.contains("\($0)") }.map { Override($0) })
    }

    private static func accessCode(_ text: String) -> AccessCode? {
        let parts = text.split(separator: "#")
        guard parts.count == 2, let batch = Code(String(parts[0])), let number = Int(parts[1]) else { return nil }
        return AccessCode(batch: batch, number: number)
    }

    private mutating func codes(_ event: String, _ batch: String) -> String {
        guard let event = Code(event), let batch = Code(batch),
            let codes = office.codes(of: batch, in: event, after: 0, limit: .max, at: moment)
        else { return "no batch" }
        oracle.compare(with: codes, of: batch.text, in: event.text, at: now...now)
        return codes.map { "\($0.number): \($0.held) held \($0.sold) sold" + ($0.isRevoked ? " revoked" : "") }
            .joined(separator: ", ")
    }

    private mutating func left(_ event: String) -> String {
        guard let event = Code(event), let left = office.availability(of: event, at: moment) else { return "no event" }
        let types = left.types.map { "\($0.code) \($0.free)" }.joined(separator: " ")
        return "\(left.free): \(types)" + (left.validUntil.map { " until \(Self.time($0.milliseconds))" } ?? "")
    }
}
