-- What operators find (R47 Search): holds by their numbers, newest first, and by their buyers; and how many there are.
--
-- Holds have no index but their numbers, which follow the time, and the names of their buyers (names.lua). An event
-- that keeps no names is walked, and so are holds from before it kept them.
do

-- Up to `count` numbers that were given, below `before`, the latest first; and below which number to go on (0 at the
-- end).
local function given_before(event, before, count)
  local _, edges = read_stretches(event)
  edges[#edges + 1] = event.next
  local numbers = {}
  for index = #edges - 1, 1, -2 do
    for number = min(before, edges[index + 1]) - 1, edges[index], -1 do
      if #numbers == count then return numbers, number + 1 end
      numbers[#numbers + 1] = number
    end
  end
  return numbers, 0
end

-- The same for the holds of a buyer, as far as names are kept. `nil` below that.
local function named_before(event, buyer, before, count)
  local from = event.terms.names_from
  if not from or before <= from then return nil end
  local found = redis.call(
    'ZRANGEBYLEX', event.keys[KEY.names], '(' .. names.of_hold(buyer, before), '[' .. names.of_hold(buyer, from),
    'LIMIT', 0, count)
  local numbers = {}
  for index, name in ipairs(found) do numbers[index] = names.after_numbers - tonumber(string.sub(name, -14)) end
  -- Below the first number that has a name, the holds are walked.
  return numbers, #numbers == count and numbers[count] or from
end

local function state_of(event, record)
  if record.state ~= HELD and record.state ~= OWED then return record.state end
  return record.state == HELD and is_live(event, record) and HELD or EXPIRED
end

-- Places of an allocation are sold as a type of their own, `GA/guests`.
local function has_type(event, record, type)
  for line = 1, #record.lines, 3 do
    if string.match(event.terms.types[record.lines[line] + 1].code, '^[^/]*') == type then return true end
  end
  return false
end

-- Whether a hold is meant: `asked` has a state (-1 for any), a type and a buyer ('' for any), and moments of the day.
local function is_meant(event, record, state, asked)
  return (asked.state < 0 or asked.state == state) and asked.from <= record.held_at and record.held_at < asked.to
    and (asked.buyer == '' or asked.buyer == record.buyer)
    and (asked.type == '' or has_type(event, record, asked.type))
end

-- How far the time of day may have been set back meanwhile, in milliseconds. Beyond that an older hold is not looked for.
local most_set_back = 3600000

-- args: the recovery grace; below which number; how many to look at; state, type, buyer, from, to. Returns below which
-- number to go on (0 at the end), then of each hold its number, the time of day at which it ends for its client, its
-- state, and its record.
local function find_holds(keys, args)
  begin()
  local event = open_event(keys)
  if not event then return {} end
  come_back(event, tonumber(args[1]))
  begin_batch(event)
  local before, count = tonumber(args[2]), min(chunk, tonumber(args[3]))
  local asked = {
    state = tonumber(args[4]), type = args[5], buyer = args[6], from = tonumber(args[7]), to = tonumber(args[8]),
  }
  local numbers, next_before
  if asked.buyer ~= '' then numbers, next_before = named_before(event, asked.buyer, before, count) end
  if not numbers then numbers, next_before = given_before(event, before, count) end
  fetch(keys[KEY.holds], numbers, event.fetched)
  local reply, latest = {}, 0
  for _, number in ipairs(numbers) do
    local text = event.fetched[number]
    local record = text and record_of(event, number)
    if record then
      latest = max(latest, record.held_at)
      local state = state_of(event, record)
      if is_meant(event, record, state, asked) then
        local ends = event.wall + record.deadline - event.office - event.terms.told[record.terms].grace
        reply[#reply + 1] = pack('<ddB', number, ends, state) .. text
      end
    end
  end
  if #numbers > 0 and latest + most_set_back < asked.from then next_before = 0 end
  table.insert(reply, 1, pack('<d', next_before))
  return reply
end

-- Adds tickets of a type to `sums`, which `list` has in their order. `seen` has what the hold was counted for.
local function add_to_sums(sums, list, seen, name, tickets, price)
  if tickets == 0 then return end
  local sum = sums[name]
  if not sum then
    sum = { holds = 0, tickets = 0, amount = 0 }
    sums[name] = sum
    list[#list + 1] = name
  end
  if not seen[name] then sum.holds = sum.holds + 1 end
  seen[name] = true
  sum.tickets, sum.amount = sum.tickets + tickets, sum.amount + tickets * price
end

-- args: the recovery grace; below which number; how many to count. Returns below which number to go on (0 at the end),
-- then for each type, state and terms of holds: how many holds and tickets, and their price. Of a purchase of which a
-- part was returned, each part counts in its state.
local function count_sales(keys, args)
  begin()
  local event = open_event(keys)
  if not event then return pack('<d', 0) end
  come_back(event, tonumber(args[1]))
  begin_batch(event)
  local numbers, next_before = given_before(event, tonumber(args[2]), tonumber(args[3]))
  fetch(keys[KEY.holds], numbers, event.fetched)
  local sums, list = {}, {}
  for _, number in ipairs(numbers) do
    local record, seen = event.fetched[number] and record_of(event, number), {}
    local lines = record and record.lines or {}
    for line = 1, #lines, 3 do
      local state, back = state_of(event, record), 0
      if state == PURCHASED then back = returned_of(record, (line + 2) / 3) end
      local type, terms, price = lines[line], record.terms - 1, lines[line + 2]
      add_to_sums(sums, list, seen, pack('<HBH', type, state, terms), lines[line + 1] - back, price)
      add_to_sums(sums, list, seen, pack('<HBH', type, RETURNED, terms), back, price)
    end
    -- So that memory stays flat.
    event.records[number] = nil
  end
  local parts = { pack('<d', next_before) }
  for _, name in ipairs(list) do
    parts[#parts + 1] = name .. pack('<ddd', sums[name].holds, sums[name].tickets, sums[name].amount)
  end
  return table.concat(parts)
end

functions.find_holds = find_holds
functions.count_sales = count_sales
end
