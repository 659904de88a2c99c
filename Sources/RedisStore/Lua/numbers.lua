-- The numbers of an event's holds. No number is given twice, whatever facts are lost.
--
-- A token is a signature over the number of a hold. If a number were given twice, two buyers would have the same
-- token. A crash or a failover can lose the newest facts, and with them the count of the numbers given. So the
-- numbers follow the time. While a server runs, each number is one more than the last. A new life of the server
-- (`this_run`) goes on with the number that it would have reached with `numbers_a_ms` numbers in each millisecond
-- since the first one. No server gives that many, so the new numbers are above all lost ones, even if the same old
-- state comes back several times. The number of a lost event can be given again, too. So the first number of an event
-- follows from the moment of its definition.
--
-- The event's hash has `run`, the life of the server that gave the last numbers, and `stretches`: the moment of the
-- first number, then the begin and the end of each stretch of numbers without gaps. The last stretch ends with the
-- next number.

local first_number, read_stretches, pack_stretches, begin_run, given_numbers
do
local numbers_a_ms = 64
-- Half of the numbers are for the first numbers of events, the other half for going on from there: 397 days each. An
-- older event goes on by `short_leap` in a new life of the server. Then a number can be given twice only if the same
-- old state comes back twice.
local half_of_numbers = 2 ^ 41
local short_leap = 2 ^ 20
local room_for_short_leaps = 2 ^ 36

function first_number(ticks)
  return 1 + ticks * numbers_a_ms % half_of_numbers
end

function read_stretches(event)
  -- This call may have changed them: a new life of the server begins a new stretch.
  local text = event.changed_fields.stretches or redis.call('HGET', event.keys[KEY.event], 'stretches')
  local born, at = unpack_struct('<d', text)
  local edges = {}
  while at <= #text do edges[#edges + 1], at = unpack_struct('<d', text, at) end
  return born, edges
end

function pack_stretches(born, edges)
  local parts = { pack('<d', born) }
  for index, edge in ipairs(edges) do parts[index + 1] = pack('<d', edge) end
  return table.concat(parts)
end

-- Leaves out the numbers that may be lost if the server has a new life since the last number was given. Returns
-- whether it has. Called before the first number of a call.
function begin_run(event)
  local run = this_run()
  if event.run == run then return false end
  local born, edges = read_stretches(event)
  local begin = edges[1] + (event.ticks - born) * numbers_a_ms
  -- The server's clock may be behind the clock of the server before.
  if begin <= event.next or begin > edges[1] + half_of_numbers - room_for_short_leaps then
    begin = event.next + short_leap
  end
  -- Drop a stretch without numbers.
  if edges[#edges] < event.next then edges[#edges + 1] = event.next else edges[#edges] = nil end
  edges[#edges + 1] = begin
  event.run, event.next, event.first = run, begin, begin
  event.changed_fields.run, event.changed_fields.stretches = pack('<d', run), pack_stretches(born, edges)
  -- Nodes may have seen versions that are lost. The new version is above them, so that nodes take it as news.
  event.version = max(event.version, event.ticks * 1024)
  event.is_changed = true
  return true
end

-- Up to `count` numbers that were given, from `from` on and below `to`, and where to go on (0 at the end).
function given_numbers(event, from, count, to)
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
end
