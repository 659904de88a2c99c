internal import BoxOffice
internal import StrictJSON
internal import TicketStore

/// How a sale goes right now, as JSON (R52 Pulse).
enum PulseDocument {
    static func write(_ pulse: Pulse) -> [UInt8] {
        var writer = JSONWriter(reserving: 12_288)
        let moment = pulse.numbers.at
        writer.object { writer in
            writer.member("event", pulse.event.definition.id.text)
            writer.member("at", moment.wall)
            writer.member("state", pulse.state.rawValue)
            writer.member("pools") { value in
                value.array { list in
                    for pool in pulse.pools {
                        list.object { item in
                            item.numbers(of: pool)
                            item.member("closed", pool.isClosed)
                        }
                    }
                }
            }
            writer.member("holds", pulse.numbers.holds)
            writer.member("next_hold_ends_at", pulse.numbers.nextExpiry.map(moment.wallTime))
            writer.member("sold_out_at", pulse.soldOut)
            writer.member("last_hour") { value in value.object { hour(pulse, to: &$0) } }
            writer.member("since_start") { value in value.object { sinceStart(pulse, to: &$0) } }
            writer.member("refunds_owed") { value in
                guard let debts = pulse.debts else { return value.value(String?.none) }
                value.object { owed in
                    owed.member("count", debts.count)
                    owed.member("more", debts.more)
                    owed.member("totals") { value in
                        value.array { list in
                            for (currency, total) in debts.totals {
                                list.object { item in
                                    item.member("currency", currency)
                                    item.member("total", total)
                                }
                            }
                        }
                    }
                }
            }
            writer.member("balanced", pulse.balances)
            writer.member("waits") { value in
                value.object { waits in
                    for (name, took) in pulse.waits { waits.member(name) { write(took, to: &$0) } }
                }
            }
            writer.member("health") { value in value.object { health(pulse, to: &$0) } }
        }
        return writer.bytes
    }

    private static func hour(_ pulse: Pulse, to writer: inout JSONWriter) {
        figures(pulse.hour, to: &writer)
        writer.member("conversion_permille", pulse.conversion)
        writer.member("minutes") { value in
            value.array { list in
                for minute in pulse.minutes {
                    list.object { item in
                        item.member("at", minute.at)
                        figures(minute, to: &item)
                        item.member("places_held", minute.held)
                        item.member("places_sold", minute.sold)
                    }
                }
            }
        }
    }

    private static func figures(_ minute: MinuteFigures, to writer: inout JSONWriter) {
        writer.member("holds", minute.holds)
        writer.member("purchases", minute.purchases)
        writer.member("releases", minute.releases)
        writer.member("refusals", minute.refusals)
        writer.member("expired", minute.expired)
    }

    private static func sinceStart(_ pulse: Pulse, to writer: inout JSONWriter) {
        writer.member("at", pulse.since)
        writer.member("late_purchases", pulse.latePurchases)
        writer.member("refused") { value in
            value.array { list in
                for reason in pulse.refusedHolds {
                    list.object { item in
                        item.member("code", reason.problem.code)
                        item.member("count", reason.count)
                    }
                }
            }
        }
    }

    private static func write(_ took: DurationHistogram, to writer: inout JSONWriter) {
        writer.object { item in
            item.member("count", took.count)
            item.member("p50_us", took.percentile(50))
            item.member("p99_us", took.percentile(99))
        }
    }

    private static func health(_ pulse: Pulse, to writer: inout JSONWriter) {
        let (status, reason): (String, String?) =
            switch pulse.condition {
            case .selling: (pulse.concerns.isEmpty ? "ready" : "degraded", nil)
            case .suspended(let why): ("suspended", why.rawValue)
            case .closing: ("closing", nil)
            }
        writer.member("status", status)
        writer.member("reason", reason)
        writer.concerns(pulse.concerns)
        writer.durability(pulse.promise)
    }
}
