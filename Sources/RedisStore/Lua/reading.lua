-- What nodes read of an event: its definition with everything that holds may refer to, and pages of its holds.
do

local function details(keys)
  begin()
  local event = open_event(keys)
  if not event then return no_event() end
  local terms = event.terms
  -- A former version split the pools over several servers: no node of this version sells the event.
  if terms.parts then return pack('<Bdd', STATUS.in_parts, event.office, event.wall) end
  local parts = head(STATUS.decided, event, -1)
  parts[#parts + 1] = pack(
    '<BBddBc0H', (terms.paused and 1 or 0) + (terms.cancelled_at and 2 or 0), terms.removed and 1 or 0, event.next, event.facts, #terms.code, terms.code,
    #terms.pools)
  for _, code in ipairs(terms.pools) do parts[#parts + 1] = pack('<Bc0', #code, code) end
  parts[#parts + 1] = pack('<H', #terms.types)
  for _, type in ipairs(terms.types) do
    parts[#parts + 1] = pack(
      '<Bc0Bc0dBB', #type.code, type.code, #type.name, type.name, type.price, type.retired and 1 or 0, #type.pools)
    for _, pool in ipairs(type.pools) do parts[#parts + 1] = pack('<H', pool - 1) end
  end
  parts[#parts + 1] = pack('<H', #terms.told)
  for _, told in ipairs(terms.told) do parts[#parts + 1] = pack('<Bc0', #told.currency, told.currency) end
  local batches = terms.batches or {}
  parts[#parts + 1] = pack('<H', #batches)
  for _, batch in ipairs(batches) do parts[#parts + 1] = pack('<Bc0', #batch.name, batch.name) end
  parts[#parts + 1] = redis.call('HGET', keys[KEY.event], 'document')
  return table.concat(parts)
end

-- args: the first number, how many to look at, 1 for sold holds only. Returns the number to go on from (0 at the
-- end), then number and record of each.
local function page_of_holds(keys, args)
  begin()
  local event = open_event(keys)
  if not event then return {} end
  local numbers, next_from = given_numbers(event, tonumber(args[1]), min(chunk, tonumber(args[2])), event.next)
  local only_sold, reply, found = args[3] == '1', { pack('<d', next_from) }, {}
  fetch(keys[KEY.holds], numbers, found)
  for _, number in ipairs(numbers) do
    local text = found[number]
    local state = text and unpack_struct('<B', text) % first_mark
    if text and (not only_sold or state == PURCHASED or state == RETURNED) then
      reply[#reply + 1] = pack('<d', number) .. text
    end
  end
  return reply
end

functions.details = details
functions.page_of_holds = page_of_holds
end
