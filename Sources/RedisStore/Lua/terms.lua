-- When an event sells and when its types do; and the other terms that a ticket type has of its own (R44 Terms of a
-- type), which are asked only for events with such types.

local sale = {}
do

-- `past`: the checks that do not count for the hold (R43 Override). `opens_early`, here and below: an access code opens
-- the sale before its time (R46 Access codes).
function sale.refusal(event, past, opens_early)
  local terms = event.terms
  if not opens_early and terms.opens_at and event.wall < terms.opens_at and not past.window then
    return pack('<Bd', REFUSED.not_started, terms.opens_at)
  end
  if terms.closes_at and event.wall >= terms.closes_at and not past.window then
    return pack('<Bd', REFUSED.ended, terms.closes_at)
  end
  return terms.paused and not past.pause and pack('<B', REFUSED.paused) or nil
end

-- Whether the hold would be live, had its event not been cancelled (R42 Cancelled event).
function sale.ended_with_event(event, record)
  return event.terms.cancelled_at and is_live(event, record)
end

-- A purchase was returned, or a payment paid back: a cancellation stands from now on.
function sale.note_paid_back(event)
  if event.terms.cancelled_at then event.changed_fields.paid_back = '1' end
end

-- Tickets of a type, over all lines.
local function quantity_of_type(lines, type)
  local sum = 0
  for line = 1, #lines, 3 do
    if lines[line] == type then sum = sum + lines[line + 1] end
  end
  return sum
end

local function is_first_line_of_type(lines, at)
  for line = 1, at - 3, 3 do
    if lines[line] == lines[at] then return false end
  end
  return true
end

-- Why the hold asks for too few or too many tickets of a type, all its lines of the type together.
function sale.refusal_of_quantities(event, asked, lines)
  for index, line in ipairs(asked) do
    local at = index * 3 - 2
    local type = event.terms.types[lines[at] + 1]
    if type.least and is_first_line_of_type(lines, at) then
      local minimum = 0
      for other, one in ipairs(asked) do
        if lines[other * 3 - 2] == lines[at] then minimum = minimum + one.minimum end
      end
      local quantity = quantity_of_type(lines, lines[at])
      if quantity < type.least or quantity > type.most then
        return pack(
          '<BBBddBc0', REFUSED.invalid, INVALID.type_quantity, index - 1, type.most, type.least, #line.code, line.code)
      end
      if minimum < type.least then
        return pack('<BBBdBc0', REFUSED.invalid, INVALID.type_minimum, index - 1, type.least, #line.code, line.code)
      end
    end
  end
  return nil
end

-- Why a type is not sold now, although the event is.
function sale.refusal_of_types(event, lines, opens_early)
  for line = 1, #lines, 3 do
    local type = event.terms.types[lines[line] + 1]
    if not opens_early and type.opens_at and event.wall < type.opens_at then
      return pack('<BdBc0', REFUSED.type_not_started, type.opens_at, #type.code, type.code)
    end
    if type.closes_at and event.wall >= type.closes_at then
      return pack('<BdBc0', REFUSED.type_ended, type.closes_at, #type.code, type.code)
    end
  end
  return nil
end

-- The type as the definition in force has it; `nil` if it is no longer sold.
local function type_now(event, type)
  return event.terms.types[event.terms.index_of[event.terms.types[type + 1].code] or 0]
end

local function is_open(event, terms, opens_early)
  return (opens_early or not (terms.opens_at and event.wall < terms.opens_at))
    and not (terms.closes_at and event.wall >= terms.closes_at)
end

-- Whether a late payment may still win `lines` (R9 Late payment). A pause does not matter.
function sale.sells(event, lines, opens_early)
  if not is_open(event, event.terms, opens_early) then return false end
  for line = 1, #lines, 3 do
    local type = type_now(event, lines[line])
    if not type or not is_open(event, type, opens_early) then return false end
  end
  return true
end

-- Tickets of a type that the buyer holds and has bought, whatever pools the type had then.
local function taken_of_type(event, buyer, type)
  local _, tickets = taken_by(event, typed_name(buyer, type.code))
  return tickets
end

-- Why the limit of a type refuses lines to a buyer: a new hold's or, with `is_corrected`, those that a hold or a purchase
-- keeps under the types in force (R40 Corrections).
function sale.refusal_of_limits(event, lines, buyer, is_corrected)
  for line = 1, #lines, 3 do
    local type
    if is_corrected then
      type = lines[line + 1] > 0 and type_now(event, lines[line])
    else
      type = event.terms.types[lines[line] + 1]
    end
    if type and type.per_buyer then
      if buyer == '' then return pack('<BBBd', REFUSED.invalid, INVALID.buyer, 0, 0) end
      local remaining = max(0, type.per_buyer - taken_of_type(event, buyer, type))
      if quantity_of_type(lines, lines[line]) > remaining then
        return pack('<BdBc0', REFUSED.type_limit, remaining, #type.code, type.code)
      end
    end
  end
  return nil
end

-- How many more tickets than `lines` take the buyer may have of each type with a limit, by code.
function sale.left_of_types(event, lines, buyer)
  local left = {}
  for line = 1, #lines, 3 do
    local type = event.terms.types[lines[line] + 1]
    if type.per_buyer and buyer ~= '' then
      left[type.code] = (left[type.code] or type.per_buyer - taken_of_type(event, buyer, type)) - lines[line + 1]
    end
  end
  return left
end

-- Whether the tickets of an ended hold still fit the limits of their types.
function sale.fits_limits(event, record)
  if record.buyer == '' or not event.terms.types_limit_buyers then return true end
  for line = 1, #record.lines, 3 do
    local type = type_now(event, record.lines[line])
    if type and type.per_buyer
      and taken_of_type(event, record.buyer, type) + quantity_of_type(record.lines, record.lines[line]) > type.per_buyer
    then
      return false
    end
  end
  return true
end

end
