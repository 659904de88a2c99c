-- Takes holds, debts and keys of a sale that comes from another store (R51 Moving a sale). Nobody sells meanwhile.
do

-- Takes a hold under the next number. Its record has, in place of the deadline, the time until then.
local function adopt_hold(event, text)
  local number = event.next
  local record = unpack_record(number, text)
  record.deadline = event.office + record.deadline
  record.entry = record.deadline
  event.next, event.facts = number + 1, event.facts + 1
  event.records[number], event.changed_records[number] = record, true
  local live, lines = is_live(event, record), kept_lines(record)
  for line = 1, #lines, 3 do
    for _, pool in ipairs(event.terms.types[lines[line] + 1].pools) do
      if live then
        event.held[pool] = event.held[pool] + lines[line + 1]
        add_entry(event, pool, lines[line + 1], record.deadline)
      elseif record.state == PURCHASED then
        event.sold[pool] = event.sold[pool] + lines[line + 1]
      end
    end
  end
  if live then
    event.held[0] = event.held[0] + 1
    add_entry(event, 0, 1, record.deadline)
    add_to_account(event, number, record.deadline, record.buyer, lines)
    codes.add(event, record.code, number, record.deadline, lines)
  elseif record.state == PURCHASED then
    add_bought(event, record, lines, 1)
    codes.buy(event, record, lines, 1)
  end
  if record.state == PURCHASED or record.state == RETURNED then event.has_sold = 1 end
  names.note(event, record.buyer, number)
  if record.payment ~= '' then
    event.payments[record.payment] = string.format('%d.%d', event.number, number)
    event.new_payments[#event.new_payments + 1] = record.payment
  end
end

-- Each item comes with its length.
local function adopt_each(text, take)
  local at = 1
  while at <= #text do
    local item
    item, at = unpack_struct('<Hc0', text, at)
    take(item)
  end
end

-- args: the header (see `read_limits`), holds, debts, keys. Returns the number of the first hold.
local function adopt_sale(keys, args)
  begin()
  local event = open_event(keys)
  if not event then return 0 end
  read_limits(event, args[1])
  begin_batch(event)
  event.used_at = {}
  -- The clock of live holds stands until the sale goes on.
  event.office = event.office - min(max(0, event.passed), longest_gap)
  local first = event.next
  adopt_each(args[2], function(text) adopt_hold(event, text) end)
  for pool = 1, #event.held do
    event.ceiling[pool] = max(event.capacity[pool], event.held[pool] + event.sold[pool])
  end
  adopt_each(args[3], function(text)
    local debt = { event = event.number, ticks = event.ticks }
    local is_paid_back, age, payment
    is_paid_back, debt.hold, debt.reason, debt.confirmed, debt.wall, age, payment = unpack_struct('<BdBBddBc0', text)
    debt.ticks = event.ticks - age
    adopt_debt(event, debt, payment, is_paid_back == 1)
  end)
  adopt_each(args[4], function(text)
    local number, age, print, key = unpack_struct('<ddc8c16', text)
    remember_key(event, key, print, number, event.ticks - age)
  end)
  -- Now too, so that the count of what was moved ends no hold.
  grant_grace(event, event.limits.recovery_grace)
  -- The next call finds a server that is new to the event: live holds get the recovery grace (R7 Restart).
  event.run, event.changed_fields.run = 0, pack('<d', 0)
  event.is_changed = true
  save_batch(event)
  return string.format('%d', first)
end

functions.adopt_sale = adopt_sale
end
