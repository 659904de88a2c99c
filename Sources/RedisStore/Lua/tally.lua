-- One step of a recount a call (see walk.lua).
do

-- Reads the records of `numbers`: what they promise, which payments do not lead back to them, and how many are
-- missing.
local function walk_through(event, walk, event_number, numbers)
  local found, payments, owners, known = {}, {}, {}, {}
  local seen = { held = {}, sold = {}, strayed = 0, missing = 0 }
  for pool = 1, #event.terms.pools do seen.held[pool], seen.sold[pool] = 0, 0 end
  fetch(event.keys[KEY.holds], numbers, found)
  for _, number in ipairs(numbers) do
    local record = found[number] and unpack_record(number, found[number])
    if record then
      add_promised(event, walk, record, seen.held, seen.sold, 1)
      if record.payment ~= '' and record.state ~= OWED then
        payments[#payments + 1] = record.payment
        owners[record.payment] = string.format('%d.%d', event_number, number)
      end
    else
      seen.missing = seen.missing + 1
    end
  end
  fetch(event.keys[KEY.payments], payments, known)
  for _, payment in ipairs(payments) do
    if known[payment] ~= owners[payment] then seen.strayed = seen.strayed + 1 end
  end
  return seen
end

-- Begins a walk after settling the event. Returns the walk, or `nil` and why it cannot begin.
local function begin_walk(event, id)
  local other = read_walk(event)
  if other and other.id ~= id then return nil, STATUS.busy end
  local is_settled = settle(event)
  if not is_settled then
    save_event(event)
    return nil, STATUS.again
  end
  local walk = { id = id, at = event.office, to = event.next, from = 0, held = {}, sold = {} }
  for pool = 1, #event.terms.pools do walk.held[pool], walk.sold[pool] = 0, 0 end
  return walk
end

-- args: the number of the event, the recovery grace, the number of the walk, where to go on (0 to begin), how many
-- holds.
--
-- Returns, behind the head: where to go on (0 at the end); facts, payments that lead elsewhere, missing holds; held
-- and sold places of each pool. The last step adds the notes of the walk.
local function tally(keys, args)
  begin()
  local event = open_event(keys)
  if not event then return no_event() end
  local id, from = tonumber(args[3]), tonumber(args[4])
  local is_interrupted = come_back(event, tonumber(args[2]))
  local walk, failure
  if from == 0 then walk, failure = begin_walk(event, id) else walk = read_walk(event) end
  if failure then return table.concat(head(failure, event, event.version)) end
  if from > 0 and (is_interrupted or not walk or walk.id ~= id or walk.from ~= from) then
    return table.concat(head(STATUS.interrupted, event, event.version))
  end
  local numbers, next_from = given_numbers(event, walk.from, tonumber(args[5]), walk.to)
  local seen = walk_through(event, walk, tonumber(args[1]), numbers)
  walk.from, walk.ticks = next_from, event.ticks
  event.changed_fields.walk = next_from == 0 and '' or pack_walk(walk)
  save_event(event)
  local parts = head(STATUS.decided, event, -1)
  parts[#parts + 1] = pack('<dddd', next_from, event.facts, seen.strayed, seen.missing)
  local is_last = next_from == 0
  for pool = 1, #seen.held do
    parts[#parts + 1] = pack(
      '<dd', seen.held[pool] + (is_last and walk.held[pool] or 0), seen.sold[pool] + (is_last and walk.sold[pool] or 0))
  end
  return table.concat(parts)
end

functions.tally = tally
end
