-- An event in parts: each is an event of its own under a number and a hash tag of its own, with its share of the places,
-- and decides for itself. Part 0 has the event's number, and is changed first; the others take over its terms as they
-- are. The parts of a call's keys are one part's; what goes from part to part is carried by nodes.
--
-- Places move from a part A to a part B in three steps, each of which can be repeated by anybody at any time: A takes
-- them off its capacity and keeps a note of them under a number that is one more each time (`take`); B adds them
-- to its own unless it had that number (`give`); A forgets what they were (`close`). Between two parts, one
-- way, there is one move at a time. So whoever stops between two steps loses no place and makes none, and whoever sees
-- a note finishes it.
--
-- moves: out (part -> number of the last move to it, and its places by pool while it is under way), into (part -> number
-- of the last move from it), leaving (the number of the removal that this part waits for).
--
-- A capacity that was lowered may leave one part with more promised than it has and another with free places. Which is
-- known to nobody who decides, so each part sells nothing of such a pool until a node has seen all of them, and has moved
-- what is free to where it is short (`stopped`, `resume`).

local function moves_of(event)
  if not event.moves then event.moves = { out = {}, into = {} } end
  return event.moves
end

local function stay(event)
  event.moves.leaving = nil
  event.moves_changed = true
end

-- What this part has of `total`: the first parts have one more where it cannot be parted evenly.
local function share(total, terms)
  local least = floor(total / terms.parts)
  return terms.part < total - least * terms.parts and least + 1 or least
end

-- The whole event has `total` places in a pool from now on. Places that moved stay where they are.
local function set_total(event, pool, total)
  local terms = event.terms
  if not terms.parts then return set_capacity(event, pool, total) end
  local was = terms.totals[pool] or 0
  terms.totals[pool] = total
  set_capacity(event, pool, event.capacity[pool] + share(total, terms) - share(was, terms))
  if total < was then event.stopped[pool] = 1 end
end
