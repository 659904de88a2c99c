import BoxOffice
import Foundation
import StoreContract
import Testing

/// A mistake in the functions: a text that they have once, and what takes its place.
struct PlantedMistake: CustomTestStringConvertible, Sendable {
    let name: String
    let right: String
    let wrong: String

    var testDescription: String { name }

    init(_ name: String, _ right: String, _ wrong: String) {
        self.name = name
        self.right = right
        self.wrong = wrong
    }

    /// The functions with the mistake in them.
    func planted(in functions: String) -> String {
        #expect(functions.components(separatedBy: right).count == 2, "\(name): not there once")
        return functions.replacingOccurrences(of: right, with: wrong)
    }

    /// Mistakes in holding and in what a hold becomes.
    static let inSelling = [
        PlantedMistake(
            "deadline off by one: a hold is good at its deadline (R6 Deadline)",
            "return record.state == HELD and event.office < record.deadline",
            "return record.state == HELD and event.office <= record.deadline"),
        PlantedMistake(
            "a corrected purchase still counts for its former buyer (R40 Corrections)",
            "if is_sold then add_bought(event, record, kept_lines(record), -1) else", "if not is_sold then"),
        PlantedMistake(
            "a correction gives a buyer more than the limit (R40 Corrections)",
            "if quantity_of(lines) > remaining then return pack('<Bd', REFUSED.buyer_limit, remaining) end", ""),
        PlantedMistake(
            "a correction overwrites another one unseen (R40 Corrections)",
            "if record.buyer ~= command.from_buyer or record.note ~= command.from_note then", "if false then"),
        PlantedMistake(
            "deadline off by one: places come back a millisecond later (R2 Never twice, never lost)",
            "if first > 0 and first <= last then", "if first > 0 and first < last then"),
        PlantedMistake(
            "grace added instead of taken off (R6 Deadline)", "terms - 1, deadline - told.grace,",
            "terms - 1, deadline + told.grace,"),
        PlantedMistake(
            "sum not taken over lines (R3 One decision per hold)", "needs[pool] = (needs[pool] or 0) + lines[line + 1]",
            "needs[pool] = lines[line + 1]"),
        PlantedMistake(
            "only the first pool taken (R3 One decision per hold)",
            """
                for _, pool in ipairs(terms.types[lines[line] + 1].pools) do
                  hold_places(event, pool, lines[line + 1], deadline)
            """,
            """
                for _, pool in ipairs({ terms.types[lines[line] + 1].pools[1] }) do
                  hold_places(event, pool, lines[line + 1], deadline)
            """),
        PlantedMistake(
            "pools before the buyer's limit (R3 One decision per hold)",
            "return refusal_of_buyer(event, buyer, quantity_of(lines))",
            "return refusal_of_pools(event, lines) or refusal_of_buyer(event, buyer, quantity_of(lines))"),
        PlantedMistake(
            "a key that holds again (R15 Idempotency keys)",
            "    if answer then return answer end\n  end\n  local terms, asked", "  end\n  local terms, asked"),
        PlantedMistake(
            "a key counts for ever (R2 Never twice, never lost; R15 Idempotency keys)",
            "if not counts(event, record, at) then return nil end", ""),
        PlantedMistake(
            "the key of a hold that ended counts for a day (R15 Idempotency keys)",
            "return age <= event.limits.key_retention and is_live_or_sold(event, record)",
            "return age <= event.limits.key_retention"),
        PlantedMistake(
            "a replay shows the hold as it was (R15 Idempotency keys)",
            "return view_of(event, outcome, OUTCOME_FLAG.repeated, record)",
            "return view(event, outcome, OUTCOME_FLAG.repeated, number, HELD, pack_lines(record.lines), record.deadline, 0)"
        ),
        PlantedMistake(
            "another request under a key gets the first one's answer (R15 Idempotency keys)",
            "if known ~= print then return refused(REFUSED.key_reused) end", ""),
        PlantedMistake(
            "a release gives back and the deadline again (R12 Release once)",
            """
            function release_places(event, pool, quantity, deadline)
              remove_entry(event, pool, quantity, deadline)
            """, "function release_places(event, pool, quantity, deadline)"),
        PlantedMistake("the hold stays held (R12 Release once)", "record.state = RELEASED", "record.late = 0"),
        PlantedMistake(
            "a late purchase takes places that are not there (R9 Late payment)",
            "    or refusal_of_pools(event, record.lines) then",
            "    then"),
        PlantedMistake(
            "a late purchase dodges the buyer's limit (R9 Late payment)",
            "elseif record.erased_at > 0 or not fits_limit(event, record) or not",
            "elseif record.erased_at > 0 or not"),
        PlantedMistake(
            "strict is taken for reacquire (R9 Late payment)", "if not event.terms.told[record.terms].reacquires then",
            "if false then"),
        PlantedMistake(
            "one payment buys two holds (R10 One payment, one hold)", "if bought and bought ~= name then",
            "if false then"),
        PlantedMistake(
            "a second payment for a paid hold is taken for the first (R8 Purchase once)",
            "if payment ~= '' and not bought then return owe(event, record, command, debt, REASON.already_purchased, REFUSED.payment) end",
            ""),
        PlantedMistake(
            "a shop is shown what another one sold (R48 Operator keys)",
            "and record.seller ~= '' and record.seller ~= command.seller then", "and false then"),
        PlantedMistake(
            "a change of a purchase forgets who sold (R48 Operator keys)",
            "return record.seller ~= '' and text", "return record.seller ~= '' and not record.returns and text"),
        PlantedMistake(
            "extensions without end (R13 Extension)",
            "if record.extensions >= terms.extensions then return pack('<BB', REFUSED.extension_denied, terms.extensions) end",
            ""),
        PlantedMistake(
            "a return gives places back twice (R14 Return once)",
            "if record.state == RETURNED then return view_of(event, OUTCOME.returned, OUTCOME_FLAG.repeated, record) end\n    if record.state ~= PURCHASED then",
            "if record.state ~= PURCHASED and record.state ~= RETURNED then"),
        PlantedMistake(
            "a part is returned again with its key (R39 Partial return)", "if part.key == command.return_key then",
            "if false then"),
        PlantedMistake(
            "a part is returned twice at the end (R39 Partial return)", "take_back(event, record, kept_lines(record))",
            "take_back(event, record, record.lines)"),
        PlantedMistake(
            "bought tickets do not count for the limit", "add_bought(event, record, record.lines, 1)\nend",
            "end"),
        PlantedMistake(
            "expired holds count for the limit", "if account.earliest > 0 and account.earliest <= last then",
            "if false then"),
        PlantedMistake(
            "released holds count for the limit",
            "take_from_account(event, record)\n  record.state = RELEASED", "record.state = RELEASED"),
        PlantedMistake(
            "an extended hold counts until its first deadline",
            "  move_in_account(event, record, deadline)\n", ""),
        PlantedMistake(
            "what a buyer had before the limit does not count", "if gets_limit and not are_buyers_counted(event) then",
            "if false then"),
    ]

    /// Mistakes in numbers, in what is kept back, in definitions and in debts.
    static let inKeeping = [
        PlantedMistake(
            "fewer: more than the pool has", "for _, pool in ipairs(pools) do more = min(more, left[pool]) end", ""),
        PlantedMistake(
            "places that are kept back are sold to anybody (R45 Allocations)",
            "left, held = left - left_of(event, allocation), held - event.held[allocation.counter]",
            "held = held - event.held[allocation.counter]"),
        PlantedMistake(
            "a released allocation still gives its places (R45 Allocations)",
            "if has(type.pools, allocation.counter) then is_kept = true end", "is_kept = true"),
        PlantedMistake(
            "a code is good for any number of tickets (R46 Access codes)",
            "return max(0, batch.tickets - tickets)", "return batch.tickets"),
        PlantedMistake(
            "what comes back of a code stays taken (R46 Access codes)", "    codes.buy(event, record, lines, -1)\n", ""),
        PlantedMistake(
            "a released hold counts for its code (R46 Access codes)",
            "codes.take(event, record)\n  take_from_account(event, record)\n  record.state",
            "take_from_account(event, record)\n  record.state"),
        PlantedMistake(
            "a code is good after its time (R46 Access codes)",
            "if batch.closes_at and event.wall >= batch.closes_at then return", "if false then return"),
        PlantedMistake(
            "the earliest entry is not looked for again",
            "event.stale[pool] = true end\nend", "event.earliest[pool] = 0 end\nend"),
        PlantedMistake(
            "a capacity that was lowered closes the pool",
            "event.ceiling[pool] = max(capacity, event.held[pool] + event.sold[pool])",
            "event.ceiling[pool] = capacity"),
        PlantedMistake(
            "a type that is redefined with other pools keeps its index",
            "if index and has_same_pools(terms, terms.types[index], type.pools) then", "if index then"),
        PlantedMistake(
            "a pool that is dropped keeps its places",
            "if terms.retired[pool] and not is_of_allocation(terms, pool) then set_capacity(event, pool, 0) end", ""),
        PlantedMistake(
            "a pause changes nothing", "return terms.paused and not past.pause and pack('<B', REFUSED.paused) or nil",
            "return nil"),
        PlantedMistake(
            "a hold has its event's terms of now (R11 Terms of a hold)",
            "packed_lines, record.deadline, record.extensions, record.terms)",
            "packed_lines, record.deadline, record.extensions, event.terms.given)"),
        PlantedMistake(
            "a hold is written without its terms (R11 Terms of a hold)",
            "if has_terms then text = text .. pack('<H', record.terms) end",
            "if has_terms then text = text .. pack('<H', 1) end"),
        PlantedMistake(
            "terms that differ in their grace are taken for the same (R11 Terms of a hold)",
            "and told.grace == asked.grace", "and true"
        ),
        PlantedMistake(
            "a token completes where the shop does (R24 Who completes)",
            "if event.terms.shop_completes and not command.by_key then",
            "if event.terms.shop_completes and command.payment == '' then"),
        PlantedMistake(
            "a key does not confirm what a token said (R23 Debts)",
            "local is_news = not debt or (confirmed == 1 and debt.confirmed == 0)", "local is_news = not debt"),
        PlantedMistake(
            "a payment that was paid back buys (R23 Debts)", "note_payment(event, command.payment, 'x' .. name)",
            "note_payment(event, command.payment, name)"),
        PlantedMistake(
            "a debt is paid back for another hold (R23 Debts)", "and debt.hold == command.number\n", "\n"),
        PlantedMistake(
            "a definition is counted though nothing changed",
            "if not event.is_new and terms.paused == paused\n    and", "if event.is_new and"),
    ]

    /// Mistakes that show if many commands come at once.
    static let inCrowds = [
        PlantedMistake(
            "a crowd is refused by what was there before (R3 One decision per hold)",
            "if asked.refused_at == event.facts and not is_alone then return asked.refusal end",
            "if asked.refused_at and not is_alone then return asked.refusal end"),
        PlantedMistake(
            "an override is refused as the same request without one was (R43 Override)",
            "local is_alone = command.past or command.code", "local is_alone = command.code"),
        PlantedMistake(
            "one buyer's limit is everybody's (R3 One decision per hold)",
            "if not has_buyer_limit(terms) and not is_alone then", "if not is_alone then"),
        PlantedMistake(
            "an event has more live holds than the limit (R21 Bounds)",
            "if event.held[0] >= event.limits.live_holds then", "if false then"),
        PlantedMistake(
            "a hold that expired stays counted (R21 Bounds)", "for pool = 0, #event.held do\n    local first",
            "for pool = 1, #event.held do\n    local first"),
    ]

    /// Mistakes that show if an event has as many live holds as it may have.
    static let inFewHolds = [
        PlantedMistake(
            "a hold that was released stays counted (R21 Bounds)",
            "change_pools(event, record, release_places, record.entry)\n  uncount_hold(event, record.entry)",
            "change_pools(event, record, release_places, record.entry)")
    ]

    /// Mistakes that show if the server restarts.
    static let inRestarts = [
        PlantedMistake("no recovery grace (R7 Restart)", "  grant_grace(event, recovery_grace)\n", ""),
        PlantedMistake(
            "the recovery grace wakes what had ended (R5 The store's clock)",
            "if deadline > event.grace_from and deadline < event.grace_until then",
            "if deadline < event.grace_until then"),
        PlantedMistake(
            "places come back within the recovery grace (R2 Never twice, never lost)",
            "return event.office < event.grace_until and event.grace_from or event.office", "return event.office"),
        PlantedMistake(
            "a hold is looked for in the calendar by its deadline with the grace",
            "record.entry = record.deadline\n  if record.state",
            "record.entry = end_of_hold(event, record.deadline)\n  if record.state"),
        PlantedMistake(
            "the grace outlasts what a hold may live (R7 Restart)",
            "event.office + min(recovery_grace, told.life - told.grace)",
            "event.office + recovery_grace * 5"),
        PlantedMistake(
            "when the next places come free is told without the grace",
            "latest = max(latest or 0, end_of(event, next_free))", "latest = max(latest or 0, next_free)"),
    ]
}

/// Each suite asks one server after the other; the suites run at once.
@Suite("Mistakes that are planted in the functions are caught", .serialized)
struct PlantedTests {
    @Test("The contract catches, in selling", arguments: PlantedMistake.inSelling)
    func caught(mistake: PlantedMistake) async throws {
        try await mistake.expect(caughtBy: StoreContract())
    }
}

@Suite("More mistakes that are planted in the functions are caught", .serialized)
struct MorePlantedTests {
    @Test("The contract catches, in keeping", arguments: PlantedMistake.inKeeping)
    func caught(mistake: PlantedMistake) async throws {
        try await mistake.expect(caughtBy: StoreContract())
    }

    @Test("The contract with restarts catches", arguments: PlantedMistake.inRestarts)
    func caughtInRestarts(mistake: PlantedMistake) async throws {
        try await mistake.expect(caughtBy: .withRestarts)
    }

    @Test("The contract with few live holds catches", arguments: PlantedMistake.inFewHolds)
    func caughtInFewHolds(mistake: PlantedMistake) async throws {
        try await mistake.expect(caughtBy: .withFewHolds)
    }

    @Test("The contract with crowds catches", arguments: PlantedMistake.inCrowds)
    func caughtInCrowds(mistake: PlantedMistake) async throws {
        try await mistake.expect(caughtBy: .withCrowds)
    }
}

extension PlantedMistake {
    func expect(caughtBy contract: StoreContract) async throws {
        var contract = contract
        for seed in UInt64(1)...40 {
            // A mistake that shows rarely gets more traffic.
            if contract.together == 1 { contract.commands = seed <= 6 ? 400 : 4_000 }
            let subject = try await RedisSubject(limits: contract.limits, plant: planted)
            if try await !contract.breaches(of: subject, seed: seed).isEmpty { return }
        }
        Issue.record("\(name): not caught")
    }
}
