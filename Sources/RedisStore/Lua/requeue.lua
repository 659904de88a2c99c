-- Counts a queue anew, and forgets what counts no more. What an entry bought follows from its holds, and how far the head and the numbers are
-- follows from the entries (Q9 Fails closed). `mend` sets right what differs. Places in the draw stay as they are, since nothing
-- else says them.
do
  -- Notes a hold of an entry; `entries` has what the holds say, by number.
  function queues.count_hold(event, entries, record)
    local number = record.queued - 1
    local made = entries[number] or { bought = 0, latest = 0 }
    entries[number], made.latest = made, max(made.latest, record.number)
    if record.state == PURCHASED or record.state == RETURNED then made.bought = made.bought + 1 end
  end

  local function read_entries(event)
    local fields, numbers = redis.call('HGETALL', queues.key_of(event, 'entries')), {}
    for index = 1, #fields, 2 do
      numbers[#numbers + 1] = tonumber(fields[index])
      queues.take_entry(event, numbers[#numbers], fields[index + 1])
    end
    return numbers
  end

  -- Returns how many entries differ from their holds. One that is missing begins without a turn, so it holds nothing more.
  local function compare_with_holds(event, numbers, counted)
    local nothing, wrong = { bought = 0, latest = 0 }, 0
    local function compare(number)
      local entry, made = queues.entry(event, number), counted[number] or nothing
      local has_asked = made.latest == 0 or entry and entry.has_asked
      if entry and has_asked and entry.purchases == made.bought and entry.hold == made.latest then return end
      entry = queues.changed_entry(event, number)
      entry.purchases, entry.hold, entry.has_asked = made.bought, made.latest, entry.has_asked or made.latest > 0
      wrong = wrong + 1
    end
    for _, number in ipairs(numbers) do compare(number) end
    for number in pairs(counted) do
      if not queues.entry(event, number) then
        compare(number)
        numbers[#numbers + 1] = number
      end
    end
    return wrong
  end

  -- An entry that was lost lacks the digest by which an erasure of its buyer finds the name that leads to it (R41 Erasure). Returns
  -- how many there are.
  local function find_buyers(event, numbers)
    local queue, unnamed, wrong = event.queue, {}, 0
    if not queue.state.by_buyer then return 0 end
    for _, number in ipairs(numbers) do
      local entry = queues.entry(event, number)
      if entry.hold > 0 and entry.digest == '' then unnamed[number] = entry end
    end
    if not next(unnamed) then return 0 end
    local fields = redis.call('HGETALL', queues.key_of(event, 'buyers'))
    for index = 1, #fields, 2 do
      local number = tonumber(fields[index + 1])
      -- Of an erased buyer nothing leads to the entry.
      if unnamed[number] then
        queues.changed_entry(event, number).digest = fields[index]
        wrong = wrong + 1
      end
    end
    return wrong
  end

  -- Returns how many entries have a place that the draw cannot have given them, or that another one has.
  local function count_strayed(event, numbers)
    local count, places, strayed = event.queue.state.count or 0, {}, 0
    for _, number in ipairs(numbers) do
      local entry = queues.entry(event, number)
      local is_placed = entry.ends_at > 0 and not entry.has_left
      local is_drawn = number < count
      local fits = not is_placed or is_drawn and entry.position < count or not is_drawn and entry.position == number
      if not fits or is_placed and places[entry.position] then strayed = strayed + 1 end
      if is_placed then places[entry.position] = true end
    end
    return strayed
  end

  -- Returns how many figures of the queue differ from its entries.
  local function compare_state(event, numbers)
    local state, wrong = event.queue.state, 0
    local function set(name, value)
      if state[name] == value then return end
      state[name], event.queue.is_changed = value, true
      wrong = wrong + 1
    end
    local issued, head, undecided = state.issued, state.head, 0
    for _, number in ipairs(numbers) do
      local entry = queues.entry(event, number)
      issued = max(issued, number + 1)
      if entry.ends_at > 0 then head = max(head, entry.position + 1) end
      if entry.ends_at > 0 and not entry.has_asked and not entry.has_left then undecided = undecided + 1 end
    end
    set('head', head)
    set('issued', max(issued, head))
    if not state.by_buyer then set('numbered', max(state.numbered, state.issued)) end
    set('undecided', undecided)
    return wrong
  end

  -- Compares the queue with the holds that its entries made, by number (see `queues.count_hold`). Returns how many entries and
  -- figures are wrong, which `queues.save` writes as they are right, and how many entries have a wrong place.
  function queues.recount(event, counted)
    if not queues.of(event) then return 0, redis.call('HLEN', queues.key_of(event, 'entries')) end
    local numbers = read_entries(event)
    local wrong = compare_with_holds(event, numbers, counted)
    wrong = wrong + find_buyers(event, numbers)
    return wrong + compare_state(event, numbers), count_strayed(event, numbers)
  end

  -- Forgets keys of joins that count no more, some at most, and the oldest ones if there are too many (Q2 Numbers).
  function queues.forget_joins(event, most)
    local queue = event.queue
    local state = queue.state
    for _ = 1, most do
      local oldest = queues.front(event, queue.joined)
      local use = oldest and not queue.joined.is_over and redis.call('HGET', queues.key_of(event, 'joins'), oldest)
      local _, at = unpack_struct('<dd', use or pack('<dd', 0, event.office))
      if not use or state.keys < QUEUE.keys and event.office < at + QUEUE.keys_kept then return end
      queues.drop(queue.joined)
      queue.is_changed = true
      -- A key that came again has a later place in the list.
      if not queue.joins[oldest] then queue.gone_joins[#queue.gone_joins + 1] = oldest end
      state.keys = state.keys - 1
    end
  end

  -- The event was removed: it had no sales, and nobody asks for its queue again.
  function queues.forget(event)
    local names = {}
    for index, part in ipairs({ 'moves', 'entries', 'undecided', 'unsettled', 'buyers', 'joins', 'joined' }) do
      names[index] = queues.key_of(event, part)
    end
    write('UNLINK', event.keys[KEY.queue], unpack(names))
  end
end
