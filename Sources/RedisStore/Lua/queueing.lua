-- Decides the commands of queues by the same rules in the same order as `BoxOffice+Queue.swift`. What they read and write is in
-- queue.lua.

do
  -- A hold of an entry was bought; `late`: 1 if it was after its end, and so its places had come back.
  function queues.note_bought(event, record, late)
    local number = record.queued and record.queued - 1
    if not number or not queues.of(event) or not queues.entry(event, number) then return end
    local entry = queues.changed_entry(event, number)
    entry.purchases = entry.purchases + 1
    if late == 0 then queues.note_ended(event, record, true) end
  end

  function queues.has_live(event, entry)
    local record = entry.hold > 0 and record_of(event, entry.hold)
    return record and is_live(event, record)
  end

  -- The number of a buyer's entry, by the buyer's digest.
  function queues.number_of(event, digest)
    local queue = event.queue
    if queue.buyers[digest] == nil then
      queue.buyers[digest] = tonumber(redis.call('HGET', queues.key_of(event, 'buyers'), digest) or nil) or false
    end
    return queue.buyers[digest] or nil
  end

  local function refusal(kind)
    return pack('<BB', REFUSED.queue, kind)
  end

  -- People can join from this moment on, or as soon as somebody opens the queue.
  local function not_open(event)
    local opens_at = event.terms.queue.opens_at
    local is_early = opens_at and event.wall < opens_at
    return pack('<BBBd', REFUSED.queue, QUEUE.not_open, is_early and 1 or 0, is_early and opens_at or 0), is_early
  end

  -- MARK: answers

  local function answer(kind, flags, body)
    return pack('<BBB', OUTCOME.queue, flags, kind) .. body
  end

  -- Where an entry stands; `nil` if it is not drawn yet, or if the caller does not know it.
  local function position_of(event, number, drawn)
    local state = event.queue.state
    if state.stage == QUEUE.gathering or state.stage == QUEUE.drawing then return nil end
    if not state.count or number >= state.count then return number end
    return drawn and drawn < state.count and drawn or nil
  end

  local function state_of_turn(event, entry)
    if entry.purchases >= event.terms.queue.purchases then return QUEUE.done end
    if queues.has_live(event, entry) then return QUEUE.inside end
    if queues.is_running(event, entry) then return QUEUE.called end
    return entry.purchases > 0 and QUEUE.done or QUEUE.passed_by
  end

  local function pack_entry(number, state, position, ahead, ends_at)
    return pack('<dBddd', number, state, position or -1, ahead or -1, ends_at or 0)
  end

  -- An entry as answers show it.
  local function show(event, number, position)
    local entry, head = queues.entry(event, number), event.queue.state.head
    if entry and entry.has_left then return pack_entry(number, QUEUE.closed) end
    if entry then
      local ends_at = entry.ends_at > 0 and queues.moment_of(event, entry.ends_at) or 0
      return pack_entry(number, state_of_turn(event, entry), entry.position, 0, ends_at)
    end
    if not position then return pack_entry(number, QUEUE.waiting) end
    if position >= head then return pack_entry(number, QUEUE.waiting, position, position - head) end
    -- The time to return stands while nobody can.
    local is_standing = event.queue.state.stage == QUEUE.over or event.terms.paused
    local is_late = not is_standing and queues.is_late(event, position)
    return pack_entry(number, is_late and QUEUE.passed_by or QUEUE.waiting, position, 0)
  end

  local function joined(event, number, is_repeated)
    local flags = is_repeated and OUTCOME_FLAG.repeated or 0
    return answer(QUEUE.joined, flags, show(event, number, position_of(event, number)))
  end

  local function changed(event, is_repeated)
    return answer(QUEUE.changed, is_repeated and OUTCOME_FLAG.repeated or 0, queues.view(event))
  end

  -- MARK: decisions

  local function decide_open(event, command)
    if queues.of(event) then return changed(event, true) end
    if event.terms.cancelled_at then return pack('<BB', REFUSED.cancelled, 0) end
    local closed, is_early = not_open(event)
    if is_early then return closed end
    local ended = queues.refusal_of_ended(event)
    if ended then return ended end
    queues.open(event, command.secret, event.terms.opens_at and event.wall < event.terms.opens_at)
    queues.note(event)
    return changed(event, false)
  end

  local function begin_turn(event, number, position)
    local state = event.queue.state
    local entry = queues.changed_entry(event, number)
    entry.position = position
    entry.ends_at = queues.end_of_turn(event, queues.sale_time(event, event.office) + event.terms.queue.turn)
    state.issued = max(state.issued, number + 1)
    queues.count_at(event, position, 'begun')
    queues.set_end(event, 'undecided', number, entry.ends_at)
    state.undecided = state.undecided + 1
    queues.note(event)
  end

  -- The number that a key joined with, within the last ten minutes.
  local function number_of_key(event, key)
    local known = event.queue.joins[key] or redis.call('HGET', queues.key_of(event, 'joins'), key)
    if not known then return nil end
    local number, at = unpack_struct('<dd', known)
    return event.office < at + QUEUE.keys_kept and number or nil
  end

  -- Each key that comes forgets two that count no more, or the oldest ones if there are too many.
  local function remember_key_of_join(event, key, number)
    local queue = event.queue
    local state = queue.state
    queues.forget_joins(event, 2)
    queue.joins[key] = pack('<dd', number, event.office)
    queue.new_joins[#queue.new_joins + 1] = key
    queue.new_joins[#queue.new_joins + 1] = queue.joins[key]
    queue.joined.added[#queue.joined.added + 1] = key
    state.keys = state.keys + 1
  end

  -- Gives the next number. Somebody is let in at once if nobody waits and there is room for one more.
  local function give_number(event)
    local state = event.queue.state
    local number = state.issued
    event.queue.is_changed = true
    if number == state.numbered then
      state.numbered = state.numbered + QUEUE.block
      queues.note(event)
    elseif state.stage == QUEUE.moving and state.head == number and queues.room(event, 1) == 1 then
      queues.spend(event, 1)
      queues.move(event, number + 1, 1, true)
      begin_turn(event, number, number)
    end
    state.issued = number + 1
    return number
  end

  local function decide_join(event, command)
    if event.terms.cancelled_at then return pack('<BB', REFUSED.cancelled, 0) end
    local queue, digest, key = queues.of(event), command.digest, command.join_key
    if not queue then return (not_open(event)) end
    if (digest ~= nil) ~= event.terms.queue.by_buyer then
      local mistake = digest and INVALID.queue_takes_no_buyer or INVALID.queue_needs_buyer
      return pack('<BBBd', REFUSED.invalid, mistake, 0, 0)
    end
    local known, by_key = digest and queues.number_of(event, digest), key and number_of_key(event, key)
    if by_key and digest and known ~= by_key then return refused(REFUSED.key_reused) end
    if by_key or known then return joined(event, by_key or known, true) end
    local ended = queues.refusal_of_ended(event)
    if ended then return ended end
    if queue.state.issued >= QUEUE.entries then return refusal(QUEUE.full) end
    local number
    if digest then
      number = queue.state.issued
      queue.state.issued, queue.buyers[digest] = number + 1, number
      queue.new_buyers[#queue.new_buyers + 1] = digest
      queue.new_buyers[#queue.new_buyers + 1] = number
      queues.note(event)
    else
      number = give_number(event)
    end
    if key then remember_key_of_join(event, key, number) end
    return joined(event, number, false)
  end

  -- Whether the next look of an entry begins its turn (Q5 Turn). While nothing can be held, no turn is used up.
  local function may_begin(event, number, position)
    local state = event.queue.state
    if state.stage ~= QUEUE.moving or position >= state.head or queues.entry(event, number) then return false end
    if queues.is_late(event, position) then return false end
    return not event.terms.cancelled_at and not sale.refusal(event, {})
  end

  local function decide_look(event, command)
    local number = command.entry
    if number >= event.queue.state.issued then return refusal(QUEUE.unknown_entry) end
    local entry = queues.entry(event, number)
    local position = entry and entry.ends_at > 0 and entry.position or position_of(event, number, command.position)
    if position and may_begin(event, number, position) then begin_turn(event, number, position) end
    return answer(QUEUE.looked, 0, show(event, number, position))
  end

  local function decide_leave(event, command)
    local number = command.entry
    if number >= event.queue.state.issued then return refusal(QUEUE.unknown_entry) end
    local known = queues.entry(event, number)
    if not known or not known.has_left then
      local entry = queues.changed_entry(event, number)
      queues.decide(event, number, entry)
      entry.has_left = true
      queues.note(event)
    end
    return answer(QUEUE.looked, 0, pack_entry(number, QUEUE.closed))
  end

  -- The announced value, once, after the count was published (Q3 Draw). It makes the draw.
  local function decide_beacon(event, command)
    local state, announced = event.queue.state, event.terms.queue.beacon
    if not announced then return refusal(QUEUE.no_beacon) end
    if announced.name ~= command.name then return refusal(QUEUE.other_beacon) end
    if state.stage == QUEUE.gathering then return refusal(QUEUE.beacon_early) end
    if state.stage ~= QUEUE.drawing then
      local is_same = state.beacon == QUEUE.given and state.beacon_value == command.value
      return is_same and changed(event, true) or refusal(QUEUE.beacon_late)
    end
    queues.draw(event, QUEUE.given, command.value)
    return changed(event, false)
  end

  -- An operator changes how people are let in (Q7 Admission).
  local function decide_adjust(event, command)
    local state, paused, mistakes = event.queue.state, nil, command.mistakes
    -- Beside another rate that is wrong, 1, and in place of a wrong number of people, 2.
    if mistakes < 2 and command.let_in > 0 and state.stage ~= QUEUE.moving then mistakes = mistakes + 4 end
    if mistakes > 0 then return pack('<BBBd', REFUSED.invalid, INVALID.queue_adjustment, mistakes, 0) end
    if command.pauses > 0 then paused = command.pauses == 2 else paused = state.paused end
    local rate = command.rate >= 0 and command.rate or state.own_rate
    local head, people = queues.reach(event, max(0, command.let_in))
    if paused == state.paused and rate == state.own_rate and head == state.head then return changed(event, true) end
    queues.spend(event, 0)
    state.paused, state.own_rate = paused, rate
    if head > state.head then queues.move(event, head, people, queues.is_presence_known(event)) end
    queues.note(event)
    return changed(event, false)
  end

  -- Decides what is due by time and by what is free; at most one thing.
  local function decide_attend(event, command)
    queues.settle(event)
    queues.take_report(event, command.report)
    local is_more_due = queues.do_what_is_due(event)
    return answer(QUEUE.attended, is_more_due and OUTCOME_FLAG.repeated or 0, queues.view(event))
  end

  -- MARK: reading

  local function read_report(text, at)
    local report, count = { counts = {} }, nil
    report.node, report.first, report.width, report.is_complete, report.present, count, at =
      unpack_struct('<c8ddBdH', text, at)
    for index = 1, count do report.counts[index], at = unpack_struct('<I4', text, at) end
    return report, at
  end

  function queues.read(text, at)
    local command = { op = COMMAND.queue }
    command.kind, at = unpack_struct('<B', text, at)
    if command.kind == QUEUE.open then
      command.secret, at = unpack_struct('<Bc0', text, at)
    elseif command.kind == QUEUE.join then
      command.digest, command.join_key, at = unpack_struct('<Bc0Bc0', text, at)
      if command.digest == '' then command.digest = nil end
      if command.join_key == '' then command.join_key = nil end
    elseif command.kind == QUEUE.look then
      command.entry, command.position, at = unpack_struct('<dd', text, at)
      if command.position < 0 then command.position = nil end
    elseif command.kind == QUEUE.attend then
      command.report, at = read_report(text, at)
    elseif command.kind == QUEUE.beacon then
      command.name, command.value, at = unpack_struct('<Bc0Bc0', text, at)
    elseif command.kind == QUEUE.leave then
      command.entry, at = unpack_struct('<d', text, at)
    else
      command.pauses, command.rate, command.let_in, command.mistakes, at = unpack_struct('<BddB', text, at)
    end
    return command, at
  end

  local decisions = {
    [QUEUE.look] = decide_look, [QUEUE.attend] = decide_attend, [QUEUE.beacon] = decide_beacon,
    [QUEUE.leave] = decide_leave, [QUEUE.adjust] = decide_adjust,
  }

  function queues.decide_command(event, command)
    if event.terms.removed then return refused(REFUSED.gone) end
    if not event.terms.queue then return refusal(QUEUE.no_queue) end
    -- What is said about a turn depends on the time.
    event.tells_time = true
    if command.kind == QUEUE.open then return decide_open(event, command) end
    if command.kind == QUEUE.join then return decide_join(event, command) end
    if not queues.of(event) then return (not_open(event)) end
    return decisions[command.kind](event, command)
  end

  -- MARK: holds

  -- Whether a life of the server lacks the entry that a pass is of: somebody else may have its number by now.
  local function has_lost(queue, pass)
    for _, life in ipairs(queue.state.lives) do
      if life[1] <= pass.number and pass.joined_at < life[2] then return true end
    end
    return false
  end

  -- Why the queue does not let a hold through (Q6 Pass); `nil` if it does.
  function queues.refusal(event, command)
    local terms, pass = event.terms.queue, command.pass
    if command.past and command.past.queue then return nil end
    if not pass then return refusal(QUEUE.pass_required) end
    local queue = queues.of(event)
    if queue and has_lost(queue, pass) then return refusal(QUEUE.unknown_entry) end
    local entry = queue and queues.entry(event, pass.number)
    if not entry or entry.ends_at == 0 and not entry.has_left then
      local ahead = max(0, pass.position - (queue and queue.state.head or 0))
      return pack('<BBdd', REFUSED.queue, QUEUE.not_your_turn, pass.position, ahead)
    end
    if entry.has_left or not queues.is_running(event, entry) then
      event.tells_time = true
      return refusal(QUEUE.turn_over)
    end
    if entry.purchases >= terms.purchases or queues.has_live(event, entry) then return refusal(QUEUE.pass_used) end
    if terms.by_buyer and (not command.digest or queues.number_of(event, command.digest) ~= pass.number) then
      return refusal(QUEUE.other_buyer)
    end
    return nil
  end

  -- MARK: definitions

  local function is_same_beacon(one, other)
    if not one or not other then return not one == not other end
    return one.name == other.name and one.wait == other.wait
  end

  -- Why the event cannot get the queue that is asked for: what entries belong to stays so once they can join, and so does the
  -- beacon that was announced for the draw, or that there is none. After the draw the event can do without its queue.
  function queues.obstacles(event, asked)
    local queue, found = queues.of(event), {}
    if not queue then return found end
    local state, terms = queue.state, event.terms.queue
    if asked.queue and state.by_buyer ~= asked.queue.by_buyer then
      found[1] = state.by_buyer and OBSTACLE.queue_by_buyer or OBSTACLE.queue_by_device
    end
    local is_drawn = state.stage == QUEUE.moving or state.stage == QUEUE.over
    local stays = not is_drawn or state.count and terms and asked.queue
    if stays and not is_same_beacon(terms and terms.beacon, asked.queue and asked.queue.beacon) then
      found[#found + 1] = OBSTACLE.queue_beacon
    end
    return found
  end

  -- The types in the order of the definition, which admission counts by, are kept only with a queue.
  function queues.adopt(terms, asked)
    terms.queue, terms.listed = asked.queue, asked.queue and {} or nil
    for _, type in ipairs(asked.queue and asked.types or {}) do
      if not string.find(type.code, '/', 1, true) then terms.listed[#terms.listed + 1] = type.code end
    end
  end
end
