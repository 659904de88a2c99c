-- A recount (a walk over the holds): what the records of an event's holds say about each pool, while selling goes on.
--
-- A walk takes many calls and describes one moment, that of the first call. It leaves out later holds. A hold that
-- changes before the walk reaches it would be counted as it is then. So each call that changes such a hold notes, for
-- each pool, how much more or less the hold held and sold at that moment. The notes and the position of the walk are
-- in the event's hash under `walk` until the walk ends. The recount adds them to what it found.

-- A walk without a step for so long was given up, in milliseconds.
local walk_patience = 10000

local function read_walk(event)
  if not event.walk_text or event.walk_text == '' then return nil end
  local walk, at = { held = {}, sold = {} }, nil
  walk.id, walk.at, walk.to, walk.from, walk.ticks, at = unpack_struct('<ddddd', event.walk_text)
  for pool = 1, #event.terms.pools do
    walk.held[pool], walk.sold[pool] = 0, 0
    -- Pools that were added later had no holds at that moment.
    if at <= #event.walk_text then walk.held[pool], walk.sold[pool], at = unpack_struct('<dd', event.walk_text, at) end
  end
  return event.ticks < walk.ticks + walk_patience and walk or nil
end

local function pack_walk(walk)
  local parts = { pack('<ddddd', walk.id, walk.at, walk.to, walk.from, walk.ticks) }
  for pool = 1, #walk.held do parts[pool + 1] = pack('<dd', walk.held[pool], walk.sold[pool]) end
  return table.concat(parts)
end

-- Adds what a record held and sold at the moment of the walk to `held` and `sold`, times `sign`.
local function add_promised(event, walk, record, held, sold, sign)
  local sums = record.state == PURCHASED and sold
    or record.state == HELD and walk.at < end_of(event, record.deadline) and held
  local lines = kept_lines(record)
  for line = 1, sums and #lines or 0, 3 do
    for _, pool in ipairs(event.terms.types[lines[line] + 1].pools) do
      sums[pool] = sums[pool] + sign * lines[line + 1]
    end
  end
end

-- Before the changes of a call are written: notes what they add to or take from the result of a walk.
local function note_for_walk(event)
  local walk = read_walk(event)
  if not walk then return end
  for number in pairs(event.changed_records) do
    if number >= walk.from and number < walk.to then
      add_promised(event, walk, unpack_record(number, event.fetched[number]), walk.held, walk.sold, 1)
      add_promised(event, walk, event.records[number], walk.held, walk.sold, -1)
      event.changed_fields.walk = pack_walk(walk)
    end
  end
end
