-- Counts an event anew from its holds in one call, and sets right what differs: the numbers and the calendar of its
-- pools, payments that lead nowhere, and the accounts of its buyers. It takes some 2 µs a hold, in which the server
-- does nothing else.
--
-- The records of holds are the truth: they have what was answered, and everything else follows from them.

do
  local function add_entry_of(counted, pool, quantity, deadline)
    local name = entry_name(pool, deadline)
    counted.due[name] = (counted.due[name] or 0) + quantity
    local first = counted.earliest[pool]
    if first == 0 or deadline < first then counted.earliest[pool] = deadline end
  end

  -- Counts what a buyer has, if the event limits that; under `name`, the buyer or the buyer with a type.
  local function add_to_counted(counted, record, is_live, name, quantity)
    local account = counted.accounts[name] or { bought = 0, tickets = 0, holds = 0, earliest = 0 }
    counted.accounts[name] = account
    if not is_live then
      account.bought = account.bought + quantity
      return
    end
    account.tickets, account.holds = account.tickets + quantity, account.holds + 1
    if account.earliest == 0 or record.deadline < account.earliest then account.earliest = record.deadline end
    counted.taken[taken_name(name, record.deadline, record.number, quantity)] = name
  end

  local function add_record(event, counted, record)
    local is_live = record.state == HELD and event.office < end_of(event, record.deadline)
    local sums = record.state == PURCHASED and counted.sold or is_live and counted.held
    if record.state == PURCHASED or record.state == RETURNED then
      counted.has_sold = 1
    end
    if record.queued then queues.count_hold(event, counted.entries, record) end
    if record.payment ~= '' and record.state ~= OWED then counted.payments[#counted.payments + 1] = record end
    local lines = kept_lines(record)
    if counted.accounts and sums and record.buyer ~= '' then
      add_to_counted(counted, record, is_live, record.buyer, quantity_of(lines))
      local quantities = {}
      for line = 1, event.terms.typed and #lines or 0, 3 do
        local name = typed_name(record.buyer, event.terms.types[lines[line] + 1].code)
        quantities[name] = (quantities[name] or 0) + lines[line + 1]
      end
      for name, quantity in pairs(quantities) do add_to_counted(counted, record, is_live, name, quantity) end
    end
    if record.code and sums then
      add_to_counted(counted.codes, record, is_live, codes.name_of(record.code), quantity_of(lines))
    end
    if is_live then
      counted.held[0] = counted.held[0] + 1
      add_entry_of(counted, 0, 1, record.deadline)
    end
    for line = 1, sums and #lines or 0, 3 do
      for _, pool in ipairs(event.terms.types[lines[line] + 1].pools) do
        sums[pool] = sums[pool] + lines[line + 1]
        if is_live then add_entry_of(counted, pool, lines[line + 1], record.deadline) end
      end
    end
  end

  local function count_holds(event)
    local counted = {
      held = {}, sold = {}, earliest = {}, due = {}, payments = {}, missing = 0, looked = 0, has_sold = 0,
      accounts = has_buyer_limit(event.terms) and {}, taken = {}, codes = { accounts = {}, taken = {} },
      entries = {},
    }
    for pool = 0, #event.terms.pools do counted.held[pool], counted.sold[pool], counted.earliest[pool] = 0, 0, 0 end
    local from = 0
    repeat
      local numbers, next_from = given_numbers(event, from, chunk, event.next)
      local found = {}
      fetch(event.keys[KEY.holds], numbers, found)
      for _, number in ipairs(numbers) do
        if found[number] then
          add_record(event, counted, unpack_record(number, found[number]))
        else
          counted.missing = counted.missing + 1
        end
      end
      counted.looked, from = counted.looked + #numbers, next_from
    until from == 0
    return counted
  end

  -- Compares every entry of the calendar, in both keys. Returns how many are wrong.
  local function compare_calendar(event, counted)
    local kept, ordered, wrong = {}, {}, 0
    local fields = redis.call('HGETALL', event.keys[KEY.due])
    for index = 1, #fields, 2 do kept[fields[index]] = tonumber(fields[index + 1]) end
    for _, name in ipairs(redis.call('ZRANGEBYLEX', event.keys[KEY.order], '-', '+')) do ordered[name] = true end
    local function compare(name)
      if event.due_was[name] ~= nil then return end
      local wanted = counted.due[name] or 0
      if wanted ~= (kept[name] or 0) or (wanted > 0) ~= (ordered[name] or false) then wrong = wrong + 1 end
      local is_whole = kept[name] and ordered[name]
      if wanted == 0 then is_whole = kept[name] or ordered[name] end
      event.due_was[name], event.due[name] = is_whole and true or false, wanted
      event.touched[#event.touched + 1] = name
    end
    for name in pairs(counted.due) do compare(name) end
    for name in pairs(kept) do compare(name) end
    for name in pairs(ordered) do compare(name) end
    return wrong
  end

  -- The accounts as they are kept, less the ended holds that are still in them. Adds to `wrong` the buyers whose
  -- names in the set of live holds do not agree with the holds.
  local function read_accounts(event, counted, wrong)
    local kept, last = {}, last_ended(event)
    -- Accounts of types that are being counted are not complete yet.
    local function counts(name) return event.terms.typed or not string.find(name, '\1', 1, true) end
    local fields = redis.call('HGETALL', event.keys[KEY.buyers])
    for index = 1, #fields, 2 do
      local account = { bought = 0, tickets = 0, holds = 0 }
      -- A former version wrote it: wrong, so that it is written anew.
      if #fields[index + 1] ~= 32 then wrong[fields[index]] = true else
        account.bought, account.tickets, account.holds = unpack_struct('<ddd', fields[index + 1])
      end
      if counts(fields[index]) then kept[fields[index]] = account end
    end
    local names = {}
    for _, name in ipairs(redis.call('ZRANGEBYLEX', event.keys[KEY.taken], '-', '+')) do
      names[name] = true
      local buyer, deadline, quantity = string.match(name, '^(.-)%z(%d+)%.%d+%.(%d+)$')
      if tonumber(deadline) > last then
        if not counted.taken[name] and counts(name) then wrong[buyer] = true end
      elseif kept[buyer] then
        kept[buyer].tickets, kept[buyer].holds = kept[buyer].tickets - tonumber(quantity), kept[buyer].holds - 1
      end
    end
    for name, buyer in pairs(counted.taken) do
      if not names[name] then wrong[buyer] = true end
    end
    return kept
  end

  -- Returns how many buyers have accounts that do not agree with their holds.
  local function compare_accounts(event, counted)
    if not counted.accounts then return 0 end
    local wrong, nothing = {}, { bought = 0, tickets = 0, holds = 0 }
    local kept = read_accounts(event, counted, wrong)
    local function compare(buyer)
      local is, says = kept[buyer] or nothing, counted.accounts[buyer] or nothing
      if is.bought ~= says.bought or is.tickets ~= says.tickets or is.holds ~= says.holds then wrong[buyer] = true end
    end
    for buyer in pairs(kept) do compare(buyer) end
    for buyer in pairs(counted.accounts) do compare(buyer) end
    local count = 0
    for _ in pairs(wrong) do count = count + 1 end
    return count
  end

  local function write_accounts(event, counted)
    local list, taken = {}, {}
    for buyer, account in pairs(counted.accounts) do
      list[#list + 1] = buyer
      list[#list + 1] = pack('<dddd', account.bought, account.tickets, account.holds, account.earliest)
    end
    for name in pairs(counted.taken) do
      taken[#taken + 1] = 0
      taken[#taken + 1] = name
    end
    write('UNLINK', event.keys[KEY.buyers], event.keys[KEY.taken])
    write_all('HSET', event.keys[KEY.buyers], list)
    write_all('ZADD', event.keys[KEY.taken], taken)
  end

  -- Returns the payments that lead nowhere, with their holds, and how many lead to another hold.
  local function compare_payments(event, event_number, counted)
    local names, known, unled, strayed = {}, {}, {}, 0
    for index, record in ipairs(counted.payments) do names[index] = record.payment end
    fetch(event.keys[KEY.payments], names, known)
    for _, record in ipairs(counted.payments) do
      local owner = string.format('%d.%d', event_number, record.number)
      if not known[record.payment] then
        unled[#unled + 1] = record.payment
        unled[#unled + 1] = owner
      elseif known[record.payment] ~= owner then
        strayed = strayed + 1
      end
    end
    return unled, strayed
  end

  local function set_right(event, counted, unled)
    for pool = 1, #event.held do
      event.held[pool], event.sold[pool], event.earliest[pool] =
        counted.held[pool], counted.sold[pool], counted.earliest[pool]
      event.ceiling[pool] = max(event.capacity[pool], counted.held[pool] + counted.sold[pool])
      event.closed[pool] = 0
    end
    event.held[0], event.earliest[0] = counted.held[0], counted.earliest[0]
    event.has_sold = counted.has_sold
    event.stale, event.gone, event.is_changed = {}, {}, true
    event.changed_fields.walk = ''
    save_event(event)
    write_all('HSET', event.keys[KEY.payments], unled)
  end

  local function count_given(event)
    local _, edges = read_stretches(event)
    edges[#edges + 1] = event.next
    local count = 0
    for index = 1, #edges, 2 do count = count + max(0, edges[index + 1] - edges[index]) end
    return count
  end

  -- args: the number of the event, the recovery grace, what may be set right, how many holds may be counted.
  --
  -- Returns, behind the head: whether it was set right; holds counted, missing records, payments that lead to
  -- another hold, payments that lead to none, wrong entries of the calendar, wrong accounts of buyers, wrong and strayed
  -- entries of the queue; then for each pool held and sold as kept, held and sold as counted, and whether it was closed.
  function functions.mend(keys, args)
    begin()
    local event = open_event(keys)
    if not event then return no_event() end
    come_back(event, tonumber(args[2]))
    if not settle(event) then
      save_event(event)
      return table.concat(head(STATUS.again, event, event.version))
    end
    if count_given(event) > tonumber(args[4]) then return table.concat(head(STATUS.too_many, event, event.version)) end
    local counted, mode = count_holds(event), tonumber(args[3])
    local pools, differs, is_certain = {}, false, counted.missing == 0
    for pool = 1, #event.held do
      local held, sold = counted.held[pool], counted.sold[pool]
      if held ~= event.held[pool] or sold ~= event.sold[pool] or event.closed[pool] == 1 then differs = true end
      if held + sold > max(event.capacity[pool], event.ceiling[pool]) then is_certain = false end
      pools[pool] = pack('<ddddB', event.held[pool], event.sold[pool], held, sold, event.closed[pool])
    end
    -- Redis still has the entries that settling took out: compared with all, and subtracted.
    local gone = #event.gone
    local wrong = compare_calendar(event, counted) - gone + (counted.held[0] == event.held[0] and 0 or 1)
    local unled, strayed = compare_payments(event, tonumber(args[1]), counted)
    local wrong_accounts = compare_accounts(event, counted)
    local wrong_codes = event.terms.batches and compare_accounts(codes.book_of(event), counted.codes) or 0
    local wrong_entries, strayed_entries = queues.recount(event, counted.entries)
    differs = differs or wrong > 0 or #unled > 0 or wrong_accounts > 0 or wrong_codes > 0 or wrong_entries > 0
    local sets = differs and mode ~= REPAIR.nothing and (mode ~= REPAIR.what_is_certain or is_certain and strayed == 0)
    if sets then
      -- What was counted by type so far goes with the accounts, so the count begins anew.
      if wrong_accounts > 0 and not event.terms.typed then event.changed_fields.accounts = '' end
      set_right(event, counted, unled)
      if wrong_accounts > 0 then write_accounts(event, counted) end
      if wrong_codes > 0 then write_accounts(codes.book_of(event), counted.codes) end
      queues.save(event)
    end
    local parts = head(STATUS.decided, event, -1)
    parts[#parts + 1] = pack(
      '<Bddddddddd', sets and 1 or 0, counted.looked, counted.missing, strayed, #unled / 2, wrong,
      wrong_accounts + wrong_codes, wrong_entries, strayed_entries, #event.held)
    return table.concat(parts) .. table.concat(pools)
  end
end
