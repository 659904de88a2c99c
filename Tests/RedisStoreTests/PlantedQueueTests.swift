import StoreContract
import Testing

extension PlantedMistake {
    /// Mistakes in queues (Q1 Phases to Q10 One decision).
    static let inQueues = [
        PlantedMistake(
            "gathering ends a millisecond before the sale opens (Q1 Phases)",
            "if terms.opens_at and event.wall < terms.opens_at then return false end",
            "if terms.opens_at and event.wall + 1 < terms.opens_at then return false end"),
        PlantedMistake(
            "a queue is over for ever (Q1 Phases)",
            "if queues.is_over(event) then return false end",
            "if true then return false end"),
        PlantedMistake(
            "a hold goes before the pass (Q10 One decision)",
            "local code, refusal = nil, event.terms.queue and queues.refusal(event, command)\n  if not refusal and named then",
            "local code, refusal = nil, nil\n  if not refusal and named then"),
        PlantedMistake(
            "a join with a known key joins again (Q2 Numbers)",
            "if by_key or known then return joined(event, by_key or known, true) end",
            "if known then return joined(event, known, true) end"),
        PlantedMistake(
            "a buyer has two entries (Q2 Numbers)",
            "local known, by_key = digest and queues.number_of(event, digest), key and",
            "local known, by_key = nil, key and"),
        PlantedMistake(
            "a beacon counts before the count is public (Q3 Draw)",
            "if state.stage == QUEUE.gathering then return refusal(QUEUE.beacon_early) end",
            ""),
        PlantedMistake(
            "somebody who joins after the draw is drawn (Q3 Draw)",
            "if not state.count or number >= state.count then return number end",
            "if not state.count then return number end"),
        PlantedMistake(
            "a second opening takes another secret (Q3 Draw)",
            "if queues.of(event) then return changed(event, true) end",
            "queues.of(event)"),
        PlantedMistake(
            "the head runs past everybody (Q4 Head)",
            "position, rest = from + floor((rest * (to - from) + here - 1) / here), 0",
            "position, rest = to, 0"),
        PlantedMistake(
            "the head moves more often than ten times a second (Q4 Head)",
            "\n      or state.moved_at and event.office < state.moved_at + 100 then",
            " then"),
        PlantedMistake(
            "a turn begins anew with each look (Q5 Turn)",
            "position >= state.head or queues.entry(event, number) then return false end",
            "position >= state.head then return false end"),
        PlantedMistake(
            "a turn is good at its end (Q5 Turn)",
            "return queues.sale_time(event, event.office) < entry.ends_at",
            "return queues.sale_time(event, event.office) <= entry.ends_at"),
        PlantedMistake(
            "a turn goes on through a pause of the sale (Q5 Turn)",
            "return queues.sale_time(event, event.office) < entry.ends_at",
            "return event.office < entry.ends_at"),
        PlantedMistake(
            "each pause gives a turn the time again that it had used (Q5 Turn)",
            "= { event.office, shown }",
            "= { event.office, state.stretches[#state.stretches][2] }"),
        PlantedMistake(
            "a pause puts off the end of a turn that was over (Q5 Turn)",
            "if shown < time or index == 1 then return from + time - shown end",
            "return from + time - shown"),
        PlantedMistake(
            "who was let in before a pause is not expected after it (Q7 Admission)",
            "function(move) coming = coming + max(0, move.people - move.begun) end, queues.sale_time)",
            "function(move) coming = coming + max(0, move.people - move.begun) end)"),
        PlantedMistake(
            "people who were let in before a pause count as absent in it (Q7 Admission)",
            "if queues.sale_time(event, move.at) + turns_over > now then return end",
            "if move.at + turns_over > event.office then return end"),
        PlantedMistake(
            "a pause counts as a time in which nobody was let in (Q7 Admission)",
            "or queues.sale_time(event, event.office) >= queues.sale_time(event, moved_at) + QUEUE.stillness",
            "or event.office >= moved_at + QUEUE.stillness"),
        PlantedMistake(
            "a turn begins however long ago the head passed (Q5 Turn)",
            "if queues.is_late(event, position) then return false end",
            ""),
        PlantedMistake(
            "a hold without a pass (Q6 Pass)",
            "if not pass then return refusal(QUEUE.pass_required) end",
            "if not pass then return nil end"),
        PlantedMistake(
            "a pass allows two holds at a time (Q6 Pass)",
            "if entry.purchases >= terms.purchases or queues.has_live(event, entry) then",
            "if entry.purchases >= terms.purchases then"),
        PlantedMistake(
            "anybody holds with a buyer's pass (Q6 Pass)",
            "if terms.by_buyer and (not command.digest or",
            "if false and (not command.digest or"),
        PlantedMistake(
            "who left still waits (Q6 Pass)",
            "if entry and entry.has_left then return pack_entry(number, QUEUE.closed) end",
            ""),
        PlantedMistake(
            "every held place comes back (Q7 Admission)",
            "0.3 * (1 - bought) * held",
            "held"),
        PlantedMistake(
            "people inside want nothing (Q7 Admission)",
            " - inside_now * asking * places",
            ""),
        PlantedMistake(
            "a paused queue lets people in (Q7 Admission)",
            "if state.paused or event.terms.paused or",
            "if event.terms.paused or"),
        PlantedMistake(
            "nothing is learned of people who do not ask (Q7 Admission)",
            "state.called, state.asked = state.called + move.people,",
            "state.called, state.asked = state.called,"),
        PlantedMistake(
            "who holds for long keeps admission from learning (Q7 Admission)",
            "if late == 0 then queues.note_ended(event, record, true) end", ""),
        PlantedMistake(
            "a hold that was extended has ended for admission (Q7 Admission)",
            "local is_extended = record and is_live(event, record)", "local is_extended = false"),
        PlantedMistake(
            "a hold that ends by itself teaches admission nothing (Q7 Admission)",
            "names = redis.call('ZRANGEBYSCORE'", "names = list == 'unsettled' and {} or redis.call('ZRANGEBYSCORE'"),
        PlantedMistake(
            "people who were let in cost nothing of a second's share (Q7 Admission)",
            "queues.allowance(event) - people, event.office", "queues.allowance(event), event.office"),
        PlantedMistake(
            "more people are let in than the operator allows (Q7 Admission)",
            "return min(most, floor(queues.allowance(event)), people_to_let_in(event))",
            "return min(most, people_to_let_in(event))"),
        PlantedMistake(
            "people who are not there are let in (Q7 Admission)",
            "      if count > 0 and rest > 0 and to > from then",
            "      if rest > 0 and to > from then count = 1"),
        PlantedMistake(
            "a late payment does not count for its entry (Q6 Pass)",
            "return entry.purchases + live < terms.purchases", "return true"),
        PlantedMistake(
            "a late payment counts what is bought and not what is held (Q6 Pass)",
            "return entry.purchases + live < terms.purchases", "return entry.purchases < terms.purchases"),
        PlantedMistake(
            "the key of a join counts for ever (Q2 Numbers)",
            "return event.office < at + QUEUE.keys_kept and number or nil", "return number"),
    ]

    /// Mistakes in queues that show when a server comes back.
    static let inQueueLives = [
        PlantedMistake(
            "a new life of the server gives the rest of a block (Q2 Numbers)",
            "state.issued = min(QUEUE.entries, max(state.issued, state.numbered) + QUEUE.block)", ""),
        PlantedMistake(
            "a new life of the server gives the next block (Q2 Numbers)",
            "max(state.issued, state.numbered) + QUEUE.block)", "max(state.issued, state.numbered))"),
        PlantedMistake(
            "nobody learns which numbers may be lost (Q2 Numbers)",
            "state.lives[#state.lives + 1] = { state.issued, event.wall }", ""),
        PlantedMistake(
            "numbers that were left out are let in as people (Q7 Admission)",
            "if gap[2] > first then", "if false then"),
    ]
}

@Suite("Mistakes that are planted in queues are caught", .serialized)
struct PlantedQueueTests {
    @Test("The life of a queue catches, from its opening to its end", arguments: PlantedMistake.inQueues)
    func caught(mistake: PlantedMistake) async throws {
        let stage = try await ScriptTests.Stage(plant: mistake.planted)
        try await QueueScriptTests.play(on: stage)
        #expect(stage.comparison.breaches != [], "\(mistake.name): not caught")
    }

    @Test("Joins around a failover catch", arguments: PlantedMistake.inQueueLives)
    func caughtInLives(mistake: PlantedMistake) async throws {
        var isCaught = try await !QueueFailoverTests.isLetInBehindGap(plant: mistake.planted)
        if !isCaught { isCaught = try await !QueueFailoverTests.lostJoins(plant: mistake.planted).isEmpty }
        #expect(isCaught)
    }
}
