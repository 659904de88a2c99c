-- After a time in which buyers could not buy, each live hold has at least the recovery grace left (R7 Restart).
--
-- The functions write nothing for each hold. Under `grace` the event's hash keeps the moment from which buyers could
-- buy again and the moment until which the grace lasts: a deadline between the two becomes the end of the grace.
-- Younger holds are not affected, since the grace is at most as long as a hold lives. If an operator shortens the
-- hold time meanwhile, a new hold may live until the grace ends, and its answer says so. Older graces stay behind the
-- latest one, so that holds that ended with them keep the moment of their end.

local most_graces = 64

-- The moment at which a hold with this deadline ends. Right for holds that did not end before the latest grace.
local function end_of(event, deadline)
  if deadline > event.grace_from and deadline < event.grace_until then return event.grace_until end
  return deadline
end

-- The same for every hold.
local function end_of_hold(event, deadline)
  if deadline > event.grace_from then return end_of(event, deadline) end
  for at = 17, #event.graces, 16 do
    local from, grace_until = unpack_struct('<dd', event.graces, at)
    if deadline > from then return deadline < grace_until and grace_until or deadline end
  end
  return deadline
end

-- Holds with this deadline or an earlier one have ended.
local function last_ended(event)
  return event.office < event.grace_until and event.grace_from or event.office
end

local function grant_grace(event, recovery_grace)
  local told = event.terms.told[event.terms.given]
  local grace_until = event.office + min(recovery_grace, told.life - told.grace)
  local older = event.graces
  if event.office >= event.grace_until then
    event.grace_from = event.office
  else
    -- Within another grace the live holds are still those from its beginning, so the grace becomes longer.
    older = string.sub(older, 17)
  end
  event.grace_until = max(event.grace_until, grace_until)
  event.graces = string.sub(pack('<dd', event.grace_from, event.grace_until) .. older, 1, 16 * most_graces)
  event.changed_fields.grace = event.graces
  -- A recount may have counted holds as ended that are live again.
  event.walk_text, event.changed_fields.walk = nil, ''
  event.is_changed = true
end

-- Each call that writes begins with this. Returns whether the server has a new life or nobody called for long.
local function come_back(event, recovery_grace)
  local was_away = event.absorbed > noticed_absence
  if not begin_run(event) and not was_away then return false end
  grant_grace(event, recovery_grace)
  return true
end
