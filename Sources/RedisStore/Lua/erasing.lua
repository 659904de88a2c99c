-- Erases who had a hold and how it was paid (R41 Erasure): from the record, the buyer's account, the payments, the list
-- of debts and the audit. A call with erasures reads the event's whole list of debts and its whole audit once.

local decide_erase, save_erased
do
  -- The list of debts as it is kept. Each entry is split around its payment.
  local function entries_of(event)
    if event.refund_entries then return event.refund_entries end
    local entries, first = {}, 0
    local function add(text)
      local hold, wall, payment, at = unpack_struct('<ddBc0', text)
      entries[#entries + 1] = { hold = hold, wall = wall, payment = payment, rest = string.sub(text, at) }
    end
    repeat
      local items = redis.call('LRANGE', event.keys[KEY.refunds], first, first + chunk - 1)
      for _, text in ipairs(items) do add(text) end
      first = first + chunk
    until #items < chunk
    event.refund_entries = entries
    return entries
  end

  -- The payments that were reported for a hold and not erased, and the position of its last entry in the list.
  local function reported_for(event, number)
    local entries, seen, reported, last = entries_of(event), {}, {}, 0
    local function add(place, hold, payment)
      if hold ~= number then return end
      last = place
      if not is_erased(payment) and not seen[payment] then
        seen[payment] = true
        reported[#reported + 1] = payment
      end
    end
    for place, entry in ipairs(entries) do add(place, entry.hold, entry.payment) end
    for place, text in ipairs(event.refunds) do
      local hold, _, payment = unpack_struct('<ddBc0', text)
      add(#entries + place, hold, payment)
    end
    local unread = {}
    for _, payment in ipairs(reported) do
      if event.payments[payment] == nil then unread[#unread + 1] = payment end
    end
    fetch_payments(event, unread)
    return reported, last
  end

  local function debt_of(event, record, payment)
    local debt = event.payments[payment] and unpack_debt(event.payments[payment])
    return debt and debt.event == event.number and debt.hold == record.number and debt or nil
  end

  local function has_confirmed_debt(event, record, reported, name)
    -- A release before this one noted the debt with the hold.
    if record.state == OWED and event.payments[record.payment] == name then return true end
    for _, payment in ipairs(reported) do
      local debt = debt_of(event, record, payment)
      if debt and debt.confirmed == 1 then return true end
    end
    return false
  end

  local function drop(event, payment)
    event.payments[payment] = false
    event.ended_payments[#event.ended_payments + 1] = payment
  end

  -- Returns whether the payment is the hold's own: it bought it, or was paid back for it.
  local function erase_payment(event, record, payment, name, secret)
    local use = event.payments[payment]
    if use == name or use == 'x' .. name then
      local erased = erased_name(secret, payment)
      event.payments[erased], event.erased_names[payment] = use, erased
      event.new_payments[#event.new_payments + 1] = erased
      drop(event, payment)
      return true
    end
    -- What only a token reported goes.
    local debt = debt_of(event, record, payment)
    if debt then
      end_unconfirmed(event, debt, payment)
      drop(event, payment)
    end
    return false
  end

  -- Takes the payments out of the list of debts: those of the hold, and its own in entries of other holds.
  local function erase_entries(event, number, own, secret)
    for _, entry in ipairs(event.refund_entries) do
      if not is_erased(entry.payment) and (entry.hold == number or own[entry.payment]) then
        seen_debts.forget(event, entry.hold, entry.payment)
        entry.payment, event.rewrites_refunds = erased_name(secret, entry.payment), true
      end
    end
    for index, text in ipairs(event.refunds) do
      local hold, wall, payment, at = unpack_struct('<ddBc0', text)
      if not is_erased(payment) and (hold == number or own[payment]) then
        seen_debts.forget(event, hold, payment)
        local erased = erased_name(secret, payment)
        event.refunds[index] = pack('<ddBc0', hold, wall, #erased, erased) .. string.sub(text, at)
      end
    end
  end

  -- Takes payments out of the list of debts that were erased with holds of other events, unless they are this event's again.
  function seen_debts.erase(event, payments, secret)
    local gone = {}
    fetch_payments(event, payments)
    for _, payment in ipairs(payments) do
      local debt = event.payments[payment] and unpack_debt(event.payments[payment])
      -- Another event of the cluster took the payment over, and this one did not learn of it.
      if debt and debt.confirmed == 0 and debt.event == event.number then
        end_unconfirmed(event, debt, payment)
        drop(event, payment)
      end
      if not event.payments[payment] then gone[payment] = true end
    end
    entries_of(event)
    -- No hold has the number 0.
    erase_entries(event, 0, gone, secret)
    event.erased_with, event.is_changed = secret, true
  end

  local function erase_buyer(event, record)
    if record.buyer == '' then return end
    if record.state == PURCHASED then add_bought(event, record, kept_lines(record), -1) end
    forget_sweep(event, record.buyer)
    event.gone_names[#event.gone_names + 1] = { buyer = record.buyer, number = record.number }
    record.buyer = ''
  end

  -- In a queue by buyers the digest of a name leads to the entry, and that to its holds. A buyer who joins again has another
  -- entry.
  local function forget_entry(event, record)
    local number = record.queued and record.queued - 1
    local known = number and queues.of(event) and queues.entry(event, number)
    if not known or known.digest == '' then return end
    local entry, queue = queues.changed_entry(event, number), event.queue
    for index = #queue.new_buyers - 1, 1, -2 do
      if queue.new_buyers[index] == entry.digest then
        table.remove(queue.new_buyers, index + 1)
        table.remove(queue.new_buyers, index)
      end
    end
    queue.buyers[entry.digest], queue.gone_buyers[#queue.gone_buyers + 1] = false, entry.digest
    entry.digest = ''
  end

  function decide_erase(event, command)
    local record = record_of(event, command.number)
    if not record then return refused(REFUSED.hold) end
    local is_sold = record.state == PURCHASED or record.state == RETURNED
    if command.only_purchase and not is_sold then return refused(REFUSED.not_purchased) end
    if is_live(event, record) then return refused(REFUSED.is_live) end
    if not is_sold and record.state ~= RELEASED then event.tells_time = true end
    local name = string.format('%d.%d', event.number, record.number)
    if record.payment ~= '' and event.payments[record.payment] == nil then fetch_payments(event, { record.payment }) end
    local reported, last = reported_for(event, record.number)
    if has_confirmed_debt(event, record, reported, name) then return refused(REFUSED.has_debt) end
    local is_repeat = record.erased_at > 0 and last <= record.erased_entries
    if is_repeat then return pack('<BBd', OUTCOME.erased, OUTCOME_FLAG.repeated, record.number) end
    if not command.is_trial then
      local own = {}
      for _, payment in ipairs(reported) do own[payment] = erase_payment(event, record, payment, name, command.secret) end
      if record.payment ~= '' and not is_erased(record.payment) then
        own[record.payment] = erase_payment(event, record, record.payment, name, command.secret)
          or own[record.payment]
        record.payment = erased_name(command.secret, record.payment)
      end
      erase_entries(event, record.number, own, command.secret)
      erase_buyer(event, record)
      forget_entry(event, record)
      record.note = ''
      event.erased_with, event.erased_holds[command.public_number] = command.secret, true
      record.erased_at, record.erased_entries = max(event.wall, 1), #event.refund_entries + #event.refunds
      note_record(event, record)
    end
    return pack('<BBd', OUTCOME.erased, 0, record.number)
  end

  -- A note about an erased hold without what it says about people: values, the reason, and a payment behind the hold.
  -- `nil` if the note is about something else, or says nothing of that kind.
  local function without_people(event, note)
    local at, _ = 1, nil
    for _ = 1, 3 do _, at = unpack_struct('<Hc0', note, at) end
    local subject, behind = unpack_struct('<Hc0', note, at)
    local name = string.match(subject, '^[HP]%d+')
    if not name or not event.erased_holds[string.sub(name, 2)] or (name == subject and behind > #note) then return nil end
    return string.sub(note, 1, at - 1) .. pack('<Hc0', #name, name)
  end

  local function erase_audit(event)
    for index, note in ipairs(event.notes) do event.notes[index] = without_people(event, note) or note end
    local found = redis.call('ZREVRANGE', event.keys[KEY.audit], 0, -1, 'WITHSCORES')
    for index = 1, #found, 2 do
      local text, score = found[index], found[index + 1]
      local note = without_people(event, string.sub(text, 17))
      if note then
        write('ZREM', event.keys[KEY.audit], text)
        write('ZADD', event.keys[KEY.audit], score, string.sub(text, 1, 16) .. note)
      end
    end
  end

  -- Before the debts and the notes of the call are written.
  function save_erased(event)
    if not event.erased_with then return end
    write('HSET', event.keys[KEY.payments], ERASED_FIELD, event.erased_with)
    if event.rewrites_refunds then
      local list = {}
      for index, entry in ipairs(event.refund_entries) do
        list[index] = pack('<ddBc0', entry.hold, entry.wall, #entry.payment, entry.payment) .. entry.rest
      end
      -- Each entry keeps its position in the list, because pages of the list are read by position.
      write_all('RPUSH', event.keys[KEY.refunds], list)
      write('LTRIM', event.keys[KEY.refunds], #list, -1)
    end
    if next(event.erased_holds) then erase_audit(event) end
  end
end
