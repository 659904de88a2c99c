-- The queue of an event, as a call reads and writes it (Q1 Phases to Q10 One decision), by the same rules as `EventQueue` and
-- `BoxOffice+Admission.swift`. What commands decide is in queueing.lua.
--
-- Beside the key `queue` are others under its name:
--   queue            hash: `state` (cmsgpack, see `queues.open`), `presence` (what nodes reported), and the moves of the head:
--                    the name of a head (see `name_of`) -> when, how many people, of those whose turn began and who asked
--   queue:moves      sorted set of the names of heads, all with score 0
--   queue:entries    hash: number -> an entry whose turn began, or that left; behind it the digest of the buyer who held
--   queue:undecided  sorted set of entries whose turn runs and who have not asked, by the end of the turn (the sale's clock)
--   queue:unsettled  sorted set of live holds, by their end
--   queue:buyers     hash: digest of a buyer -> number
--   queue:joins      hash: key of a join -> number and moment; queue:joined, a list of the same keys in their order

-- Lua has room for 200 local names in a text, so the functions of this file share one.
local queues = {}
do
  local function key_of(event, part)
    return event.keys[KEY.queue] .. ':' .. part
  end
  queues.key_of = key_of

  -- MARK: lists

  -- A list that is read from its front, and to whose end is added.
  local function new_list(name)
    return { name = name, page = {}, base = 0, taken = 0, added = {}, dropped = 0 }
  end

  function queues.front(event, list)
    if not list.is_over then
      local value = list.page[list.taken - list.base + 1]
      if value then return value end
      list.page, list.base = redis.call('LRANGE', key_of(event, list.name), list.taken, list.taken + 63), list.taken
      if list.page[1] then return list.page[1] end
      list.is_over = true
    end
    return list.added[list.dropped + 1]
  end

  function queues.drop(list)
    if list.is_over then list.dropped = list.dropped + 1 else list.taken = list.taken + 1 end
  end

  local function save_list(event, list)
    if list.taken > 0 then write('LTRIM', key_of(event, list.name), list.taken, -1) end
    local rest = {}
    for index = list.dropped + 1, #list.added do rest[#rest + 1] = list.added[index] end
    write_all('RPUSH', key_of(event, list.name), rest)
  end

  -- MARK: what ends by itself

  -- An entry or a hold ends at this moment, or is out of the list (`false`).
  function queues.set_end(event, list, number, at)
    event.queue.ends[list][string.format('%.0f', number)], event.queue.is_changed = at, true
  end

  -- Takes out what ended by `now`. Nothing that ends late keeps what is behind it from ending.
  local function take_ended(event, list, now, visit)
    local set, first, names = event.queue.ends[list], 0, nil
    repeat
      names = redis.call('ZRANGEBYSCORE', key_of(event, list), '-inf', now, 'LIMIT', first, 256)
      for _, name in ipairs(names) do
        -- Else this call has changed it.
        if set[name] == nil then
          queues.set_end(event, list, tonumber(name), false)
          visit(tonumber(name))
        end
      end
      first = first + #names
    until #names < 256
  end

  local function save_ends(event, list)
    local set, gone = {}, {}
    for name, at in pairs(event.queue.ends[list]) do
      if at then
        set[#set + 1] = at
        set[#set + 1] = name
      else
        gone[#gone + 1] = name
      end
    end
    write_all('ZREM', key_of(event, list), gone)
    write_all('ZADD', key_of(event, list), set)
  end

  -- MARK: state

  local function new_queue(state)
    return {
      state = state, entries = {}, changed_entries = {}, moves = {}, changed_moves = {}, new_moves = {}, gone_moves = {},
      ends = { undecided = {}, unsettled = {} }, buyers = {}, new_buyers = {}, gone_buyers = {}, joins = {},
      new_joins = {}, gone_joins = {}, joined = new_list('joined'),
    }
  end

  -- Opens the queue. A number is `issued` if it was given or skipped; those below `numbered` may be given.
  function queues.open(event, secret, gathers)
    event.queue = new_queue({
      stage = gathers and QUEUE.gathering or QUEUE.moving, secret = secret, by_buyer = event.terms.queue.by_buyer,
      run = this_run(), paused = false, own_rate = 0, issued = 0, numbered = QUEUE.block, gathered_at = 0,
      beacon = QUEUE.none, beacon_value = '', head = 0, forgotten = 0, learned_head = 0, undecided = 0,
      assumed = min(QUEUE.assumed_places, max(1, event.terms.tickets_per_hold)), called = 0, asked = 0, takers = 0,
      taken = 0, squares = 0, ended = 0, sold = 0, allowance = 0, allowance_at = event.office - 1000, keys = 0,
      lives = {}, gaps = {}, stretches = { { 0, 0 } },
    })
    return event.queue
  end

  -- A new life of the server may lack numbers that were given before (see numbers.lua): nobody gives the rest of the block
  -- again, nor the next block, which may be lost as well. More may be lost, so `lives` says from which number on and from which
  -- moment on each life gives numbers: an entry that has such a number and joined before was lost. `gaps` has what was left out.
  local function skip_numbers(event, queue)
    local state = queue.state
    if state.run == this_run() then return end
    state.run = this_run()
    local from = state.issued
    state.issued = min(QUEUE.entries, max(state.issued, state.numbered) + QUEUE.block)
    state.numbered = max(state.numbered, state.issued)
    state.lives[#state.lives + 1] = { state.issued, event.wall }
    state.gaps[#state.gaps + 1] = { from, state.issued }
    if #state.lives > QUEUE.lives then table.remove(state.lives, 1) end
    if #state.gaps > QUEUE.lives then table.remove(state.gaps, 1) end
    queue.is_changed = true
  end

  -- The queue as it stands; `nil` if it was not opened.
  function queues.of(event)
    if event.queue == nil then
      local text = redis.call('HGET', event.keys[KEY.queue], 'state')
      event.queue = text and new_queue(cmsgpack.unpack(text)) or false
      if event.queue then skip_numbers(event, event.queue) end
    end
    return event.queue or nil
  end

  -- Something happened to the queue that counts as a fact.
  function queues.note(event)
    event.facts, event.is_changed, event.queue.is_changed = event.facts + 1, true, true
  end

  -- MARK: the sale's clock

  -- Turns end by the sale's clock, which stands while the sale is paused (Q5 Turn). `stretches` has the times between pauses, the
  -- oldest first: when one began, and what this clock showed then; `paused_at` is the beginning of the pause that is not over.

  -- What the clock shows, or showed, at a moment that is not in the future.
  function queues.sale_time(event, moment)
    local state = event.queue.state
    local latest = state.paused_at and min(moment, state.paused_at) or moment
    -- The next stretch begins with what the clock showed at the end of the one before.
    local most = math.huge
    for index = #state.stretches, 1, -1 do
      local from, shown = unpack(state.stretches[index])
      if from <= latest or index == 1 then return min(most, shown + latest - from) end
      most = shown
    end
  end

  -- The moment at which the clock shows a time, if the sale is not paused any more from now on.
  function queues.moment_of(event, time)
    local shown_now = queues.sale_time(event, event.office)
    if shown_now < time then return event.office + time - shown_now end
    local stretches = event.queue.state.stretches
    for index = #stretches, 1, -1 do
      local from, shown = unpack(stretches[index])
      if shown < time or index == 1 then return from + time - shown end
    end
  end

  -- The end of a turn, which is at least that of each recovery grace that it ran into (see away.lua). The oldest one comes first:
  -- after a pause a turn may last from one into the next.
  function queues.end_of_turn(event, ends_at)
    for at = #event.graces - 15, 1, -16 do
      local from, grace_until = unpack_struct('<dd', event.graces, at)
      local begin = queues.sale_time(event, from)
      if ends_at > begin then ends_at = max(ends_at, begin + grace_until - from) end
    end
    return ends_at
  end

  -- Whether the turn of an entry runs.
  function queues.is_running(event, entry)
    return queues.sale_time(event, event.office) < entry.ends_at
  end

  -- MARK: entries

  function queues.take_entry(event, number, text)
    local queue = event.queue
    if not text then
      queue.entries[number] = false
      return
    end
    local entry, flags = {}, nil
    entry.position, entry.ends_at, entry.hold, entry.purchases, flags = unpack_struct('<ddddB', text)
    entry.has_asked, entry.has_left, entry.digest = flags % 2 == 1, flags >= 2, string.sub(text, 34)
    if entry.ends_at > 0 then entry.ends_at = queues.end_of_turn(event, entry.ends_at) end
    queue.entries[number] = entry
  end

  -- An entry whose turn began, or that left; `nil` if it only waits.
  function queues.entry(event, number)
    local queue = event.queue
    if queue.entries[number] == nil then
      queues.take_entry(event, number, redis.call('HGET', key_of(event, 'entries'), number))
    end
    return queue.entries[number] or nil
  end

  -- The same, which is there from now on and is written.
  function queues.changed_entry(event, number)
    local queue = event.queue
    local entry = queues.entry(event, number)
      or { position = 0, ends_at = 0, hold = 0, purchases = 0, has_asked = false, has_left = false, digest = '' }
    queue.entries[number], queue.changed_entries[number], queue.is_changed = entry, true, true
    return entry
  end

  -- Reads the entries of the commands of a call at once.
  function queues.fetch(event, commands)
    local numbers, seen, found = {}, {}, {}
    for _, command in ipairs(commands) do
      local number = command.entry or command.pass and command.pass.number
      if number and not seen[number] then
        seen[number] = true
        numbers[#numbers + 1] = number
      end
    end
    if #numbers == 0 or not queues.of(event) then return end
    fetch(key_of(event, 'entries'), numbers, found)
    for _, number in ipairs(numbers) do queues.take_entry(event, number, found[number]) end
  end

  -- MARK: moves of the head

  -- Names sort by head.
  local function name_of(head)
    return string.format('%010d', head)
  end

  local function move_of(event, name)
    local queue = event.queue
    if not queue.moves[name] then
      local move = {}
      move.at, move.people, move.begun, move.asked =
        unpack_struct('<dddd', redis.call('HGET', event.keys[KEY.queue], name))
      queue.moves[name] = move
    end
    return queue.moves[name]
  end

  -- The move with which the head passed a position; `nil` if that is too long ago to be remembered.
  function queues.move_past(event, position)
    local queue, from = event.queue, name_of(position)
    if position < queue.state.forgotten then return nil end
    -- One move often passed all who ask in a call.
    local found = queue.found
    if found and position >= found.from and position < found.head then return move_of(event, found.name), found.name end
    local name = redis.call('ZRANGEBYLEX', key_of(event, 'moves'), '(' .. from, '+', 'LIMIT', 0, 1)[1]
    for index = 1, name and 0 or #queue.new_moves do
      if queue.new_moves[index] > from then
        name = queue.new_moves[index]
        break
      end
    end
    if not name then return nil end
    queue.found = { from = position, head = tonumber(name), name = name }
    return move_of(event, name), name
  end

  -- The sale was paused, or goes on after a pause.
  function queues.note_sale(event, is_paused)
    local state = queues.of(event).state
    event.queue.is_changed = true
    if is_paused then
      state.paused_at = event.office
      return
    end
    local shown = queues.sale_time(event, event.office)
    if state.paused_at and state.paused_at < event.office then
      state.stretches[#state.stretches + 1] = { event.office, shown }
      if #state.stretches > QUEUE.stretches then table.remove(state.stretches, 1) end
    end
    state.paused_at = nil
    queues.go_on(event)
  end

  -- The sale goes on: who was let in before has all the time again in which the next look begins a turn (Q5 Turn).
  function queues.go_on(event)
    queues.of(event).state.went_on_at, event.queue.is_changed = event.office, true
  end

  -- Whether the time is over in which the next look begins the turn of a position.
  function queues.is_late(event, position)
    local move = queues.move_past(event, position)
    local from = move and max(move.at, event.queue.state.went_on_at or 0)
    return not from or event.office >= from + event.terms.queue.returning
  end

  function queues.count_at(event, position, what)
    local move, name = queues.move_past(event, position)
    if not move then return end
    move[what] = move[what] + 1
    event.queue.changed_moves[name] = true
  end

  -- `is_known`: whether those whom the head passes are known to be there. Else admission learns nothing from them, and as many
  -- asked as could never be.
  function queues.move(event, head, people, is_known)
    local queue, name = event.queue, name_of(head)
    queue.state.head, queue.state.moved_at = head, event.office
    queue.moves[name] = { at = event.office, people = people, begun = 0, asked = is_known and 0 or -1e9 }
    queue.new_moves[#queue.new_moves + 1], queue.changed_moves[name] = name, true
  end

  -- Calls `visit` for the moves within the last `span` milliseconds, the latest first. `time`: which clock counts them, as
  -- `queues.sale_time`; left out for the event's clock.
  function queues.each_recent(event, span, visit, time)
    local queue, first, names = event.queue, 0, nil
    time = time or function(_, moment) return moment end
    local now = time(event, event.office)
    local function is_recent(name)
      local move = not queue.gone_moves[name] and move_of(event, name)
      if not move or now >= time(event, move.at) + span then return false end
      visit(move)
      return true
    end
    for index = #queue.new_moves, 1, -1 do
      if not is_recent(queue.new_moves[index]) then return end
    end
    repeat
      names = redis.call('ZREVRANGE', key_of(event, 'moves'), first, first + 63)
      for _, name in ipairs(names) do
        if not is_recent(name) then return end
      end
      first = first + 64
    until #names < 64
  end

  -- The names of the moves behind a head, the earliest first, some at most.
  local function moves_behind(event, head)
    local names = redis.call('ZRANGEBYLEX', key_of(event, 'moves'), '(' .. name_of(head), '+', 'LIMIT', 0, 256)
    if #names < 256 then
      for _, name in ipairs(event.queue.new_moves) do
        if name > name_of(head) then names[#names + 1] = name end
      end
    end
    return names
  end

  -- MARK: time

  local function learn_from_moves(event, state, turns_over)
    local now = queues.sale_time(event, event.office)
    for _, name in ipairs(moves_behind(event, state.learned_head)) do
      local move = move_of(event, name)
      if queues.sale_time(event, move.at) + turns_over > now then return end
      if move.asked >= 0 then
        state.called, state.asked = state.called + move.people, state.asked + min(move.asked, move.people)
      end
      state.learned_head, event.queue.is_changed = tonumber(name), true
    end
  end

  local function forget_moves(event, state, remembered)
    for _, name in ipairs(moves_behind(event, state.forgotten)) do
      local head = tonumber(name)
      local from = max(move_of(event, name).at, state.went_on_at or 0)
      if head > state.learned_head or from + remembered > event.office then return end
      state.forgotten, event.queue.gone_moves[name], event.queue.is_changed = head, true, true
    end
  end

  -- A hold ended. Admission learns of it at once, whatever became of earlier ones.
  local function learn_of_end(event, is_bought)
    local state = event.queue.state
    state.ended, state.sold = state.ended + 1, state.sold + (is_bought and 1 or 0)
  end

  -- A hold of an entry ended before its time.
  function queues.note_ended(event, record, is_bought)
    if not record.queued or not queues.of(event) or not queues.entry(event, record.queued - 1) then return end
    queues.set_end(event, 'unsettled', record.number, false)
    learn_of_end(event, is_bought)
  end

  -- Learns from what is over by now, and forgets it (`EventQueue.settle`).
  function queues.settle(event)
    local state, terms = event.queue.state, event.terms.queue
    take_ended(event, 'undecided', queues.sale_time(event, event.office), function(number)
      local entry = queues.entry(event, number)
      if not entry or entry.has_asked or entry.has_left then return end
      -- A restart may have given it more time.
      if queues.is_running(event, entry) then return queues.set_end(event, 'undecided', number, entry.ends_at) end
      state.undecided = state.undecided - 1
      queues.changed_entry(event, number).has_asked = true
    end)
    take_ended(event, 'unsettled', event.office, function(number)
      local record = record_of(event, number)
      local is_extended = record and is_live(event, record)
      if is_extended then queues.set_end(event, 'unsettled', number, record.deadline) else learn_of_end(event, false) end
    end)
    local turns_over = QUEUE.looks_within + terms.turn
    learn_from_moves(event, state, turns_over)
    -- The time in which turns begin stands while nobody can.
    if state.stage == QUEUE.moving and not event.terms.paused then
      forget_moves(event, state, max(terms.returning, turns_over))
    end
    queues.forget_joins(event, 256)
  end

  -- MARK: holds

  -- It is known now whether the entry asks.
  function queues.decide(event, number, entry)
    if entry.ends_at > 0 and not entry.has_asked and not entry.has_left then
      event.queue.state.undecided = event.queue.state.undecided - 1
      queues.set_end(event, 'undecided', number, false)
    end
  end

  -- An entry got a hold that ends at `deadline` unless it is extended. Returns how the hold's record names the entry; `nil` if its caller goes past the queue.
  function queues.note_held(event, command, hold, lines, deadline)
    if not command.pass or command.past and command.past.queue then return nil end
    local state, number, tickets = queues.of(event).state, command.pass.number, quantity_of(lines)
    local entry = queues.changed_entry(event, number)
    if not entry.has_asked then
      queues.decide(event, number, entry)
      state.takers, state.taken, state.squares = state.takers + 1, state.taken + tickets, state.squares + tickets * tickets
      queues.count_at(event, entry.position, 'asked')
    end
    entry.has_asked, entry.hold, entry.digest = true, hold, state.by_buyer and command.digest or ''
    queues.set_end(event, 'unsettled', hold, deadline)
    return number + 1
  end

  -- Whether a late payment for a hold of an entry still fits into what the entry may buy.
  function queues.fits(event, record)
    local terms = event.terms.queue
    if not record.queued or not terms or not queues.of(event) then return true end
    local entry = queues.entry(event, record.queued - 1)
    if not entry then return true end
    local live = entry.hold ~= record.number and queues.has_live(event, entry) and 1 or 0
    return entry.purchases + live < terms.purchases
  end

  -- MARK: writing

  local function save_moves(event, queue, fields)
    local names, gone = {}, {}
    for name in pairs(queue.gone_moves) do
      gone[#gone + 1] = name
      queue.changed_moves[name] = nil
    end
    for _, name in ipairs(queue.new_moves) do
      if not queue.gone_moves[name] then
        names[#names + 1] = 0
        names[#names + 1] = name
      end
    end
    for name in pairs(queue.changed_moves) do
      local move = queue.moves[name]
      fields[#fields + 1] = name
      fields[#fields + 1] = pack('<dddd', move.at, move.people, move.begun, move.asked)
    end
    write_all('HDEL', event.keys[KEY.queue], gone)
    write_all('ZREM', key_of(event, 'moves'), gone)
    write_all('ZADD', key_of(event, 'moves'), names)
  end

  function queues.is_changed(event)
    return event.queue and event.queue.is_changed
  end

  function queues.save(event)
    if not queues.is_changed(event) then return end
    local queue, entries = event.queue, {}
    local fields = { 'state', cmsgpack.pack(queue.state) }
    if queue.presence then
      fields[#fields + 1] = 'presence'
      fields[#fields + 1] = queue.presence
    end
    save_moves(event, queue, fields)
    write_all('HSET', event.keys[KEY.queue], fields)
    for number in pairs(queue.changed_entries) do
      local entry = queue.entries[number]
      entries[#entries + 1] = number
      entries[#entries + 1] = pack(
        '<ddddB', entry.position, entry.ends_at, entry.hold, entry.purchases,
        (entry.has_asked and 1 or 0) + (entry.has_left and 2 or 0)) .. entry.digest
    end
    write_all('HSET', key_of(event, 'entries'), entries)
    write_all('HDEL', key_of(event, 'buyers'), queue.gone_buyers)
    write_all('HSET', key_of(event, 'buyers'), queue.new_buyers)
    write_all('HDEL', key_of(event, 'joins'), queue.gone_joins)
    write_all('HSET', key_of(event, 'joins'), queue.new_joins)
    for list in pairs(queue.ends) do save_ends(event, list) end
    save_list(event, queue.joined)
  end
end
