-- The numbers of an event's holds. Each is given once, whatever facts were lost.
--
-- A token is a signature over a hold's number: who gets a number that was given before gets somebody else's token. How many
-- were given is a fact like others, and a crash or a failover turns it back behind what was answered. So numbers follow
-- the time. While a server runs, the next is one more. Another life of it (`this_run`) goes on where the numbers would
-- stand had there been `numbers_a_ms` of them in each millisecond since the first, which is more than any server
-- gives: it can meet none that was lost, also if it comes back to the same old state again and again. And since the
-- number of an event may be given again, too, an event's first number follows from the moment in which it was defined.
--
-- In the event's hash: `run`, the life of the server that gave the last numbers, and `stretches`: the moment of the first
-- number, then begin and end of every stretch without gaps; the last one ends with the numbers given so far.

local numbers_a_ms = 64
-- A half of them is for where an event begins, the other one for going on from there: 397 days each. An event that is
-- older goes on by `short_leap` in another life, which meets what was lost only if the same state came back twice.
local half_of_numbers = 2 ^ 41
local short_leap = 2 ^ 20
local room_for_short_leaps = 2 ^ 36

local function first_number(ticks)
  return 1 + ticks * numbers_a_ms % half_of_numbers
end

local function read_stretches(event)
  local text = redis.call('HGET', event.keys[1], 'stretches')
  local born, at = unpack_struct('<d', text)
  local edges = {}
  while at <= #text do edges[#edges + 1], at = unpack_struct('<d', text, at) end
  return born, edges
end

local function pack_stretches(born, edges)
  local parts = { pack('<d', born) }
  for index, edge in ipairs(edges) do parts[index + 1] = pack('<d', edge) end
  return table.concat(parts)
end

-- Leaves out what was given and lost, if this is another life of the server than that of the last numbers; whether it is.
-- Before the first number of a call.
local function begin_run(event)
  local run = this_run()
  if event.run == run then return false end
  local born, edges = read_stretches(event)
  local begin = edges[1] + (event.ticks - born) * numbers_a_ms
  -- The server's clock may be behind the last one's.
  if begin <= event.next or begin > edges[1] + half_of_numbers - room_for_short_leaps then
    begin = event.next + short_leap
  end
  -- A stretch in which nothing was given is none.
  if edges[#edges] < event.next then edges[#edges + 1] = event.next else edges[#edges] = nil end
  edges[#edges + 1] = begin
  event.run, event.next, event.first = run, begin, begin
  event.changed_fields.run, event.changed_fields.stretches = pack('<d', run), pack_stretches(born, edges)
  -- Nodes heard of versions that are lost: this one is above them, and news.
  event.version = max(event.version, event.ticks * 1024)
  event.is_changed = true
  return true
end

-- Up to `count` numbers that were given, from `from` on and below `to`, and where to go on; 0 if there are no more.
local function given_numbers(event, from, count, to)
  local _, edges = read_stretches(event)
  edges[#edges + 1] = event.next
  local numbers = {}
  for index = 1, #edges, 2 do
    for number = max(from, edges[index]), min(to, edges[index + 1]) - 1 do
      if #numbers == count then return numbers, number end
      numbers[#numbers + 1] = number
    end
  end
  return numbers, 0
end
