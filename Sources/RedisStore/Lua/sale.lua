-- Pages of all holds of an event, for its report (R50 Reports).
do

-- args: the first number, how many to look at. Returns the number to go on from (0 at the end), the newest number, and
-- the clocks; then for each hold its number, the moment at which it ends or ended, and its record.
local function page_of_sale(keys, args)
  begin()
  local event = open_event(keys)
  if not event then return {} end
  local numbers, next_from = given_numbers(event, tonumber(args[1]), min(chunk, tonumber(args[2])), event.next)
  local reply, found = { pack('<dddd', next_from, event.next - 1, event.office, event.wall) }, {}
  fetch(keys[KEY.holds], numbers, found)
  for _, number in ipairs(numbers) do
    local text = found[number]
    if text then
      local state, _, _, deadline = unpack_struct('<BBBd', text)
      -- A grace moves the deadlines of holds that nobody ended.
      if state % first_mark == HELD then deadline = end_of_hold(event, deadline) end
      reply[#reply + 1] = pack('<dd', number, deadline) .. text
    end
  end
  return reply
end

functions.page_of_sale = page_of_sale
end
