internal import BoxOffice
internal import Pages
internal import StrictJSON
internal import TicketStore

/// How a sale goes, as the operators' pages show it (R52 Pulse).
struct PulseValues {
    let pulse: Pulse
    let language: Language

    /// The width of a bar of places, in its own units.
    private static let barWidth = 1_000
    /// The height of a chart, and the width of one minute in it.
    private static let chartHeight: UInt64 = 60
    private static let minuteWidth = 10

    var values: PageObject {
        let hour = pulse.hour
        let last = pulse.minutes.dropLast().last ?? hour
        var values: PageObject = [
            "code": .text(pulse.event.definition.id.text), "name": .text(pulse.event.definition.name),
            "state": .text(pulse.state.rawValue), "label": text("state.\(pulse.state.rawValue)"),
            "notice": PageValue(pulse.event.definition.notice),
            "is_paused": .flag(pulse.event.isPaused), "is_cancelled": .flag(pulse.event.isCancelled),
            "pools": .list(pulse.pools.map(pool)), "all": .object(all),
            "last_holds": .number(Int(last.holds)), "last_purchases": .number(Int(last.purchases)),
            "hour_holds": .number(Int(hour.holds)), "hour_purchases": .number(Int(hour.purchases)),
            "hour_releases": .number(Int(hour.releases)), "hour_refusals": .number(Int(hour.refusals)),
            "conversion": PageValue(pulse.conversion.map { "\($0 / 10) %" }),
            "late": pulse.latePurchases == 0 ? false : .number(Int(pulse.latePurchases)),
            "charts": .list(charts), "refused": .list(refused), "waits": .list(waits),
            "troubles": .list(troubles.map { ["text": .text($0)] }), "is_well": .flag(troubles.isEmpty),
            "mood": .text(pulse.state == .open ? "good" : ""),
            "balanced": .flag(pulse.balances),
            "durability_holds": .text(promise(pulse.promise.holds)),
            "durability_purchases": .text(promise(pulse.promise.purchases)),
        ]
        values.set("at", pulse.numbers.at.wall)
        values["as_of_iso"] = .text(pulse.numbers.at.wall.rfc3339)
        values["as_of"] = .text(language.text(ofTime: pulse.numbers.at.wall.milliseconds))
        values.set("since", pulse.since)
        if let holds = pulse.numbers.holds { values["holds"] = .number(holds) }
        if let debts = pulse.debts, debts.count > 0 {
            let totals = debts.totals.map { language.text(of: $0.total, in: $0.currency) }.joined(separator: ", ")
            let more = debts.more ? "> " : ""
            values["debts"] = .text(more + language.text(of: debts.count))
            values["owed_total"] = .text(more + totals)
        }
        if let next = pulse.numbers.nextExpiry {
            let wall = pulse.numbers.at.wallTime(of: next)
            values["next_end"] = .text(language.text(ofTime: wall.milliseconds))
            values["next_end_iso"] = .text(wall.rfc3339)
        }
        if let soldOut = pulse.soldOut { values.set("sold_out", soldOut) }
        return values
    }

    private func text(_ key: String, _ values: PageObject = [:]) -> PageValue {
        .text(Pages.text("operate.\(key)", values, in: language))
    }

    /// The store's own sentence is in English; in other languages its first word says how much it is worth.
    private func promise(_ sentence: String) -> String {
        guard language != .english, let word = sentence.split(whereSeparator: { ":, ".contains($0) }).first else {
            return sentence
        }
        return Pages.wording(language).texts["operate.promise.\(word)"] ?? sentence
    }

    // MARK: Places

    private func pool(_ pool: PoolCount) -> PageObject {
        var values = places(pool.capacity, free: pool.free, held: pool.held, sold: pool.sold)
        values["name"] = .text(pool.pool.whole.text)
        values["allocation"] = PageValue(pool.pool.allocation?.text)
        values["oversubscribed"] = pool.oversubscribed == 0 ? false : .number(pool.oversubscribed)
        values["closed"] = .flag(pool.isClosed)
        return values
    }

    /// All pools together, without what allocations count twice.
    private var all: PageObject {
        let pools = pulse.numbers.wholePools
        func sum(_ part: (PoolCount) -> Int) -> Int { pools.reduce(0) { $0 + part($1) } }
        return places(sum(\.capacity), free: sum(\.free), held: sum(\.held), sold: sum(\.sold))
    }

    private func places(_ capacity: Int, free: Int, held: Int, sold: Int) -> PageObject {
        // A share that is there is seen, however small.
        let whole = max(1, free + held + sold)
        func width(_ part: Int) -> Int { part == 0 ? 0 : max(4, part * Self.barWidth / whole) }
        let soldWidth = width(sold)
        return [
            "capacity": .number(capacity), "free": .number(free), "held": .number(held), "sold": .number(sold),
            "sold_width": .text("\(soldWidth)"), "held_width": .text("\(min(width(held), Self.barWidth - soldWidth))"),
        ]
    }

    // MARK: The last hour

    private var charts: [PageObject] {
        var charts = [chart("holds", \.holds), chart("purchases", \.purchases), chart("refusals", \.refusals)]
        if pulse.hour.expired != nil { charts.append(chart("expired") { $0.expired ?? 0 }) }
        return charts
    }

    /// One bar a minute, as a path.
    private func chart(_ name: String, _ figure: (MinuteFigures) -> UInt64) -> PageObject {
        let figures = pulse.minutes.map(figure)
        let most = figures.max() ?? 0
        var path = ""
        for (minute, figure) in figures.enumerated() where figure > 0 {
            let height = max(2, figure * Self.chartHeight / most)
            path += "M\(minute * Self.minuteWidth) \(Self.chartHeight)v-\(height)h8v\(height)z"
        }
        return [
            "kind": .text(name), "title": text("chart.\(name)"), "path": .text(path),
            "sum": .number(Int(figures.reduce(0, +))), "most": .number(Int(most)),
            "latest": .number(Int(figures.dropLast().last ?? 0)),
        ]
    }

    private var refused: [PageObject] {
        pulse.refusedHolds.sorted { $0.count > $1.count }.map { problem, count in
            ["reason": reason(problem), "count": .number(Int(count))]
        }
    }

    /// Why holds were refused, in the reader's language where it has words for it.
    private func reason(_ problem: Problem) -> PageValue {
        let key = "operate.reason.\(problem.code)"
        return .text(Pages.wording(language).texts[key] ?? problem.title)
    }

    private var waits: [PageObject] {
        pulse.waits.compactMap { name, took in
            guard let half = took.percentile(50), let most = took.percentile(99) else { return nil }
            return [
                "name": text("waits.\(name)"), "half": .text(milliseconds(half)), "most": .text(milliseconds(most)),
            ]
        }
    }

    /// Microseconds as milliseconds, with a digit behind the point while they are few.
    private func milliseconds(_ microseconds: UInt64) -> String {
        let tenths = (microseconds + 50) / 100
        guard tenths < 100 else { return language.text(of: Int(tenths / 10)) + "\u{a0}ms" }
        let point = language == .german ? "," : "."
        return "\(tenths / 10)\(point)\(max(tenths % 10, tenths == 0 ? 1 : 0))\u{a0}ms"
    }

    // MARK: What is wrong

    /// A sentence for everything that somebody should look into.
    private var troubles: [String] {
        Self.serviceTroubles(pulse.condition, pulse.concerns, in: language) + eventTroubles
    }

    /// What concerns every event.
    static func serviceTroubles(
        _ condition: StoreCondition, _ concerns: [StoreConcern], in language: Language
    ) -> [String] {
        let concerns = concerns.map { trouble("concern", ["detail": .text($0.detail)], in: language) }
        return switch condition {
        case .selling: concerns
        case .suspended(let reason):
            [trouble("suspended", ["reason": .text(reason.rawValue)], in: language)] + concerns
        case .closing: [trouble("closing", in: language)] + concerns
        }
    }

    /// What concerns this event.
    var eventTroubles: [String] {
        var troubles: [String] = []
        if !pulse.balances { troubles.append(Self.trouble("unbalanced", in: language)) }
        if let debts = pulse.debts {
            if debts.count > 0 {
                troubles.append(Self.trouble("debts", ["count": .number(debts.count)], in: language))
            }
        } else {
            troubles.append(Self.trouble("debts_unknown", in: language))
        }
        return troubles
    }

    private static func trouble(_ key: String, _ values: PageObject = [:], in language: Language) -> String {
        Pages.text("operate.trouble.\(key)", values, in: language)
    }
}
