-- The note of a hold that was taken past checks of the sale (R43 Override).
do

-- The number of a hold over all events (see `HoldID.init(event:hold:)`), with all its digits: Lua's numbers have too
-- few.
local function name_of_hold(event, number)
  local step, million = 4398046511104, 1000000
  local low = event.number * (step % million) + number % million
  local high = event.number * floor(step / million) + floor(number / million) + floor(low / million)
  return high > 0 and string.format('H%d%06d', high, low % million) or string.format('H%d', low)
end

-- The note with the hold as its subject. The node that wrote it did not know the hold's number.
function sale.note_about(event, note, number)
  local at, _ = 1, nil
  for _ = 1, 3 do _, at = unpack_struct('<Hc0', note, at) end
  local subject, behind = unpack_struct('<Hc0', note, at)
  if subject ~= '' then return note end
  local name = name_of_hold(event, number)
  return string.sub(note, 1, at - 1) .. pack('<Hc0', #name, name) .. string.sub(note, behind)
end

end
