-- Corrects the buyer and the note of a live hold or of a purchase (R40 Corrections): in the record, in the accounts of
-- both buyers, and in the names by which the holds of a buyer are found.

-- Lua has room for 200 local names in a text, so the functions of this file share one.
local corrections = {}
do
  -- Why the limits in force refuse a hold or a purchase to its new buyer.
  local function refusal_of_new_buyer(event, lines, buyer, live)
    local terms = event.terms
    if terms.tickets_per_buyer or terms.holds_per_buyer then
      if buyer == '' then return pack('<BBBd', REFUSED.invalid, INVALID.buyer, 0, 0) end
      local holds, tickets = taken_by(event, buyer)
      if live and terms.holds_per_buyer and holds >= terms.holds_per_buyer then
        return pack('<Bd', REFUSED.buyer_limit, 0)
      end
      if terms.tickets_per_buyer then
        local remaining = max(0, terms.tickets_per_buyer - tickets)
        if quantity_of(lines) > remaining then return pack('<Bd', REFUSED.buyer_limit, remaining) end
      end
    end
    return terms.types_limit_buyers and sale.refusal_of_limits(event, lines, buyer, true) or nil
  end

  local function give_to(event, record, buyer)
    local is_sold = record.state == PURCHASED
    if is_sold then add_bought(event, record, kept_lines(record), -1) else take_from_account(event, record) end
    if record.buyer ~= '' then
      event.gone_names[#event.gone_names + 1] = { buyer = record.buyer, number = record.number }
      forget_sweep(event, record.buyer)
    end
    record.buyer = buyer
    if is_sold then
      add_bought(event, record, kept_lines(record), 1)
    else
      add_to_account(event, record.number, record.entry, buyer, record.lines)
    end
    names.note(event, buyer, record.number)
  end

  function corrections.decide(event, command)
    local record = record_of(event, command.number)
    if not record then return refused(REFUSED.hold) end
    local is_sold, live = record.state == PURCHASED or record.state == RETURNED, is_live(event, record)
    if command.only_purchase and not is_sold then return refused(REFUSED.not_purchased) end
    if record.state == RETURNED then return pack('<BB', REFUSED.returned, 0) end
    if record.state == RELEASED then return pack('<BB', REFUSED.released, 0) end
    if not is_sold and not live then return say_expired(event, 0) end
    if sale.ended_with_event(event, record) then return pack('<BB', REFUSED.cancelled, 0) end
    if record.erased_at > 0 then return refused(REFUSED.purchase_erased) end
    if record.buyer == command.buyer and record.note == command.to_note then
      return view_of(event, OUTCOME.corrected, OUTCOME_FLAG.repeated, record)
    end
    if record.buyer ~= command.from_buyer or record.note ~= command.from_note then
      return refused(REFUSED.correction_outdated)
    end
    if record.buyer ~= command.buyer then
      local refusal = refusal_of_new_buyer(event, kept_lines(record), command.buyer, live)
      if refusal then return refusal end
      give_to(event, record, command.buyer)
    end
    record.note = command.to_note
    note_record(event, record)
    return view_of(event, OUTCOME.corrected, 0, record)
  end

  -- Calls `add` with the names of the accounts by type that may count the hold for its new buyer.
  function corrections.each_new_account(event, command, add)
    if command.buyer == '' or not event.terms.typed and not event.accounted_from then return end
    -- The hold may be given in this call, so all types may matter.
    for _, type in ipairs(event.terms.types) do
      if not type.retired then add(typed_name(command.buyer, type.code)) end
    end
  end

  -- Behind the new names: a name that a later correction of the call gave back stays.
  function corrections.save(event)
    local list = {}
    for _, gone in ipairs(event.gone_names) do
      if event.records[gone.number].buyer ~= gone.buyer then
        list[#list + 1] = names.of_hold(gone.buyer, gone.number)
      end
    end
    write_all('ZREM', event.keys[KEY.names], list)
  end
end
