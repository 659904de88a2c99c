-- Decides commands by the same rules in the same order as `BoxOffice`, and packs outcomes. The contract suite compares.

-- `terms`: the index of the event's terms that the hold was made under (R11 Terms of a hold).
local function view(event, outcome, flags, number, state, packed_lines, deadline, extensions, terms)
  local told = event.terms.told[terms]
  return pack(
    '<BBdBHdB', outcome, flags, number, state, terms - 1, deadline - told.grace, max(0, told.extensions - extensions)
  ) .. packed_lines
end

local function view_of(event, outcome, flags, record)
  local state = record.state
  if state == OWED or (state == HELD and not is_live(event, record)) then state = EXPIRED end
  local packed_lines = pack_lines(record.lines)
  -- Of a purchase that was returned, every ticket was.
  if record.returns and state == PURCHASED then
    flags = flags + OUTCOME_FLAG.returns
    for line = 1, #record.lines / 3 do packed_lines = packed_lines .. pack('<H', returned_of(record, line)) end
  end
  return view(
    event, outcome, flags, record.number, state, packed_lines, record.deadline, record.extensions, record.terms)
end

-- Before an answer says that a hold expired, the clock is written, so that no crash turns it back behind the answer.
local function say_expired(event, refund)
  event.tells_time = true
  return pack('<BB', REFUSED.expired, refund)
end

-- MARK: idempotency keys

-- The hold as it is now, if the key was used before and still counts (R15 Idempotency keys).
local function answer_to_key(event, key, print, outcome)
  local use = use_of(event, key)
  if not use then return nil end
  local known, number, at = unpack_struct('<c8dd', use)
  local record = record_of(event, number)
  if not counts(event, record, at) then return nil end
  if known ~= print then return refused(REFUSED.key_reused) end
  if sale.ended_with_event(event, record) then return pack('<BB', REFUSED.cancelled, 0) end
  if record.state == HELD and not is_live(event, record) then event.tells_time = true end
  return view_of(event, outcome, OUTCOME_FLAG.repeated, record)
end

-- MARK: holding

-- Checks the buyer's limit; `asked` is the number of tickets.
local function refusal_of_buyer(event, buyer, asked)
  local terms = event.terms
  if not terms.tickets_per_buyer and not terms.holds_per_buyer then return nil end
  if buyer == '' then return pack('<BBBd', REFUSED.invalid, INVALID.buyer, 0, 0) end
  local live, tickets = taken_by(event, buyer)
  if terms.holds_per_buyer and live >= terms.holds_per_buyer then return pack('<Bd', REFUSED.buyer_limit, 0) end
  if not terms.tickets_per_buyer then return nil end
  local remaining = max(0, terms.tickets_per_buyer - tickets)
  return asked > remaining and pack('<Bd', REFUSED.buyer_limit, remaining) or nil
end

-- `past`: the checks that do not count for the hold; `code`: its access code, if it has one.
local function refusal_of_places(event, lines, buyer, past, code)
  if past.limits then
    return code and codes.refusal_of_tickets(event, code, quantity_of(lines)) or refusal_of_pools(event, lines)
  end
  return refusal_of_buyer(event, buyer, quantity_of(lines))
    or event.terms.types_limit_buyers and sale.refusal_of_limits(event, lines, buyer)
    or code and codes.refusal_of_tickets(event, code, quantity_of(lines))
    or refusal_of_pools(event, lines)
end

-- What no other function needs is in a block: Lua has room for 200 local names in a text.
local decide_hold
do

-- The lines with type and price, or why they are refused.
local function checked_lines(event, asked, code)
  local terms, lines = event.terms, {}
  if #asked > event.limits.lines then
    return nil, pack('<BBBd', REFUSED.invalid, INVALID.lines, 0, event.limits.lines)
  end
  for index, line in ipairs(asked) do
    local type = terms.index_of[line.code]
    if not type then return nil, refusal_of_type(terms, line.code) end
    local at = index * 3 - 2
    lines[at], lines[at + 1], lines[at + 2] = type - 1, line.quantity, terms.types[type].price
  end
  local most, total = terms.tickets_per_hold, 0
  for index, line in ipairs(asked) do
    if line.quantity < 1 or line.quantity > most then
      return nil, pack('<BBBd', REFUSED.invalid, INVALID.quantity, index - 1, most)
    end
    if line.minimum < 1 or line.minimum > line.quantity then
      return nil, pack('<BBBd', REFUSED.invalid, INVALID.minimum, index - 1, line.quantity)
    end
    total = total + line.quantity
  end
  if total > most then return nil, pack('<BBBd', REFUSED.invalid, INVALID.total, 0, most) end
  local refusal = code and codes.refusal_of_types(code, lines)
    or terms.types_have_terms and sale.refusal_of_quantities(event, asked, lines)
  if refusal then return nil, refusal end
  local released = terms.allocations and released_allocation(event, lines)
  if released then return nil, released end
  return lines, nil
end

-- Reduces `lines` to what can be had (R22 Minimum quantity).
local function refusal_of_fewer(event, lines, asked, buyer, past, code)
  local terms = event.terms
  for index, line in ipairs(asked) do lines[index * 3 - 1] = line.minimum end
  local refusal = refusal_of_places(event, lines, buyer, past, code)
  if refusal then return refusal end
  local left, remaining = {}, code and codes.left(event, code.packed, code.batch) or math.huge
  if terms.tickets_per_buyer and not past.limits then
    local _, tickets = taken_by(event, buyer)
    remaining = min(remaining, terms.tickets_per_buyer - tickets)
  end
  local of_types = terms.types_limit_buyers and not past.limits and sale.left_of_types(event, lines, buyer) or {}
  if terms.allocations then return share_allocated(event, lines, asked, remaining, of_types) end
  for pool = 1, #event.held do left[pool] = free(event, pool) end
  for line = 1, #lines, 3 do
    remaining = remaining - lines[line + 1]
    for _, pool in ipairs(terms.types[lines[line] + 1].pools) do left[pool] = left[pool] - lines[line + 1] end
  end
  for index, line in ipairs(asked) do
    local at = index * 3 - 2
    local pools = terms.types[lines[at] + 1].pools
    local more = min(line.quantity - line.minimum, remaining, of_types[line.code] or math.huge)
    for _, pool in ipairs(pools) do more = min(more, left[pool]) end
    if more > 0 then
      lines[at + 1] = lines[at + 1] + more
      remaining = remaining - more
      if of_types[line.code] then of_types[line.code] = of_types[line.code] - more end
      for _, pool in ipairs(pools) do left[pool] = left[pool] - more end
    end
  end
  return nil
end

-- The lines to hold, and the access code that `named` is; or why the hold is refused.
local function lines_for(event, asked, buyer, past, named, command)
  if event.terms.removed then return nil, refused(REFUSED.gone) end
  if event.terms.cancelled_at then return nil, pack('<BB', REFUSED.cancelled, 0) end
  local code, refusal = nil, event.terms.queue and queues.refusal(event, command)
  if not refusal and named then code, refusal = codes.admit(event, named, asked) end
  if refusal then return nil, refusal end
  if code then asked = code.asked end
  local lines
  lines, refusal = checked_lines(event, asked, code)
  if not lines then return nil, refusal end
  local opens_early = code and code.batch.opens_at
  refusal = code and codes.refusal_of_window(event, code.batch) or sale.refusal(event, past, opens_early)
    or event.terms.types_have_terms and not past.window and sale.refusal_of_types(event, lines, opens_early)
  if refusal then return nil, refusal end
  refusal = refusal_of_places(event, lines, buyer, past, code)
  if refusal and asked.takes_fewer then refusal = refusal_of_fewer(event, lines, asked, buyer, past, code) end
  if refusal then return nil, refusal end
  if event.held[0] >= event.limits.live_holds then return nil, refused(REFUSED.many_holds) end
  return lines, nil, code and code.packed
end

local past_nothing = {}
function decide_hold(event, command)
  local key = command.key
  -- The keys of a removed event went with it.
  if key and not event.terms.removed then
    local answer = answer_to_key(event, key, command.print, OUTCOME.held)
    if answer then return answer end
  end
  local terms, asked, buyer = event.terms, command.asked, command.buyer
  -- Holds that find nothing share one look, until something changes; not with an override, a code or a queue.
  local is_alone = command.past or command.code or terms.queue
  if asked.refused_at == event.facts and not is_alone then return asked.refusal end
  local lines, refusal, code = lines_for(event, asked, buyer, command.past or past_nothing, command.code, command)
  if not lines then
    -- With a limit the refusal may depend on the buyer.
    if not has_buyer_limit(terms) and not is_alone then
      asked.refusal, asked.refused_at = refusal, event.facts
    end
    return refusal
  end
  local number, deadline = event.next, event.office + terms.told[terms.given].life
  event.next = number + 1
  event.facts, event.is_changed = event.facts + 1, true
  for line = 1, #lines, 3 do
    for _, pool in ipairs(terms.types[lines[line] + 1].pools) do
      hold_places(event, pool, lines[line + 1], deadline)
    end
  end
  local packed_lines = pack_lines(lines)
  count_hold(event, deadline)
  local queued = terms.queue and queues.note_held(event, command, number, lines, deadline)
  event.given[number - event.first + 1] =
    pack_new(deadline, event.wall, buyer, packed_lines, terms.given, code, command.checks, queued)
  add_to_account(event, number, deadline, buyer, lines)
  codes.add(event, code, number, deadline, lines)
  names.note(event, buyer, number)
  if key then remember_key(event, key, command.print, number) end
  if command.note then command.note = sale.note_about(event, command.note, number) end
  return view(event, OUTCOME.held, 0, number, HELD, packed_lines, deadline, 0, terms.given)
end

end

-- MARK: live and ended holds

-- Calls `change` for every pool that the lines of `record` draw on.
local function change_pools(event, record, change, deadline)
  local lines, types = record.lines, event.terms.types
  for line = 1, #lines, 3 do
    for _, pool in ipairs(types[lines[line] + 1].pools) do change(event, pool, lines[line + 1], deadline) end
  end
end

local function decide_extend(event, command)
  local key = command.key
  if key then
    local answer = answer_to_key(event, key, command.print, OUTCOME.extended)
    if answer then return answer end
  end
  local record = record_of(event, command.number)
  if not record then return refused(REFUSED.hold) end
  if record.state == PURCHASED then return refused(REFUSED.purchased) end
  if record.state == RETURNED then return pack('<BB', REFUSED.returned, 0) end
  if record.state == RELEASED then return pack('<BB', REFUSED.released, 0) end
  local terms = event.terms.told[record.terms]
  if not is_live(event, record) then return say_expired(event, 0) end
  if event.terms.cancelled_at then return pack('<BB', REFUSED.cancelled, 0) end
  if record.extensions >= terms.extensions then return pack('<BB', REFUSED.extension_denied, terms.extensions) end
  local deadline = max(record.deadline, event.office + terms.life)
  change_pools(event, record, remove_entry, record.entry)
  change_pools(event, record, add_entry, deadline)
  uncount_hold(event, record.entry)
  count_hold(event, deadline)
  enter_new_holds(event)
  move_in_account(event, record, deadline)
  codes.move(event, record, deadline)
  record.deadline, record.entry, record.extensions = deadline, deadline, record.extensions + 1
  note_record(event, record)
  if key then remember_key(event, key, command.print, record.number) end
  return view_of(event, OUTCOME.extended, 0, record)
end

local function decide_release(event, command)
  local record = record_of(event, command.number)
  if not record then return refused(REFUSED.hold) end
  if record.state == PURCHASED then return refused(REFUSED.purchased) end
  if record.state == RETURNED then return pack('<BB', REFUSED.returned, 0) end
  if not is_live(event, record) then
    event.tells_time = true
    return view_of(event, OUTCOME.released, OUTCOME_FLAG.repeated, record)
  end
  change_pools(event, record, release_places, record.entry)
  uncount_hold(event, record.entry)
  if record.queued then queues.note_ended(event, record, false) end
  codes.take(event, record)
  take_from_account(event, record)
  record.state = RELEASED
  note_record(event, record)
  return view_of(event, OUTCOME.released, 0, record)
end

local decide_purchase
do
local function note_purchase(event, record, command, late)
  record.state, record.late, record.payment, record.ended_at = PURCHASED, late, command.payment, event.wall
  record.seller = command.seller or ''
  event.has_sold = 1
  note_record(event, record)
  codes.buy(event, record, record.lines, 1)
  if record.queued then queues.note_bought(event, record, late) end
  add_bought(event, record, record.lines, 1)
end

-- Whether the buyer may still have the tickets of an ended hold. A buyer who let a hold expire and used the limit
-- again must not pay for both.
local function fits_limit(event, record)
  if record.buyer == '' or not event.terms.tickets_per_buyer then return true end
  local _, tickets = taken_by(event, record.buyer)
  return tickets + quantity_of(record.lines) <= event.terms.tickets_per_buyer
end

-- A payment after the deadline (R9 Late payment): one try for the same places at the same price, or it is owed.
local function decide_late_purchase(event, record, command, name, debt)
  event.tells_time = true
  if command.payment == '' then return pack('<BB', REFUSED.expired, 0) end
  local reason
  if not event.terms.told[record.terms].reacquires then
    reason = REASON.late
  -- A debt for this hold stays a debt even if places become free, since it may be paid back by now. An unconfirmed
  -- debt never stands in the way of a key.
  elseif debt and debt.event == event.number and debt.hold == record.number
    and (debt.confirmed == 1 or not command.by_key) then
    reason = REASON.places_gone
  elseif event.terms.removed then
    reason = REASON.event_removed
  elseif not codes.sells(event, record) then
    reason = REASON.not_on_sale
  -- It is not known any more whose limit the tickets of an erased hold would count for.
  elseif record.erased_at > 0 or not fits_limit(event, record) or not sale.fits_limits(event, record)
    or not codes.fits(event, record) or not queues.fits(event, record)
    or refusal_of_pools(event, record.lines) then
    reason = REASON.places_gone
  end
  if reason then return owe(event, record, command, debt, reason, REFUSED.expired) end
  change_pools(event, record, sell_free_places)
  note_payment(event, command.payment, name)
  note_purchase(event, record, command, 1)
  return view_of(event, OUTCOME.purchased, OUTCOME_FLAG.late, record)
end

-- A payment for a hold of a cancelled event buys nothing, in time or late (R42 Cancelled event).
local function decide_purchase_of_cancelled(event, record, command, debt)
  local refusal = is_live(event, record) and REFUSED.cancelled or REFUSED.expired
  if refusal == REFUSED.expired then event.tells_time = true end
  if command.payment == '' then return pack('<BB', refusal, 0) end
  return owe(event, record, command, debt, REASON.event_cancelled, refusal)
end

-- On a cluster the payment may have been used in another event.
local function use_for_purchase(event, command)
  local bought, debt = use_of_payment(event, command.payment)
  if command.elsewhere == ELSEWHERE.bought then return 'elsewhere', nil end
  if command.elsewhere > 0 and not bought and not (debt and debt.confirmed == 1) then
    debt = { event = 0, hold = 0, confirmed = command.elsewhere == ELSEWHERE.confirmed_debt and 1 or 0 }
  end
  return bought, debt
end

function decide_purchase(event, command)
  local record, payment = record_of(event, command.number), command.payment
  if not record then return refused(REFUSED.hold) end
  if event.terms.shop_completes and not command.by_key then return refused(REFUSED.by_shop) end
  local name = string.format('%d.%d', event.number, record.number)
  local bought, debt = use_for_purchase(event, command)
  if bought and bought ~= name then return pack('<BB', REFUSED.payment, 0) end
  if record.state == PURCHASED then
    -- The same reference, or none, is a repetition. A reference that bought nothing is a second payment.
    if payment ~= '' and not bought then return owe(event, record, command, debt, REASON.already_purchased, REFUSED.payment) end
    -- No shop is shown what another seller sold (R48 Operator keys).
    if payment == '' and command.is_shop and record.seller ~= '' and record.seller ~= command.seller then
      return refused(REFUSED.purchased)
    end
    return view_of(event, OUTCOME.purchased, OUTCOME_FLAG.repeated + record.late * OUTCOME_FLAG.late, record)
  end
  if record.state == RETURNED then
    if payment == '' or bought then return pack('<BB', REFUSED.returned, 0) end
    return owe(event, record, command, debt, REASON.returned, REFUSED.returned)
  end
  if record.state == RELEASED then
    if payment == '' then return pack('<BB', REFUSED.released, 0) end
    return owe(event, record, command, debt, REASON.released, REFUSED.released)
  end
  -- A release before this one noted the debt with the hold.
  if record.state == OWED and bought then return say_expired(event, 1) end
  if event.terms.cancelled_at then return decide_purchase_of_cancelled(event, record, command, debt) end
  if not is_live(event, record) then return decide_late_purchase(event, record, command, name, debt) end
  change_pools(event, record, sell_places, record.entry)
  uncount_hold(event, record.entry)
  codes.take(event, record)
  take_from_account(event, record)
  if payment ~= '' then note_payment(event, payment, name) end
  note_purchase(event, record, command, 0)
  return view_of(event, OUTCOME.purchased, 0, record)
end

end

local function decide_pay_back(event, command)
  local record = record_of(event, command.number)
  if not record then return refused(REFUSED.hold) end
  local name = string.format('%d.%d', event.number, command.number)
  local bought, debt = use_of_payment(event, command.payment)
  if bought == 'x' .. name then return pack('<BBd', OUTCOME.paid_back, OUTCOME_FLAG.repeated, command.number) end
  local is_owed = debt and debt.event == event.number and debt.hold == command.number
    -- Another event has the confirmed debt, which replaces this one.
    and not (debt.confirmed == 0 and command.elsewhere == ELSEWHERE.confirmed_debt)
  -- A release before this one noted the debt with the hold.
  if bought == name then is_owed = record.state == OWED end
  if command.elsewhere == ELSEWHERE.bought or not is_owed then return refused(REFUSED.unknown_debt) end
  note_payment(event, command.payment, 'x' .. name)
  seen_debts.note_paid_back(event, command.number, command.payment)
  sale.note_paid_back(event)
  event.is_changed = true
  event.facts = event.facts + 1
  return pack('<BBd', OUTCOME.paid_back, 0, command.number)
end

local function decide_look(event, command)
  local record = record_of(event, command.number)
  if not record then return refused(REFUSED.hold) end
  local is_sold = record.state == PURCHASED or record.state == RETURNED
  if not is_sold and not is_live(event, record) then
    if record.deadline + event.limits.ended_shown <= event.office then return refused(REFUSED.hold) end
    if record.state == HELD then event.tells_time = true end
  end
  local is_owed, is_paid_back = seen_debts.of(event, record)
  if sale.ended_with_event(event, record) then return pack('<BB', REFUSED.cancelled, is_owed and 1 or 0) end
  local is_never_late = (record.state == HELD or record.state == OWED) and not event.terms.told[record.terms].reacquires
  local flags = (is_owed and OUTCOME_FLAG.owed or 0) + (is_paid_back and OUTCOME_FLAG.paid_back or 0)
    + (is_never_late and OUTCOME_FLAG.never_late or 0)
  return view_of(event, OUTCOME.looked, record.late * OUTCOME_FLAG.late + flags, record)
end
