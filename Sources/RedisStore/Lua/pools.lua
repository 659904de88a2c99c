-- The places of the pools (`free + held + sold = capacity`), and when held places come free by themselves.
--
-- The calendar has one entry for each pool and each millisecond in which places come free, not one for each hold. All
-- holds of a call share an entry, and a million holds that end within a second are a thousand entries a pool.
--
-- Live holds (R21 Bounds) are counted in the same way: index 0 of `held` and `earliest` is for holds, and the indexes
-- from 1 on are for the places of the pools. The event keeps both numbers of index 0 in its hash under `live`.

local free, is_of_allocation, entry_name, note_entry, add_entry, remove_entry, earliest, settle, hold_places,
  release_places, sell_places, sell_free_places, take_places_back, enter_new_holds, count_hold, uncount_hold,
  set_capacity, save_event
do
-- Places that are neither held nor sold.
function free(event, pool)
  return max(0, event.capacity[pool] - event.held[pool] - event.sold[pool])
end

-- Whether a pool counts what was taken through an allocation of another pool (see allocations.lua). Its capacity is no
-- bound and never changes.
function is_of_allocation(terms, pool)
  return string.find(terms.pools[pool], '/', 1, true) ~= nil
end

-- If a pool's numbers contradict each other, the pool closes and the call goes on: live holds can still be completed
-- (R4 Broken rule). The ceiling is how many places may be promised: the capacity, or more if more was promised when
-- an operator lowered the capacity (R1 Conservation).
local function check(event, pool)
  local promised = event.held[pool] + event.sold[pool]
  if event.held[pool] < 0 or event.sold[pool] < 0 or promised > event.ceiling[pool] then event.closed[pool] = 1 end
  event.ceiling[pool] = max(event.capacity[pool], min(event.ceiling[pool], promised))
end

-- Names sort by pool, then by deadline.
function entry_name(pool, deadline)
  return string.format('%04x%014d', pool, deadline)
end

function note_entry(event, name, found)
  event.due_was[name] = found and true or false
  event.due[name] = tonumber(found or 0)
  event.touched[#event.touched + 1] = name
end

local function places_at(event, name)
  if event.due[name] == nil then note_entry(event, name, redis.call('HGET', event.keys[KEY.due], name)) end
  return event.due[name]
end

function add_entry(event, pool, quantity, deadline)
  local name
  -- Nearly every entry is for the deadline of this call's holds, so that name is made once.
  if event.shared_deadline == deadline then name = event.shared_names[pool] else
    event.shared_deadline, event.shared_names = deadline, {}
  end
  if not name then
    name = entry_name(pool, deadline)
    event.shared_names[pool] = name
  end
  event.due[name] = places_at(event, name) + quantity
  local earliest = event.earliest[pool]
  if earliest == 0 or deadline < earliest then event.earliest[pool] = deadline end
end

function remove_entry(event, pool, quantity, deadline)
  local name = entry_name(pool, deadline)
  local there = places_at(event, name)
  if there < quantity then
    event.closed[pool] = 1
    return
  end
  event.due[name] = there - quantity
  if there == quantity and event.earliest[pool] == deadline then event.stale[pool] = true end
end

local function least_touched(event, pool)
  local prefix, least = string.format('%04x', pool), 0
  for _, name in ipairs(event.touched) do
    if event.due[name] > 0 and string.sub(name, 1, 4) == prefix then
      local deadline = tonumber(string.sub(name, 5))
      if least == 0 or deadline < least then least = deadline end
    end
  end
  return least
end

-- The deadline of the first held places of `pool`; 0 if none are held.
function earliest(event, pool)
  if not event.stale[pool] then return event.earliest[pool] end
  local least = least_touched(event, pool)
  local from, to = '(' .. entry_name(pool, last_ended(event)), '(' .. string.format('%04x', pool + 1)
  local offset, is_found = 0, false
  repeat
    local names = redis.call('ZRANGEBYLEX', event.keys[KEY.order], from, to, 'LIMIT', offset, 16)
    for _, name in ipairs(names) do
      -- `least` includes the entries that this call touched.
      if event.due[name] == nil then
        local deadline = tonumber(string.sub(name, 5))
        if least == 0 or deadline < least then least = deadline end
        is_found = true
        break
      end
    end
    offset = offset + 16
  until is_found or #names < 16
  event.earliest[pool], event.stale[pool] = least, nil
  return least
end

-- Gives back the places of expired holds. It comes before every look at the numbers, so no answer depends on an
-- earlier look (R2 Never twice, never lost).
--
-- Returns `false` if more holds ended than one call settles: then the call must decide nothing.
function settle(event)
  local left, last = most_settled, last_ended(event)
  for pool = 0, #event.held do
    local first = event.earliest[pool]
    if first > 0 and first <= last then
      if left <= 0 then return false end
      local names = redis.call(
        'ZRANGEBYLEX', event.keys[KEY.order], '[' .. string.format('%04x', pool),
        '[' .. entry_name(pool, last), 'LIMIT', 0, left)
      local quantities = {}
      fetch(event.keys[KEY.due], names, quantities)
      for _, name in ipairs(names) do
        event.held[pool] = event.held[pool] - tonumber(quantities[name] or 0)
        event.gone[#event.gone + 1] = name
      end
      if pool > 0 then check(event, pool) end
      event.is_changed = true
      if #names == left then return false end
      left = left - #names
      event.stale[pool] = true
    end
  end
  return true
end

function hold_places(event, pool, quantity, deadline)
  event.held[pool] = event.held[pool] + quantity
  add_entry(event, pool, quantity, deadline)
  check(event, pool)
end

function release_places(event, pool, quantity, deadline)
  remove_entry(event, pool, quantity, deadline)
  event.held[pool] = event.held[pool] - quantity
  check(event, pool)
end

function sell_places(event, pool, quantity, deadline)
  remove_entry(event, pool, quantity, deadline)
  event.held[pool] = event.held[pool] - quantity
  event.sold[pool] = event.sold[pool] + quantity
  check(event, pool)
end

-- Sells places that nobody holds, to a late payment.
function sell_free_places(event, pool, quantity)
  event.sold[pool] = event.sold[pool] + quantity
  check(event, pool)
end

function take_places_back(event, pool, quantity)
  event.sold[pool] = event.sold[pool] - quantity
  check(event, pool)
end

-- The new holds of a call have one deadline, so they get their entry at once, before it is needed.
function enter_new_holds(event)
  if event.new_holds == 0 then return end
  add_entry(event, 0, event.new_holds, event.new_deadline)
  event.new_holds = 0
end

function count_hold(event, deadline)
  event.held[0] = event.held[0] + 1
  event.new_holds, event.new_deadline = event.new_holds + 1, deadline
end

-- A hold from a release before this one has no entry and was not counted.
function uncount_hold(event, deadline)
  enter_new_holds(event)
  if places_at(event, entry_name(0, deadline)) == 0 then return end
  event.held[0] = event.held[0] - 1
  remove_entry(event, 0, 1, deadline)
end

function set_capacity(event, pool, capacity)
  event.capacity[pool] = capacity
  event.ceiling[pool] = max(capacity, event.held[pool] + event.sold[pool])
  check(event, pool)
end

-- Writes the calendar and the numbers.
function save_event(event)
  enter_new_holds(event)
  for pool = 0, #event.held do earliest(event, pool) end
  local live = pack('<dd', event.held[0], event.earliest[0])
  if live ~= event.live_text then event.changed_fields.live = live end
  local set, added, removed = {}, {}, event.gone
  for _, name in ipairs(event.touched) do
    local quantity, was = event.due[name], event.due_was[name]
    if quantity > 0 then
      set[#set + 1] = name
      set[#set + 1] = quantity
      if not was then
        added[#added + 1] = 0
        added[#added + 1] = name
      end
    elseif was then
      removed[#removed + 1] = name
    end
  end
  if event.is_changed then event.version = event.version + 1 end
  -- The first write of a call (see writes.lua).
  local fields = { 'now', packed_now(event) }
  for name, text in pairs(event.changed_fields) do
    fields[#fields + 1] = name
    fields[#fields + 1] = text
  end
  write_all('HSET', event.keys[KEY.event], fields)
  write_all('HSET', event.keys[KEY.due], set)
  write_all('ZADD', event.keys[KEY.order], added)
  write_all('HDEL', event.keys[KEY.due], removed)
  write_all('ZREM', event.keys[KEY.order], removed)
end
end
