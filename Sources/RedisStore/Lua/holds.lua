-- Holds and remembered keys, as they are packed.

-- States; a hold that is HELD past its deadline is expired: nothing is written for that. OWED was written by a release
-- before this one, of an expired hold for which a payment is owed back; now that is with the payment.
local HELD, PURCHASED, RELEASED, RETURNED = STATE.held, STATE.purchased, STATE.released, STATE.returned
local OWED, WITH_TERMS = RECORD.owed, RECORD.with_terms
-- What a view says besides.
local EXPIRED = VIEW.expired

-- Lines are kept flat: type, quantity, price, type, quantity, price.
local function pack_lines(lines)
  if #lines == 3 then return pack('<BHHd', 1, lines[1], lines[2], lines[3]) end
  local parts = { pack('<B', #lines / 3) }
  for line = 1, #lines, 3 do
    parts[#parts + 1] = pack('<HHd', lines[line], lines[line + 1], lines[line + 2])
  end
  return table.concat(parts)
end

local function unpack_lines(text, at)
  local count
  count, at = unpack_struct('<B', text, at)
  local lines = {}
  for line = 1, count * 3, 3 do
    lines[line], lines[line + 1], lines[line + 2], at = unpack_struct('<HHd', text, at)
  end
  return lines, at
end

-- Which of its event's terms a hold was made under stands behind its lines, unless they are the first; its state is then
-- raised by WITH_TERMS.

-- A hold that is new; `pack_record` writes the same of one that changed.
local function pack_new(deadline, held_at, buyer, packed_lines, terms)
  local head = pack('<BBBddBc0', terms > 1 and HELD + WITH_TERMS or HELD, 0, 0, deadline, held_at, #buyer, buyer)
  return terms > 1 and head .. packed_lines .. pack('<H', terms) or head .. packed_lines
end

local function pack_record(record)
  local has_terms = record.terms > 1
  local text = pack(
    '<BBBddBc0', has_terms and record.state + WITH_TERMS or record.state, record.late, record.extensions,
    record.deadline, record.held_at, #record.buyer, record.buyer) .. pack_lines(record.lines)
  if has_terms then text = text .. pack('<H', record.terms) end
  if record.state == HELD or record.state == RELEASED then return text end
  return text .. pack('<ddBc0', record.ended_at, record.returned_at, #record.payment, record.payment)
end

local function unpack_record(number, text)
  local record, at = { number = number, payment = '', ended_at = 0, returned_at = 0, terms = 1 }, nil
  record.state, record.late, record.extensions, record.deadline, record.held_at, record.buyer, at =
    unpack_struct('<BBBddBc0', text)
  record.lines, at = unpack_lines(text, at)
  if record.state >= WITH_TERMS then
    record.state = record.state - WITH_TERMS
    record.terms, at = unpack_struct('<H', text, at)
  end
  if record.state ~= HELD and record.state ~= RELEASED then
    record.ended_at, record.returned_at, record.payment = unpack_struct('<ddBc0', text, at)
  end
  return record
end

-- `nil` if no such hold was given. A hold of this very call is at hand before it is written.
local function record_of(event, number)
  local record = event.records[number]
  if record then return record end
  local text = event.given[number - event.first + 1]
  if not text then
    text = event.fetched[number]
    if text == nil then text = redis.call('HGET', event.keys[2], number) end
  end
  if not text then return nil end
  record = unpack_record(number, text)
  -- The calendar goes by the deadline as it was written, everybody else by that with the recovery grace.
  record.entry = record.deadline
  if record.state == HELD then record.deadline = end_of_hold(event, record.deadline) end
  event.records[number] = record
  return record
end

local function is_live(event, record)
  return record.state == HELD and event.office < record.deadline
end

local function quantity_of(lines)
  local sum = 0
  for line = 2, #lines, 3 do sum = sum + lines[line] end
  return sum
end

local function note_record(event, record)
  event.is_changed = true
  event.facts = event.facts + 1
  event.changed_records[record.number] = true
end
