-- After a time in which buyers could not buy, whoever holds places then has the recovery grace at least (rule 7).
--
-- Nothing is written for each hold. The event keeps when they were back and until when the grace lasts, in its hash under
-- `grace`: what would end in between ends with the grace. No younger hold can be meant, since the grace is no longer than a
-- hold lives; where an operator makes that shorter meanwhile, a hold may live until the grace is over, and is told so.
-- Older graces are kept behind it, so that what ended with them is told to have ended then.

local most_graces = 64

-- When what has this deadline ends, or ended, if that was not before the latest grace.
local function end_of(event, deadline)
  if deadline > event.grace_from and deadline < event.grace_until then return event.grace_until end
  return deadline
end

-- The same of whatever ended.
local function end_of_hold(event, deadline)
  if deadline > event.grace_from then return end_of(event, deadline) end
  for at = 17, #event.graces, 16 do
    local from, grace_until = unpack_struct('<dd', event.graces, at)
    if deadline > from then return deadline < grace_until and grace_until or deadline end
  end
  return deadline
end

-- What has this deadline or an earlier one has ended.
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
    -- Within another grace its holds still are the ones that were there at its beginning: it becomes longer.
    older = string.sub(older, 17)
  end
  event.grace_until = max(event.grace_until, grace_until)
  event.graces = string.sub(pack('<dd', event.grace_from, event.grace_until) .. older, 1, 16 * most_graces)
  event.changed_fields.grace = event.graces
  -- What was counted as ended may be live.
  event.walk_text, event.changed_fields.walk = nil, ''
  event.is_changed = true
end

-- What every call that writes begins with. Whether this is another life of the server, or nobody called for long.
local function come_back(event, recovery_grace)
  local was_away = event.absorbed > noticed_absence
  if not begin_run(event) and not was_away then return false end
  grant_grace(event, recovery_grace)
  return true
end
