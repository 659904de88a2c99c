-- Access codes (R46 Access codes), by the same rules as `BoxOffice+Codes.swift`.
--
-- `terms.batches` lists every batch that a definition ever named, those of former definitions as `retired`. A hold has
-- the packed number of its code: the index of the batch from 0, times 65536, and the number of the code.
--
-- Tickets of a code are counted as those of a buyer are (see accounts.lua), in keys of their own: `codes` has the
-- accounts and `coded` the live holds. The name of a code's account is its packed number. A code is settled when it is
-- used.

-- Lua has room for 200 local names in a text, so the functions of this file share one.
local codes = {}
do
  -- The event as the functions of accounts.lua see it, with the accounts of codes in place of those of buyers.
  local function book_of(event)
    if event.code_book then return event.code_book end
    event.code_book = setmetatable({
      keys = { [5] = event.keys[KEY.codes], [11] = event.keys[KEY.coded] },
      -- Every code has a limit, and types make no difference to it.
      terms = { tickets_per_buyer = 0 }, accounted_from = false, counts_only_types = false, forgets_accounts = false,
      accounts = {}, fetched_buyers = {}, changed_buyers = {}, taken = {},
    }, { __index = event })
    return event.code_book
  end

  local function name_of(code)
    return string.format('%d', code)
  end

  local function has(list, item)
    for _, other in ipairs(list) do
      if other == item then return true end
    end
    return false
  end

  -- Whether a code of the batch is good for something.
  local function is_good(batch, number)
    if not batch or batch.retired or number < 1 or number > batch.count then return false end
    if batch.revoked == true then return false end
    return not (batch.revoked and has(batch.revoked, number))
  end

  local function index_of(terms, name)
    for index, batch in ipairs(terms.batches or {}) do
      if batch.name == name then return index end
    end
  end

  -- The code that a request names, with its batch and the lines as they are to be decided; or why it is refused.
  function codes.admit(event, named, asked)
    local index = index_of(event.terms, named.batch)
    local batch = index and event.terms.batches[index]
    if not is_good(batch, named.number) then return nil, refused(REFUSED.unknown_code) end
    local code = { packed = (index - 1) * 65536 + named.number, batch = batch, asked = asked }
    if not batch.allocation then return code, nil end
    code.asked = { takes_fewer = asked.takes_fewer }
    for position, line in ipairs(asked) do
      local whole, name = string.match(line.code, '^(.-)/(.*)$')
      whole = whole or line.code
      if name and name ~= batch.allocation then return nil, pack('<BBc0', REFUSED.code_not_for_type, #whole, whole) end
      code.asked[position] =
        { code = whole .. '/' .. batch.allocation, quantity = line.quantity, minimum = line.minimum }
    end
    return code, nil
  end

  -- Why the code is not good for a type of the lines. Puts the code's own price into `lines`.
  function codes.refusal_of_types(code, lines)
    local batch = code.batch
    for _, line in ipairs(batch.types and code.asked or {}) do
      local whole = string.match(line.code, '^[^/]*')
      if not has(batch.types, whole) then return pack('<BBc0', REFUSED.code_not_for_type, #whole, whole) end
    end
    for line = 1, batch.price and #lines or 0, 3 do lines[line + 2] = batch.price end
    return nil
  end

  function codes.refusal_of_window(event, batch)
    if batch.opens_at and event.wall < batch.opens_at then return pack('<Bd', REFUSED.code_not_yet, batch.opens_at) end
    if batch.closes_at and event.wall >= batch.closes_at then return pack('<Bd', REFUSED.code_ended, batch.closes_at) end
    return nil
  end

  -- Tickets that the code is still good for.
  function codes.left(event, packed, batch)
    local book, name = book_of(event), name_of(packed)
    settle_accounts(book, { name })
    local _, tickets = taken_by(book, name)
    return max(0, batch.tickets - tickets)
  end

  function codes.refusal_of_tickets(event, code, tickets)
    local left = codes.left(event, code.packed, code.batch)
    return tickets > left and pack('<Bd', REFUSED.code_used_up, left) or nil
  end

  local function batch_of(event, record)
    local batch = event.terms.batches and event.terms.batches[floor(record.code / 65536) + 1]
    return is_good(batch, record.code % 65536) and batch or nil
  end

  -- Whether a late payment may still win what the hold had (R9 Late payment): by its code and by the sale.
  function codes.sells(event, record)
    if not record.code then return sale.sells(event, record.lines, false) end
    local batch = batch_of(event, record)
    if not batch or codes.refusal_of_window(event, batch) then return false end
    return sale.sells(event, record.lines, batch.opens_at)
  end

  -- Whether the tickets of an ended hold still fit into what its code is good for.
  function codes.fits(event, record)
    if not record.code then return true end
    local batch = batch_of(event, record)
    return batch and quantity_of(record.lines) <= codes.left(event, record.code, batch)
  end

  -- The hold as the functions of accounts.lua see it.
  local function entry_of(record)
    return { number = record.number, buyer = name_of(record.code), lines = record.lines, entry = record.entry }
  end

  -- A hold was given.
  function codes.add(event, code, number, deadline, lines)
    if code then add_to_account(book_of(event), number, deadline, name_of(code), lines) end
  end

  -- A live hold ended before its deadline.
  function codes.take(event, record)
    if record.code then take_from_account(book_of(event), entry_of(record)) end
  end

  function codes.move(event, record, deadline)
    if record.code then move_in_account(book_of(event), entry_of(record), deadline) end
  end

  -- The tickets of `lines` were bought, or returned if `sign` is -1.
  function codes.buy(event, record, lines, sign)
    if record.code then add_bought(book_of(event), entry_of(record), lines, sign) end
  end

  function codes.save(event)
    if event.code_book then save_accounts(event.code_book) end
  end

  -- How many batches there would be, with those of former definitions.
  function codes.count(terms, asked)
    local count = #(terms.batches or {})
    for _, batch in ipairs(asked.batches or {}) do
      if not index_of(terms, batch.name) then count = count + 1 end
    end
    return count
  end

  function codes.adopt(terms, asked)
    if not asked.batches and not terms.batches then return end
    terms.batches = terms.batches or {}
    for index, batch in ipairs(terms.batches) do terms.batches[index] = { name = batch.name, retired = true } end
    for _, batch in ipairs(asked.batches or {}) do
      terms.batches[index_of(terms, batch.name) or #terms.batches + 1] = batch
    end
  end

  codes.book_of, codes.name_of = book_of, name_of

  -- args: the recovery grace, the batch, behind which number, how many. Returns for each code its number, tickets held
  -- and sold, and whether it was revoked; -1 first if there is no such batch.
  function functions.page_of_codes(keys, args)
    begin()
    local event = open_event(keys)
    local index = event and index_of(event.terms, args[2])
    local batch = index and event.terms.batches[index]
    if not batch or batch.retired then return pack('<d', -1) end
    come_back(event, tonumber(args[1]))
    local book, numbers, wanted = book_of(event), {}, {}
    for number = tonumber(args[3]) + 1, min(batch.count, tonumber(args[3]) + min(chunk, tonumber(args[4]))) do
      numbers[#numbers + 1] = number
      wanted[#wanted + 1] = name_of((index - 1) * 65536 + number)
    end
    fetch(book.keys[5], wanted, book.fetched_buyers)
    local parts = { pack('<d', #numbers) }
    for position, number in ipairs(numbers) do
      settle_accounts(book, { wanted[position] })
      local account = book.accounts[wanted[position]]
      parts[#parts + 1] = pack('<dddB', number, account.tickets, account.bought, is_good(batch, number) and 0 or 1)
    end
    return table.concat(parts)
  end
end
