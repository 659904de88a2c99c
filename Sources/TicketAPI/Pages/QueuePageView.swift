internal import BoxOffice
internal import Pages
internal import TicketStore

/// What the page of a queue shows (Q8 Honest information).
struct QueuePageView {
    let event: EventReading
    let terms: QueueTerms
    let facts: QueueFacts
    var now: Moment
    let language: Language
    /// The store that knows the queue cannot be asked yet, after a restart: a browser with a place keeps it.
    let isRecovering: Bool

    private var definition: EventDefinition { event.definition }

    private func text(_ key: String, _ values: PageObject = [:]) -> PageValue {
        .text(Pages.text("queue.\(key)", values, in: language))
    }

    // MARK: The queue

    /// What a reader has to know first: what stops everything comes before what the queue does.
    private var situation: String {
        switch SaleState(event, at: now) {
        case .cancelled: "cancelled"
        case .ended: "ended"
        case _ where isRecovering: "recovering"
        case .paused where facts.phase == .moving: "sale_paused"
        case .notStarted, .open, .paused: facts.phase.rawValue
        }
    }

    private var isOverForGood: Bool { situation == "cancelled" || situation == "ended" }

    var values: PageObject {
        var values: PageObject = [
            "event": .text(definition.id.text), "name": .text(definition.name), "private": true,
            "phase": .text(facts.phase.rawValue), "sale": .text(SaleState(event, at: now).rawValue),
            "situation": .text(situation), "situation_label": text("phase.\(situation)"), "is_\(situation)": true,
            "message": PageValue(definition.notice), "queue_js": .text(Pages.path(of: "queue.js")),
            "has_draw": .flag(definition.opensAt != nil || facts.count != nil),
            "most": .number(definition.ticketsPerHold),
        ]
        for odds in QueueForecast.Odds.allCases { values["word_\(odds.rawValue)"] = text("odds.\(odds.rawValue)") }
        if situation == "closed", let opens = definition.queueOpensAt {
            values.set("opens", opens)
            values["opens_in"] = .text(String(max(0, opens.milliseconds - now.wall.milliseconds)))
        }
        if let opens = definition.opensAt, situation == "gathering" {
            values.set("sale_opens", opens)
            values["sale_opens_in"] = .text(String(max(0, opens.milliseconds - now.wall.milliseconds)))
        }
        return values
    }

    /// What one agrees to by joining, a sentence each.
    private var rules: [PageObject] {
        var rules: [PageValue] = []
        if facts.count != nil {
            rules.append(text("rule_behind"))
        } else if definition.opensAt != nil, facts.phase == .closed || facts.phase == .gathering {
            rules.append(text("rule_draw"))
            if let beacon = terms.beacon { rules.append(text("rule_beacon", ["beacon": .text(beacon.name)])) }
        } else {
            rules.append(text("rule_first"))
        }
        rules.append(text("rule_turn", ["time": .text(span(terms.turn))]))
        if terms.returning > .zero { rules.append(text("rule_return", ["time": .text(span(terms.returning))])) }
        rules.append(text("rule_purchases", ["purchases": .number(terms.purchasesPerEntry)]))
        rules.append(text("rule_stock"))
        if terms.identity == .device { rules.append(text("rule_device")) }
        return rules.map { ["rule": $0] }
    }

    /// Whole minutes, or seconds.
    private func span(_ duration: Duration) -> String {
        let seconds = Int(duration.components.seconds)
        let isWhole = seconds >= 60 && seconds % 60 == 0
        return Pages.text(
            isWhole ? "queue.minutes_long" : "queue.seconds_long", ["n": .number(isWhole ? seconds / 60 : seconds)],
            in: language)
    }

    // MARK: Those without an entry

    /// What somebody reads who has no place.
    var valuesWithoutEntry: PageObject {
        let entry = QueueEntry(number: EntryNumber(0), state: .closed)
        return ["poll": poll(entry)].merging(waysIn) { $1 }
    }

    private var waysIn: PageObject {
        guard !isOverForGood, !isRecovering else { return [:] }
        let isOpen = facts.phase != .closed && facts.phase != .over
        return [
            "rules": .list(rules), "has_rules": true,
            "joinable": .flag(isOpen && terms.identity == .device), "joins_elsewhere": .flag(terms.identity == .buyer),
        ]
    }

    // MARK: Those with an entry

    func values(of entry: QueueEntry) -> PageObject {
        let waits = entry.state == .waiting && !isOverForGood
        var values: PageObject = [
            "poll": poll(entry), "number": .text(String(entry.number.value)), "waits": .flag(waits),
            "passed": .flag(entry.state == .passedBy), "holds": .flag(entry.state == .inside),
            "done": .flag(entry.state == .done), "left": .flag(entry.state == .closed),
        ]
        if entry.state == .passedBy || entry.state == .closed || entry.state == .done {
            values.merge(waysIn) { $1 }
            values["again"] = true
        }
        guard waits, facts.phase != .over else { return values }
        values["stays"] = true
        // Without a script nothing is heard from the stream.
        values["refresh"] = .text(String(max(Self.leastRefresh, looksAfter(entry).inMilliseconds / 1_000)))
        guard let position = entry.position else {
            values["has_joined"] = true
            return values
        }
        let ahead = Int(entry.ahead ?? 0)
        // People count from 1.
        values["position"] = .number(Int(position) + 1)
        values["ahead"] = .number(ahead)
        let odds = facts.odds(at: position)
        values["odds"] = text("odds.\(odds.rawValue)")
        values["odds_word"] = .text(odds.rawValue)
        values["is_next"] = .flag(ahead == 0)
        if ahead > 0, let pace = facts.wait {
            values["wait"] = .text(WaitWords(ahead: ahead, secondsPerHundred: pace).text(in: language))
        }
        return values
    }

    /// Seconds before a page without a script looks again. More often it could not be read.
    private static let leastRefresh: Int64 = 20

    /// When the page looks again. Browsers wake a page in a hidden tab once a minute: what is planned for later happens after two,
    /// when nobody counts it as there any more (``QueuePresence/span``). Where no turn can begin, the page hears from the stream
    /// when that changes.
    private func pollAfter(_ entry: QueueEntry) -> Duration {
        let soon = looksAfter(entry)
        let isStill = ["over", "paused", "sale_paused"].contains(situation)
        guard isStill || soon > Self.slowest else { return soon }
        return .milliseconds(42_000 + Int64.random(in: 0...14_000))
    }

    private static let slowest = Duration.seconds(40)

    private func looksAfter(_ entry: QueueEntry) -> Duration {
        EntryDocument.pollAfter(entry, waiting: facts.joined - facts.head, chance: .random(in: 0..<1))
    }

    private func poll(_ entry: QueueEntry) -> PageValue { .text(String(pollAfter(entry).inMilliseconds)) }
}
