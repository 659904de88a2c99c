-- An event as it stands, read at the start of a call and written once at its end.
--
-- Keys of an event, all with its number as hash tag:
--   1 event   hash: id (of this definition), terms (cmsgpack), document (JSON), now (packed numbers, see `open_event`),
--             run and stretches (see numbers.lua), grace (see away.lua), walk (see tally.lua), accounts (see
--             accounts.lua), swept (see accounts.lua), live (see pools.lua)
--   2 holds   hash: number of the hold -> packed record
--   3 due     hash: pool and deadline -> places that come free then
--   4 order   sorted set of the same names, all with score 0: their order is that of the names
--   5 buyers  hash: buyer -> packed account, where the event has a limit per buyer, see accounts.lua
--   6 payments  hash: payment -> what became of it, see debts.lua
--   7 keys    hash: idempotency key -> packed use; beside it the lists of them, see keys.lua
--   8 refunds list of packed refunds
--   9 audit   sorted set of packed notes
--  10 given   prefix of the hashes of payments that the event gave up, one a day, see claims.lua
--  11 taken   sorted set of buyers' live holds, all with score 0, see accounts.lua
--  12 debts   hash: how many unconfirmed debts a hold has, and all of them; payments that are owed back for a hold
--  13 unconfirmed  sorted set of unconfirmed debts, all with score 0: moment and payment
--  14 names   sorted set of holds by buyer, all with score 0, see names.lua
--  15 codes   hash: access code -> packed account, see codes.lua
--  16 coded   sorted set of live holds with access codes, all with score 0, see codes.lua
--  17 queue   hash: the event's queue; beside it its entries and more, see queue.lua

-- The functions that nodes call, by name. Lua has room for 200 local names in a text. So a file whose names no other
-- file needs is a block, and puts its functions into this table.
local functions = {}

-- These libraries do not exist yet while a server loads the functions. So each function calls `begin` first.
local pack, unpack_struct, floor, max, min
local function begin()
  pack, unpack_struct = struct.pack, struct.unpack
  floor, max, min = math.floor, math.max, math.min
end
-- `unpack` puts its values on Lua's stack, which has room for some thousands.
local chunk = 1000

-- A cache of events' terms, by key and identity of the definition. Redis has the terms themselves.
local known_terms, known_count = {}, 0

local function call_in_chunks(command, key, list)
  for first = 1, #list, chunk do
    redis.call(command, key, unpack(list, first, min(first + chunk - 1, #list)))
  end
end

-- Reads the fields `names` of the hash `key` into the table `into`; `false` for a missing field.
local function fetch(key, names, into)
  for first = 1, #names, chunk do
    local found = redis.call('HMGET', key, unpack(names, first, min(first + chunk - 1, #names)))
    for index = 1, #found do into[names[first + index - 1]] = found[index] end
  end
end

local function index_terms(terms)
  terms.index_of = {}
  for index, type in ipairs(terms.types) do
    if not type.retired then terms.index_of[type.code] = index end
  end
  -- A release before this one defined the event last: all its holds have the terms in force.
  if not terms.told then
    terms.told, terms.given = {
      {
        life = terms.life, grace = terms.grace, extensions = terms.extensions, reacquires = terms.reacquires,
        currency = '',
      },
    }, 1
  end
  return terms
end

local function read_terms(key, id)
  local known = known_terms[key]
  if known and known.id == id then return known.terms end
  local terms = index_terms(cmsgpack.unpack(redis.call('HGET', key, 'terms')))
  -- The cache is bounded. It forgets everything at once, since reading terms again is cheap.
  if known_count >= 256 then known_terms, known_count = {}, 0 end
  if not known_terms[key] then known_count = known_count + 1 end
  known_terms[key] = { id = id, terms = terms }
  return terms
end

-- Advances the event's clock, which never runs backwards. It counts at most `longest_gap` of a jump forward or of a
-- time without calls. If the server's clock went back, the event's clock goes on from where it was.
local function advance(event)
  local ticks, wall = read_clocks()
  local passed = ticks - event.ticks
  event.absorbed = max(0, passed - longest_gap)
  event.passed = passed
  if passed > 0 then event.office = event.office + min(passed, longest_gap) end
  event.ticks, event.wall = ticks, wall
end

-- The changes of a call, beside what Redis has. They are read when they are needed, and `save_event` writes them.
local function begin_changes(event)
  event.due, event.due_was, event.touched, event.stale = {}, {}, {}, {}
  event.gone, event.changed_fields = {}, {}
  event.new_holds = 0
  event.is_changed = false
end

-- Reads an event; `nil` if there is none.
local function open_event(keys)
  local found = redis.call('HMGET', keys[KEY.event], 'id', 'now', 'run', 'grace', 'walk', 'accounts', 'live')
  if not found[1] then return nil end
  local event = { keys = keys, id = found[1], terms = read_terms(keys[KEY.event], found[1]) }
  local text, at = found[2], nil
  event.office, event.ticks, event.version, event.next, event.facts, event.has_sold, at =
    unpack_struct('<dddddB', text)
  event.first, event.run = event.next, unpack_struct('<d', found[3])
  event.walk_text = found[5]
  if found[6] and found[6] ~= '' then event.accounted_from, event.accounted_to = unpack_struct('<dd', found[6]) end
  event.graces, event.grace_from, event.grace_until = found[4] or '', 0, 0
  if found[4] then event.grace_from, event.grace_until = unpack_struct('<dd', found[4]) end
  local capacity, ceiling, held, sold, earliest, closed = {}, {}, {}, {}, {}, {}
  for pool = 1, #event.terms.pools do
    capacity[pool], ceiling[pool], held[pool], sold[pool], earliest[pool], closed[pool], at =
      unpack_struct('<dddddB', text, at)
  end
  event.capacity, event.ceiling, event.held, event.sold = capacity, ceiling, held, sold
  event.earliest, event.closed = earliest, closed
  event.live_text = found[7]
  held[0], earliest[0] = unpack_struct('<dd', found[7] or pack('<dd', 0, 0))
  begin_changes(event)
  advance(event)
  return event
end

local function packed_now(event)
  local parts = {
    pack('<dddddB', event.office, event.ticks, event.version, event.next, event.facts, event.has_sold),
  }
  for pool = 1, #event.terms.pools do
    parts[pool + 1] = pack(
      '<dddddB', event.capacity[pool], event.ceiling[pool], event.held[pool], event.sold[pool],
      event.earliest[pool], event.closed[pool])
  end
  return table.concat(parts)
end
