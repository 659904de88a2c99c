-- The names by which the holds of a buyer are found (R47 Search): buyer and number, the latest number first, in a
-- sorted set (`names`) in which all scores are 0. An event's definition can switch them off. `names_from` in its terms
-- is the first hold that has one.

-- Lua has room for 200 local names in a text, so the functions of this file share one.
local names = {
  -- What a name has instead of the number, so that later numbers come first.
  after_numbers = 99999999999999,
}

function names.of_hold(buyer, number)
  return buyer .. '\0' .. string.format('%014d', names.after_numbers - number)
end

-- A hold was given.
function names.note(event, buyer, number)
  if buyer == '' or not event.terms.names_from then return end
  event.new_names[#event.new_names + 1] = 0
  event.new_names[#event.new_names + 1] = names.of_hold(buyer, number)
end

-- The definition in force decides whether names are kept, from now on.
function names.adopt(event, asked)
  local terms = event.terms
  terms.names_from = asked.finds_buyers and (terms.names_from or event.next) or nil
end
