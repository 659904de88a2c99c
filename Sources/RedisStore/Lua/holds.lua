-- The records of holds.

-- States. A HELD hold past its deadline is expired; the functions write nothing when that happens. OWED was written
-- by a release before this one, for an expired hold with a payment that is owed back. Now the payment has that (see
-- debts.lua).
local HELD, PURCHASED, RELEASED, RETURNED = STATE.held, STATE.purchased, STATE.released, STATE.returned
local OWED, WITH_TERMS = RECORD.owed, RECORD.with_terms
-- The byte with the state of a record says by marks what stands behind its lines. Each mark is a power of two, this one
-- or above.
local first_mark = 8

-- A state that only answers have.
local EXPIRED = VIEW.expired

-- Lines are flat lists: type, quantity, price, type, quantity, price.
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

-- If a hold was made under other terms of its event than the first ones, their index stands behind its lines
-- (WITH_TERMS). Behind it are the partial returns of a purchase (RECORD.returns, see returns.lua). Behind them is the
-- note of an operator (RECORD.note, R40 Corrections). Behind it are the moment of an erasure and the length of the list
-- of debts at that moment (RECORD.erased, R41 Erasure). Behind it is the access code that the hold was made with
-- (RECORD.code, R46 Access codes). Last comes the entry of the queue that made the hold: its number and 1 (Q6 Pass). Of
-- a purchase, behind that, come its moments and its payment; and then the name of the key that completed it, if a key
-- did (R48 Operator keys).

-- The second byte has 1 for a purchase after the deadline, 2 if an entry of a queue made the hold, and sixteen times
-- the checks that did not count for the hold (R43 Override).

-- Packs a new hold in the form in which `pack_record` packs a changed one.
local function pack_new(deadline, held_at, buyer, packed_lines, terms, code, checks, queued)
  local state = terms > 1 and HELD + WITH_TERMS or HELD
  if code then state = state + RECORD.code end
  local flags = 16 * (checks or 0) + (queued and 2 or 0)
  local text = pack('<BBBddBc0', state, flags, 0, deadline, held_at, #buyer, buyer) .. packed_lines
  if terms > 1 then text = text .. pack('<H', terms) end
  if code then text = text .. pack('<I4', code) end
  return queued and text .. pack('<I4', queued) or text
end

local pack_record, unpack_record
do

local function has_mark(head, mark)
  return head % (2 * mark) >= mark
end

-- A list of partial returns: key, fingerprint, moment, and how many tickets of each line came back.
local function pack_returns(returns)
  local parts = { pack('<H', #returns) }
  for _, part in ipairs(returns) do
    parts[#parts + 1] = pack('<c16c8d', part.key, part.print, part.at)
    for _, quantity in ipairs(part.quantities) do parts[#parts + 1] = pack('<H', quantity) end
  end
  return table.concat(parts)
end

local function unpack_returns(text, at, lines)
  local count, returns = nil, {}
  count, at = unpack_struct('<H', text, at)
  for index = 1, count do
    local part = { quantities = {} }
    part.key, part.print, part.at, at = unpack_struct('<c16c8d', text, at)
    for line = 1, lines do part.quantities[line], at = unpack_struct('<H', text, at) end
    returns[index] = part
  end
  return returns, at
end

function pack_record(record)
  local has_terms, marks = record.terms > 1, 0
  if has_terms then marks = marks + WITH_TERMS end
  if record.returns then marks = marks + RECORD.returns end
  if record.note ~= '' then marks = marks + RECORD.note end
  if record.erased_at > 0 then marks = marks + RECORD.erased end
  if record.code then marks = marks + RECORD.code end
  local text = pack(
    '<BBBddBc0', record.state + marks, record.late + (record.queued and 2 or 0) + 16 * record.checks, record.extensions,
    record.deadline, record.held_at, #record.buyer, record.buyer) .. pack_lines(record.lines)
  if has_terms then text = text .. pack('<H', record.terms) end
  if record.returns then text = text .. pack_returns(record.returns) end
  if record.note ~= '' then text = text .. pack('<Hc0', #record.note, record.note) end
  if record.erased_at > 0 then text = text .. pack('<dd', record.erased_at, record.erased_entries) end
  if record.code then text = text .. pack('<I4', record.code) end
  if record.queued then text = text .. pack('<I4', record.queued) end
  if record.state == HELD or record.state == RELEASED then return text end
  text = text .. pack('<ddBc0', record.ended_at, record.returned_at, #record.payment, record.payment)
  return record.seller ~= '' and text .. pack('<Hc0', #record.seller, record.seller) or text
end

function unpack_record(number, text)
  local record, at = {
    number = number, payment = '', ended_at = 0, returned_at = 0, terms = 1, erased_at = 0, note = '', seller = '',
  }, nil
  record.state, record.late, record.extensions, record.deadline, record.held_at, record.buyer, at =
    unpack_struct('<BBBddBc0', text)
  local flags = record.late
  record.late, record.checks = flags % 2, floor(flags / 16)
  record.lines, at = unpack_lines(text, at)
  if record.state >= first_mark then
    local head = record.state
    record.state = head % first_mark
    if has_mark(head, WITH_TERMS) then record.terms, at = unpack_struct('<H', text, at) end
    if has_mark(head, RECORD.returns) then
      record.returns, at = unpack_returns(text, at, #record.lines / 3)
    end
    if has_mark(head, RECORD.note) then record.note, at = unpack_struct('<Hc0', text, at) end
    if has_mark(head, RECORD.erased) then record.erased_at, record.erased_entries, at = unpack_struct('<dd', text, at) end
    if has_mark(head, RECORD.code) then record.code, at = unpack_struct('<I4', text, at) end
  end
  if flags % 4 >= 2 then record.queued, at = unpack_struct('<I4', text, at) end
  if record.state ~= HELD and record.state ~= RELEASED then
    record.ended_at, record.returned_at, record.payment, at = unpack_struct('<ddBc0', text, at)
    if at <= #text then record.seller = unpack_struct('<Hc0', text, at) end
  end
  return record
end

end

-- The hold with this number; `nil` if none was given. Finds holds of this call before they are written, too.
local function record_of(event, number)
  local record = event.records[number]
  if record then return record end
  local text = event.given[number - event.first + 1]
  if not text then
    text = event.fetched[number]
    if text == nil then text = redis.call('HGET', event.keys[KEY.holds], number) end
  end
  if not text then return nil end
  record = unpack_record(number, text)
  -- The calendar uses the deadline as it was written, everything else the deadline with the recovery grace.
  record.entry = record.deadline
  if record.state == HELD then record.deadline = end_of_hold(event, record.deadline) end
  event.records[number] = record
  return record
end

local function is_live(event, record)
  return record.state == HELD and event.office < record.deadline
end

-- How many tickets of a line of a purchase were returned by parts; `line` counts from 1.
local function returned_of(record, line)
  local sum = 0
  for _, part in ipairs(record.returns or {}) do sum = sum + part.quantities[line] end
  return sum
end

-- The lines of a purchase with what was not returned of them.
local function kept_lines(record)
  if not record.returns then return record.lines end
  local lines = {}
  for index, value in ipairs(record.lines) do lines[index] = value end
  for line = 1, #lines / 3 do lines[line * 3 - 1] = lines[line * 3 - 1] - returned_of(record, line) end
  return lines
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
