-- The list of events: numbers, codes and revisions, in a hash of its own. The definition is written with the event;
-- the list only leads there and is written afterwards. So it may be behind for a moment, and a node that notices
-- corrects it.
--
-- Fields: `count` (definitions so far), `next` (the number of the next event), `version` (of this list; it follows
-- the time, so that a lost list never had the same one), `c:CODE` -> number, `e:NUMBER` -> packed revision, whether
-- removed, code.
do

local function number_in(key, field, otherwise)
  return tonumber(redis.call('HGET', key, field) or otherwise)
end

-- args: a code. What a change of that event begins with: the time, the event's number (0 if there is none), the
-- number of the next event, and how many definitions there were.
local function look_up(keys, args)
  begin()
  local ticks, wall = read_clocks()
  return pack(
    '<ddddd', ticks, wall, number_in(keys[1], 'c:' .. args[1], 0), number_in(keys[1], 'next', 1),
    number_in(keys[1], 'count', 0))
end

-- args: number, code, revision, 1 if removed. Harmless if repeated, late or out of order. Returns `other_leads` for a
-- new event whose code leads to another one: of two events that nodes made at the same time, the one that reaches the
-- list first is the event, and the other one is never sold.
local function enter(keys, args)
  begin()
  local key, number, code, revision, removed = keys[1], tonumber(args[1]), args[2], tonumber(args[3]), tonumber(args[4])
  local was_revision, was_removed = -1, 0
  local entry = redis.call('HGET', key, 'e:' .. args[1])
  if entry then was_revision, was_removed = unpack_struct('<dB', entry) end
  revision, removed = max(revision, was_revision), max(removed, was_removed)
  local leads_to, count = number_in(key, 'c:' .. code, 0), number_in(key, 'count', 0)
  local next_number = max(number_in(key, 'next', 1), number + 1)
  if not entry and removed == 0 and leads_to > 0 and leads_to ~= number then
    -- No other event gets its number.
    write('HSET', key, 'next', next_number)
    return ENTERED.other_leads
  end
  if revision == was_revision and removed == was_removed then return ENTERED.unchanged end
  write(
    'HSET', key, 'e:' .. args[1], pack('<dBBc0', revision, removed, #code, code), 'count', max(count, revision),
    'next', next_number, 'version', max(number_in(key, 'version', 0) + 1, read_fine_clock()))
  if removed == 0 and leads_to < number then write('HSET', key, 'c:' .. code, number) end
  if removed == 1 and leads_to == number then write('HDEL', key, 'c:' .. code) end
  return ENTERED.changed
end

-- args: the version that the node knows. Returns the time and the version, and every event if the version differs.
local function list_events(keys, args)
  begin()
  local ticks, wall = read_clocks()
  local version = number_in(keys[1], 'version', 0)
  local parts = { pack('<ddd', ticks, wall, version) }
  if version == tonumber(args[1]) then return parts[1] end
  local fields = redis.call('HGETALL', keys[1])
  for index = 1, #fields, 2 do
    if string.sub(fields[index], 1, 2) == 'e:' then
      parts[#parts + 1] = pack('<d', tonumber(string.sub(fields[index], 3))) .. fields[index + 1]
    end
  end
  return table.concat(parts)
end

functions.look_up = look_up
functions.enter = enter
functions.list_events = list_events
end
