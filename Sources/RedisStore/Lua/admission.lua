-- How many people a queue lets in, and how it shows (Q4 Head, Q7 Admission), by the same rules as `BoxOffice+Admission.swift`.
do
  local past_pause = { pause = true }
  -- A report that is older counts no more. A node that went away leaves people behind who look at another one within 75 seconds.
  local longest_silence = 120000
  -- A report that says the same again is written after so long: an idle queue costs a server no writes of its own.
  local repeated_after = 30000

  function queues.refusal_of_ended(event)
    local closes_at = event.terms.closes_at
    return closes_at and event.wall >= closes_at and pack('<Bd', REFUSED.ended, closes_at) or nil
  end

  -- MARK: presence

  local function read_reports(event)
    local text, reports, at = event.queue.presence or redis.call('HGET', event.keys[KEY.queue], 'presence') or '', {}, 1
    while at <= #text do
      local report, count = { counts = {} }, nil
      report.node, report.at, report.first, report.width, report.is_complete, report.present, count, at =
        unpack_struct('<c8dddBdH', text, at)
      for index = 1, count do report.counts[index], at = unpack_struct('<I4', text, at) end
      reports[#reports + 1] = report
    end
    return reports
  end

  local function pack_report(report)
    local parts = {
      pack(
        '<c8dddBdH', report.node, report.at, report.first, report.width, report.is_complete, report.present, #report.counts),
    }
    for index, count in ipairs(report.counts) do parts[index + 1] = pack('<I4', count) end
    return table.concat(parts)
  end

  -- A node reports who looked there lately. It replaces what the node reported before.
  function queues.take_report(event, report)
    local parts, is_known, is_gone = {}, false, false
    for _, other in ipairs(read_reports(event)) do
      if other.node == report.node then
        report.at = other.at
        is_known = event.office < other.at + repeated_after and pack_report(report) == pack_report(other)
      elseif event.office < other.at + longest_silence then
        parts[#parts + 1] = pack_report(other)
      else
        is_gone = true
      end
    end
    if is_known and not is_gone then return end
    report.at = event.office
    parts[#parts + 1] = pack_report(report)
    event.queue.presence, event.queue.is_changed = table.concat(parts), true
  end

  -- Who is there, by the reports of all nodes. The latest report says where the slices are; a slice of another one counts
  -- where its middle is. Who looked at two nodes is in both reports, so together a slice has as many people as places at most. One
  -- node that knows for long enough who is there is enough: the people of a new one looked at others before.
  local function presence(event)
    local reports = read_reports(event)
    local latest = reports[#reports]
    local sum = { first = 0, width = 1, counts = {}, present = 0, is_complete = false }
    if not latest then return sum end
    sum.first, sum.width = latest.first, latest.width
    for index, count in ipairs(latest.counts) do sum.counts[index] = count end
    for index, report in ipairs(reports) do
      sum.present = sum.present + report.present
      sum.is_complete = sum.is_complete or report.is_complete == 1
      for slice, count in ipairs(index < #reports and report.counts or {}) do
        local middle = report.first + (slice - 1) * report.width + floor(report.width / 2)
        local at = floor((middle - sum.first) / sum.width) + 1
        if count > 0 and middle >= sum.first and sum.counts[at] then
          sum.counts[at] = min(sum.width, sum.counts[at] + count)
        end
      end
    end
    if #reports > 1 then sum.present = min(sum.present, max(0, event.queue.state.issued - event.queue.state.head)) end
    return sum
  end

  function queues.is_presence_known(event)
    return presence(event).is_complete
  end

  -- MARK: admission

  -- Takes as many tickets as the pools have together.
  local function take(pools, left)
    local most = math.huge
    for _, pool in ipairs(pools) do most = min(most, left[pool]) end
    if most <= 0 or most == math.huge then return 0 end
    for _, pool in ipairs(pools) do left[pool] = left[pool] - most end
    return most
  end

  -- Tickets that anybody could still have, and those that would be free besides if every hold ended.
  local function left_of(event, only_on_sale)
    local open, all, now, later = {}, {}, 0, 0
    for pool = 1, #event.held do
      open[pool], all[pool] = 0, 0
      if event.closed[pool] ~= 1 then
        local places, held = sale.open_places(event, pool)
        open[pool], all[pool] = places, places + max(0, held)
      end
    end
    for _, code in ipairs(event.terms.listed) do
      local type = event.terms.types[event.terms.index_of[code]]
      if not (type.closes_at and event.wall >= type.closes_at)
        and not (only_on_sale and type.opens_at and event.wall < type.opens_at) then
        now, later = now + take(type.pools, open), later + take(type.pools, all)
      end
    end
    return now, max(0, later - now)
  end

  -- People who were let in and have not asked for places yet, as far as they can still be expected.
  local function inside(event)
    local coming = 0
    queues.each_recent(
      event, QUEUE.looks_within, function(move) coming = coming + max(0, move.people - move.begun) end, queues.sale_time)
    return coming + event.queue.state.undecided
  end

  -- Each figure begins as if so many observations had said what is usual.
  local worth = 20

  local function learned(state)
    local asking = max(0.02, (worth * 0.95 + state.asked) / (worth + state.called))
    local places = (worth * state.assumed + state.taken) / (worth + state.takers)
    local bought = (worth * 0.8 + state.sold) / (worth + state.ended)
    local squares = (worth * (state.assumed * state.assumed * 1.25) + state.squares) / (worth + state.takers)
    local mean = asking * places
    return asking, places, bought, max(0, asking * squares - mean * mean)
  end

  -- How many people to let in now (Q7 Admission).
  local function people_to_let_in(event)
    local free_places, held = left_of(event, true)
    local inside_now = inside(event)
    local asking, places, bought, variance = learned(event.queue.state)
    local left = free_places + 0.3 * (1 - bought) * held - inside_now * asking * places
    local moved_at = event.queue.state.moved_at
    local is_still = not moved_at
      or queues.sale_time(event, event.office) >= queues.sale_time(event, moved_at) + QUEUE.stillness
    local least = free_places > 0 and (inside_now <= 0 or is_still) and 1 or 0
    if left <= 0 then return least end
    local mean, spread = asking * places, 0.5 * math.sqrt(variance)
    local root = (-spread + math.sqrt(spread * spread + 4 * mean * left)) / (2 * mean)
    return max(least, floor(min(root * root, 2147483647)))
  end

  local function rate_of(event)
    local own = event.queue.state.own_rate
    return own > 0 and own or event.terms.queue.rate
  end

  function queues.allowance(event)
    local state, rate = event.queue.state, rate_of(event)
    return min(rate, state.allowance + (event.office - state.allowance_at) / 1000 * rate)
  end

  -- Takes people who are let in off those who may be within this second.
  function queues.spend(event, people)
    local state = event.queue.state
    state.allowance, state.allowance_at = queues.allowance(event) - people, event.office
  end

  -- How many more people are let in now, `most` at the most; 0 while the queue or the sale is paused. The head moves at most
  -- ten times a second.
  function queues.room(event, most)
    local state = event.queue.state
    if state.paused or event.terms.paused or event.terms.cancelled_at or sale.refusal(event, past_pause)
      or state.moved_at and event.office < state.moved_at + 100 then
      return 0
    end
    return min(most, floor(queues.allowance(event)), people_to_let_in(event))
  end

  -- Where people stand: { the first position, the one behind the last, how many people }. Entries that looked lately.
  local function present(report)
    local found = {}
    for slice, count in ipairs(report.counts) do
      local first = report.first + (slice - 1) * report.width
      found[slice] = { first, first + report.width, count }
    end
    return found
  end

  -- Everybody who has a number: as long as no node knows who is there, nobody is taken for absent. Numbers that a new life of the
  -- server left out are nobody's; the draw spreads them evenly.
  local function everybody(state)
    local drawn, nobody = state.count or 0, 0
    for _, gap in ipairs(state.gaps) do nobody = nobody + min(gap[2], drawn) - min(gap[1], drawn) end
    -- One at least, so that the head can move.
    local found, first = { { 0, drawn, max(1, drawn - nobody) } }, max(drawn, state.head)
    for _, gap in ipairs(state.gaps) do
      if gap[2] > first then
        local behind = max(first, gap[1])
        found[#found + 1] = { first, behind, behind - first }
        first = gap[2]
      end
    end
    if first < state.issued then found[#found + 1] = { first, state.issued, state.issued - first } end
    return found
  end

  -- The end of the gap in which a position is that was not drawn, or the position itself.
  local function past_gap(state, position)
    for _, gap in ipairs(position >= (state.count or 0) and state.gaps or {}) do
      if gap[1] <= position and position < gap[2] then return min(gap[2], state.issued) end
    end
    return position
  end

  -- How far the head would have to move for so many people; and how many it passes (Q4 Head).
  function queues.reach(event, people)
    local state = event.queue.state
    local head = state.head
    if people <= 0 or head >= state.issued then return head, 0 end
    local report, position, rest = presence(event), head, people
    for _, stretch in ipairs(report.is_complete and present(report) or everybody(state)) do
      local first, behind, count = unpack(stretch)
      local from, to, width = max(first, head), min(behind, state.issued), behind - first
      if count > 0 and rest > 0 and to > from then
        -- A part of a stretch has a part of its people.
        local here = floor((count * (to - from) + width - 1) / width)
        if here <= rest then
          position, rest = to, rest - here
        else
          position, rest = from + floor((rest * (to - from) + here - 1) / here), 0
        end
      end
    end
    if not report.is_complete then position = past_gap(state, position) end
    return position, position > head and people - rest or 0
  end

  function queues.is_over(event)
    if event.terms.cancelled_at or queues.refusal_of_ended(event) then return true end
    local free_places, held = left_of(event, false)
    return free_places == 0 and held == 0
  end

  -- MARK: how it shows

  local function phase_of(state)
    return state.stage == QUEUE.moving and state.paused and QUEUE.paused or state.stage
  end

  -- The queue at this moment.
  function queues.view(event)
    local state, called, lives = event.queue.state, 0, {}
    local free_places, held = left_of(event, true)
    queues.each_recent(event, QUEUE.minute, function(move) called = called + move.people end)
    for index, life in ipairs(state.lives) do lives[index] = pack('<dd', life[1], life[2]) end
    return pack(
      '<BBdddddBddddddddddddBc0Bc0B', phase_of(state), state.paused and 1 or 0, state.issued, presence(event).present,
      state.head, called, state.count or -1, state.beacon, rate_of(event), free_places, held, inside(event), state.assumed,
      state.called, state.asked, state.takers, state.taken, state.squares, state.ended, state.sold, #state.secret,
      state.secret, #state.beacon_value, state.beacon_value, #lives) .. table.concat(lives)
  end

  -- MARK: what is due

  function queues.draw(event, beacon, value)
    local queue = event.queue
    queue.state.beacon, queue.state.beacon_value, queue.state.stage = beacon, value, QUEUE.moving
    queue.presence = ''
    queues.note(event)
  end

  local function set_stage(event, stage)
    event.queue.state.stage = stage
    queues.note(event)
    return true
  end

  -- Returns whether something else may be due at once.
  function queues.do_what_is_due(event)
    local state, terms = event.queue.state, event.terms
    if state.stage == QUEUE.gathering then
      if terms.opens_at and event.wall < terms.opens_at then return false end
      state.count, state.gathered_at = state.issued, event.office
      return set_stage(event, QUEUE.drawing)
    end
    if state.stage == QUEUE.drawing then
      local beacon = terms.queue.beacon
      if beacon and state.gathered_at + beacon.wait > event.office then return false end
      queues.draw(event, beacon and QUEUE.missed or QUEUE.not_announced, '')
      return true
    end
    if state.stage == QUEUE.over then
      if queues.is_over(event) then return false end
      queues.go_on(event)
      return set_stage(event, QUEUE.moving)
    end
    if queues.is_over(event) then return set_stage(event, QUEUE.over) end
    local head, people = queues.reach(event, queues.room(event, math.huge))
    if head > state.head then
      queues.move(event, head, people, queues.is_presence_known(event))
      queues.spend(event, people)
      queues.note(event)
    end
    return false
  end
end
