-- What nodes read of an event: its definition with everything that holds may refer to, and its holds by the page.

local function details(keys)
  begin()
  local event = open_event(keys)
  if not event then return no_event() end
  local terms = event.terms
  local parts = head(DECIDED, event, -1)
  parts[#parts + 1] = pack(
    '<BBddBc0H', terms.paused and 1 or 0, terms.removed and 1 or 0, event.next, event.facts, #terms.code, terms.code,
    #terms.pools)
  for _, code in ipairs(terms.pools) do parts[#parts + 1] = pack('<Bc0', #code, code) end
  parts[#parts + 1] = pack('<H', #terms.types)
  for _, type in ipairs(terms.types) do
    parts[#parts + 1] = pack(
      '<Bc0Bc0dBB', #type.code, type.code, #type.name, type.name, type.price, type.retired and 1 or 0, #type.pools)
    for _, pool in ipairs(type.pools) do parts[#parts + 1] = pack('<H', pool - 1) end
  end
  parts[#parts + 1] = redis.call('HGET', keys[1], 'document')
  return table.concat(parts)
end

-- args: the first number, how many to look at, 1 for sold ones only. First the next hold's number, the facts so far and
-- the moment; then number and record of each.
local function page_of_holds(keys, args)
  begin()
  local event = open_event(keys)
  if not event then return {} end
  local from, count, only_sold = tonumber(args[1]), min(chunk, tonumber(args[2])), args[3] == '1'
  local reply = { pack('<dddd', event.next, event.facts, event.office, event.wall) }
  local numbers, found = {}, {}
  for number = from, min(from + count, event.next) - 1 do numbers[#numbers + 1] = number end
  fetch(keys[2], numbers, found)
  for _, number in ipairs(numbers) do
    local text = found[number]
    local state = text and unpack_struct('<B', text)
    if text and (not only_sold or state == PURCHASED or state == RETURNED) then
      reply[#reply + 1] = pack('<d', number) .. text
    end
  end
  return reply
end

-- What the holds of a stretch say about every pool, counted from their records and not from the numbers that are kept;
-- and whether each payment leads back to the hold that it bought.
--
-- args: the number of the event, the first hold, how many, the moment that decides which are live. With 0 for the
-- moment the event is counted up to now first, and what the kept numbers say then is told too.
local function tally(keys, args)
  begin()
  local event = open_event(keys)
  if not event then return no_event() end
  local at = tonumber(args[4])
  if at == 0 then
    local is_settled = settle(event)
    save_event(event)
    if not is_settled then return table.concat(head(AGAIN, event, event.version)) end
    at = event.office
  end
  local held, sold, payments, owners, missing = {}, {}, {}, {}, 0
  for pool = 1, #event.terms.pools do held[pool], sold[pool] = 0, 0 end
  local from = tonumber(args[2])
  local to = min(from + tonumber(args[3]), event.next) - 1
  for first = from, to, chunk do
    local numbers, found = {}, {}
    for number = first, min(first + chunk - 1, to) do numbers[#numbers + 1] = number end
    fetch(keys[2], numbers, found)
    for _, number in ipairs(numbers) do
      local record = found[number] and unpack_record(number, found[number])
      if not record then
        missing = missing + 1
      else
        local sums = record.state == PURCHASED and sold
          or record.state == HELD and at < record.deadline and held
        for line = 1, sums and #record.lines or 0, 3 do
          for _, pool in ipairs(event.terms.types[record.lines[line] + 1].pools) do
            sums[pool] = sums[pool] + record.lines[line + 1]
          end
        end
        if record.payment ~= '' then
          payments[#payments + 1] = record.payment
          owners[record.payment] = string.format('%d.%d', tonumber(args[1]), number)
        end
      end
    end
  end
  local known, strayed = {}, 0
  fetch(keys[6], payments, known)
  for _, payment in ipairs(payments) do
    if known[payment] ~= owners[payment] then strayed = strayed + 1 end
  end
  local parts = head(DECIDED, event, -1)
  parts[#parts + 1] = pack('<ddddd', event.next, event.facts, at, strayed, missing)
  for pool = 1, #held do parts[#parts + 1] = pack('<dd', held[pool], sold[pool]) end
  return table.concat(parts)
end
