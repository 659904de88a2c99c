-- What became of each payment (R10 One payment, one hold; R23 Debts), in one hash. A payment bought something
-- ("event.hold"), was paid back ("x" and the same), or is owed back ("!" and a packed debt).
--
-- The list of an event's debts (`refunds`) only grows: an entry counts while the hash agrees with it. Unconfirmed debts
-- expire: `unconfirmed` has them in the order of their moments, and `debts` has their number for each hold, and under
-- `all` for the event. Beside them `o` and the number of a hold has the payments of its confirmed debts and those that
-- were paid back, packed one behind the other; which of them are still owed, the hash of payments says.

local unpack_debt, use_of_payment, note_payment, owe, settle_debt, save_debts, has_confirmed_debts, adopt_debt
local end_unconfirmed
-- What is kept beside a hold of its confirmed debts.
local seen_debts = {}
do
  local function pack_debt(debt)
    return '!' .. pack('<dddBBd', debt.event, debt.hold, debt.wall, debt.reason, debt.confirmed, debt.ticks)
  end

  -- `nil` if the use is not a debt.
  function unpack_debt(text)
    if string.sub(text, 1, 1) ~= '!' then return nil end
    local debt = {}
    debt.event, debt.hold, debt.wall, debt.reason, debt.confirmed, debt.ticks = unpack_struct('<dddBBd', text, 2)
    return debt
  end

  local function is_over(event, debt)
    return debt.confirmed == 0 and event.ticks >= debt.ticks + event.limits.debts_kept
  end

  -- The hold that the payment bought, and the debt that it is; `nil` for each that there is not.
  function use_of_payment(event, payment)
    local text = payment ~= '' and event.payments[event.erased_names[payment] or payment]
    if not text then return nil, nil end
    local debt = unpack_debt(text)
    if not debt then return text, nil end
    return nil, not is_over(event, debt) and debt or nil
  end

  local function name_of(ticks, hold, payment)
    return string.format('%014d%013d', ticks, hold) .. payment
  end

  local function count_of(event, field)
    local count = event.debt_counts[field]
    if not count then
      count = tonumber(redis.call('HGET', event.keys[KEY.debts], field) or 0)
      event.debt_counts[field] = count
    end
    return count
  end

  local function add_to_counts(event, hold, number)
    event.debt_counts[hold], event.debt_counts['all'] = count_of(event, hold) + number, count_of(event, 'all') + number
  end

  -- Counts the unconfirmed debt with this name no longer. The set still has names that ended earlier in the call.
  local function end_name(event, name, hold)
    if event.ended_names[name] then return end
    event.ended_names[name] = true
    event.ended_debts[#event.ended_debts + 1] = name
    add_to_counts(event, hold, -1)
  end

  -- On one server all events share their payments, so an unconfirmed debt may be another event's. Counts no longer what
  -- that event has under keys of its own.
  local function end_elsewhere(event, debt, name)
    local number = string.format('{%d}', debt.event)
    local counts = string.gsub(event.keys[KEY.debts], '{%d+}', number)
    local names = string.gsub(event.keys[KEY.unconfirmed], '{%d+}', number)
    local other = event.debts_elsewhere[counts] or { names = names, ended = {}, counts = {} }
    if #redis.call('ZRANGEBYLEX', names, '[' .. name, '[' .. name) == 0 then return end
    event.debts_elsewhere[counts] = other
    other.ended[#other.ended + 1] = name
    for _, field in ipairs({ string.format('%d', debt.hold), 'all' }) do
      other.counts[field] = (other.counts[field] or tonumber(redis.call('HGET', counts, field) or 0)) - 1
    end
  end

  -- An unconfirmed debt ends or becomes confirmed.
  function end_unconfirmed(event, debt, payment)
    if debt.confirmed == 1 then return end
    local name = name_of(debt.ticks, debt.hold, payment)
    if debt.event ~= event.number then return end_elsewhere(event, debt, name) end
    end_name(event, name, debt.hold)
  end

  function note_payment(event, payment, name)
    local debt = event.payments[payment] and unpack_debt(event.payments[payment])
    if debt then end_unconfirmed(event, debt, payment) end
    event.payments[payment] = name
    event.new_payments[#event.new_payments + 1] = payment
  end

  -- Forgets some unconfirmed debts after their time, once a call. The next call that adds one forgets more.
  local function forget(event)
    if event.has_forgotten then return end
    event.has_forgotten = true
    local last = string.format('[%014d', max(0, event.ticks - event.limits.debts_kept)) .. '\255'
    for _, name in ipairs(redis.call('ZRANGEBYLEX', event.keys[KEY.unconfirmed], '-', last, 'LIMIT', 0, 16)) do
      local hold, payment = tonumber(string.sub(name, 15, 27)), string.sub(name, 28)
      local text = event.payments[payment]
      if text == nil then text = redis.call('HGET', event.keys[KEY.payments], payment) end
      local debt = text and unpack_debt(text)
      if debt and debt.event == event.number and debt.hold == hold and debt.confirmed == 0
        and name_of(debt.ticks, hold, payment) == name then
        event.payments[payment] = false
        event.ended_payments[#event.ended_payments + 1] = payment
      end
      end_name(event, name, hold)
    end
  end

  local function has_room(event, hold)
    forget(event)
    return count_of(event, hold) < event.limits.debts_of_hold and count_of(event, 'all') < event.limits.debts_of_event
  end

  -- Bytes of the payments that are remembered for a hold: some dozens. Later ones are in the list of debts alone.
  local most_owed = 4096

  local function owed_field(hold)
    return 'o' .. string.format('%d', hold)
  end

  local function owed_text(event, field)
    local text = event.owed[field]
    if not text then
      text = redis.call('HGET', event.keys[KEY.debts], field) or ''
      event.owed[field] = text
    end
    return text
  end

  local function set_owed(event, field, text)
    event.owed[field], event.changed_owed[field] = text, true
  end

  local function payments_in(text)
    local payments, at = {}, 1
    while at <= #text do payments[#payments + 1], at = unpack_struct('<Bc0', text, at) end
    return payments
  end

  local function note_owed(event, hold, payment)
    local field = owed_field(hold)
    local text = owed_text(event, field)
    if #text < most_owed then set_owed(event, field, text .. pack('<Bc0', #payment, payment)) end
  end

  -- Whether a confirmed debt of the hold is open, and whether a payment was paid back for it (R55 Checkout).
  function seen_debts.of(event, record)
    local name, is_open, is_paid_back = string.format('%d.%d', event.number, record.number), false, false
    local payments, unread = payments_in(owed_text(event, owed_field(record.number))), {}
    -- A release before this one noted the debt with the hold.
    if record.state == OWED then payments[#payments + 1] = record.payment end
    for _, payment in ipairs(payments) do
      if event.payments[payment] == nil then unread[#unread + 1] = payment end
    end
    fetch_payments(event, unread)
    for _, payment in ipairs(payments) do
      local use = event.payments[payment]
      if use == name and record.state == OWED then is_open = true end
      if use == 'x' .. name and record.erased_at == 0 then is_paid_back = true end
      local debt = use and unpack_debt(use)
      if debt and debt.confirmed == 1 and debt.event == event.number and debt.hold == record.number then is_open = true end
    end
    return is_open, is_paid_back
  end

  -- An operator paid the payment back. One that only a token reported was not noted before.
  function seen_debts.note_paid_back(event, hold, payment)
    for _, known in ipairs(payments_in(owed_text(event, owed_field(hold)))) do
      if known == payment then return end
    end
    note_owed(event, hold, payment)
  end

  -- Forgets that a payment was owed back for a hold, since it was erased (R41 Erasure).
  function seen_debts.forget(event, hold, payment)
    local field, kept = owed_field(hold), {}
    local text = owed_text(event, field)
    for _, known in ipairs(payments_in(text)) do
      if known ~= payment then kept[#kept + 1] = pack('<Bc0', #known, known) end
    end
    local left = table.concat(kept)
    if left ~= text then set_owed(event, field, left) end
  end

  local function note_debt(event, payment, debt)
    note_payment(event, payment, pack_debt(debt))
    if debt.confirmed == 1 then
      note_owed(event, debt.hold, payment)
    else
      event.new_debts[#event.new_debts + 1] = 0
      event.new_debts[#event.new_debts + 1] = name_of(debt.ticks, debt.hold, payment)
      add_to_counts(event, debt.hold, 1)
    end
    event.refunds[#event.refunds + 1] =
      pack('<ddBc0BB', debt.hold, debt.wall, #payment, payment, debt.reason, debt.confirmed)
    event.is_changed = true
    event.facts = event.facts + 1
  end

  -- A debt of a sale that was moved, or a payment that was paid back there (see move.lua).
  function adopt_debt(event, debt, payment, is_paid_back)
    if not is_paid_back then return note_debt(event, payment, debt) end
    note_payment(event, payment, 'x' .. string.format('%d.%d', event.number, debt.hold))
    -- An erasure finds the payments that were reported for a hold in the list (see erasing.lua).
    if not is_erased(payment) then
      seen_debts.note_paid_back(event, debt.hold, payment)
      event.refunds[#event.refunds + 1] =
        pack('<ddBc0BB', debt.hold, debt.wall, #payment, payment, debt.reason, debt.confirmed)
    end
  end

  -- Every payment that buys nothing comes here. A payment has at most one debt, and a confirmed debt stays as it
  -- is.
  function owe(event, record, command, debt, reason, refusal)
    local confirmed = command.by_key and 1 or 0
    local is_news = not debt or (confirmed == 1 and debt.confirmed == 0)
    if is_news and confirmed == 0 then is_news = has_room(event, record.number) end
    if is_news then
      note_debt(event, command.payment, {
        event = event.number, hold = record.number, wall = event.wall, reason = reason, confirmed = confirmed,
        ticks = event.ticks,
      })
    end
    return pack('<BB', refusal, 1)
  end

  -- The payment bought something in another event of the cluster.
  function settle_debt(event, payment)
    local debt = event.payments[payment] and unpack_debt(event.payments[payment])
    if not debt or debt.event ~= event.number then return end
    end_unconfirmed(event, debt, payment)
    event.payments[payment] = false
    event.ended_payments[#event.ended_payments + 1] = payment
    event.is_changed = true
  end

  -- A count of none has no field.
  local function sort_counts(counts, set, gone)
    for field, count in pairs(counts) do
      if count > 0 then
        set[#set + 1] = field
        set[#set + 1] = count
      else
        gone[#gone + 1] = field
      end
    end
  end

  function save_debts(event)
    local set, gone = {}, {}
    sort_counts(event.debt_counts, set, gone)
    for field in pairs(event.changed_owed) do
      if event.owed[field] == '' then
        gone[#gone + 1] = field
      else
        set[#set + 1] = field
        set[#set + 1] = event.owed[field]
      end
    end
    write_all('HSET', event.keys[KEY.debts], set)
    write_all('HDEL', event.keys[KEY.debts], gone)
    write_all('ZADD', event.keys[KEY.unconfirmed], event.new_debts)
    write_all('ZREM', event.keys[KEY.unconfirmed], event.ended_debts)
    write_all('RPUSH', event.keys[KEY.refunds], event.refunds)
    for counts, other in pairs(event.debts_elsewhere) do
      local set, gone = {}, {}
      sort_counts(other.counts, set, gone)
      write_all('HSET', counts, set)
      write_all('HDEL', counts, gone)
      write_all('ZREM', other.names, other.ended)
    end
  end

  -- Whether the event has a confirmed debt. Reads the whole list, which is short: only an event that never sold
  -- anything can be removed.
  function has_confirmed_debts(event)
    local number = tonumber(string.match(event.keys[KEY.event], '{(%d+)}:event$'))
    local first = 0
    repeat
      local items = redis.call('LRANGE', event.keys[KEY.refunds], first, first + chunk - 1)
      local payments, owners, found = {}, {}, {}
      for index, item in ipairs(items) do
        local hold, _, payment, at = unpack_struct('<ddBc0', item)
        payments[index] = payment
        -- A release before this one wrote the entry: there the record of the hold says whether a payment
        -- bought it or is owed.
        if at > #item then owners[index] = string.format('%d.%d', number, hold) end
      end
      fetch(event.keys[KEY.payments], payments, found)
      for index, payment in ipairs(payments) do
        local debt = found[payment] and unpack_debt(found[payment])
        if debt and debt.confirmed == 1 and debt.event == number then return true end
        if owners[index] and found[payment] == owners[index] then return true end
      end
      first = first + chunk
    until #items < chunk
    return false
  end
end
