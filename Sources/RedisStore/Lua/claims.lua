-- Where a cluster parts the keys of events, a payment is claimed for one event before anything is decided with it: in a
-- slot that follows from its name, so that all events meet there. Idempotency keys need no claim: a key has its event in
-- its scope.
--
-- A claim says which event may use the name, and has a number. It is no use by itself: whether the name was used stands
-- with the event, beside what was decided. An event that has not used it gives it up to another one, and keeps a note of
-- the number, so that a call with that claim which is still on its way finds that it came too late.
--
-- A claim goes with a refusal: it counts the requests that it was given to, and one that used it for nothing takes itself
-- off. If an event owes the payment back, the claim remembers that event while another one tries to use the payment, and
-- goes back to it with the last refusal: so a payment has one debt at the most, whichever events it is tried for (R23 Debts).
--
-- A node that ends between the claim and the decision leaves the claim, and so does an unconfirmed debt that is forgotten.
-- Nodes look at all claims in turn (`some_claims`), ask the events for those that they do not use, and drop them.
--
-- Names begin with their kind, which is `p` for a payment. Beside them are `number`, the last claim's number, and `swept`:
-- when nodes looked at claims last, and where the next look goes on.

local is_given_up, is_name_used
do

local day_length = 86400000

-- A claim as it is kept: the event, its number, and how many requests may yet use it or have used it; then, if another event
-- owes the payment back, that event and what kind of debt it is.
local function unpack_claim(text)
  local claim = { count = math.huge, owed_at = 0, owed = ELSEWHERE.none }
  claim.event, claim.number = unpack_struct('<dd', text)
  -- One of a former version is not counted, and stays.
  if #text > 16 then claim.count = unpack_struct('<d', text, 17) end
  if #text > 24 then claim.owed_at, claim.owed = unpack_struct('<dB', text, 25) end
  return claim
end

local function claim_of(key, name)
  local text = redis.call('HGET', key, name)
  return text and unpack_claim(text), text
end

-- Written at once, since the claims of one call may be of the same name. Each write by itself leaves nothing half done: a
-- number that no claim has is passed over, and a claim that is there is found when it is asked for again.
local function save_claim(key, name, claim)
  local text = pack('<ddd', claim.event, claim.number, claim.count)
  if claim.owed_at > 0 then text = text .. pack('<dB', claim.owed_at, claim.owed) end
  redis.call('HSET', key, name, text)
end

local function new_claim(key, event)
  return { event = event, number = redis.call('HINCRBY', key, 'number', 1), count = 0, owed_at = 0, owed = ELSEWHERE.none }
end

-- Ends a claim that nothing uses: the event that owes the payment back has it again, or it goes.
local function end_claim(key, name, claim)
  if claim.owed_at == 0 then
    redis.call('HDEL', key, name)
    return
  end
  local given_back = new_claim(key, claim.owed_at)
  -- The debt uses it.
  given_back.count = 1
  save_claim(key, name, given_back)
end

-- Claims a name for an event, or finds it claimed, and counts the request if it is for this event. What the request is
-- told: the event and the number of the claim, what kind of debt another event has, and which event.
local function claim_for(key, name, wanted, known)
  local claim = known or new_claim(key, wanted)
  if claim.event == wanted then
    claim.count = claim.count + 1
    save_claim(key, name, claim)
  end
  return pack('<ddBd', claim.event, claim.number, claim.owed, claim.owed_at)
end

-- args: event and name in turn. For each the event that has it now, the number of its claim, and the debt.
local function claim(keys, args)
  begin()
  local claims = {}
  for index = 1, #args, 2 do
    local name = args[index + 1]
    claims[#claims + 1] = claim_for(keys[1], name, tonumber(args[index]), (claim_of(keys[1], name)))
  end
  return table.concat(claims)
end

-- args: a name, event and number of the claim as it was found, the event that wants it, what kind of debt the event has that
-- gave it up. The claim as it is now.
local function reclaim(keys, args)
  begin()
  local name, wanted, owed = args[1], tonumber(args[3]), tonumber(args[4])
  local known, text = claim_of(keys[1], name)
  -- It stands as it was found, and its event gave it up: a new one takes its place.
  if known and string.sub(text, 1, 16) == args[2] then
    local taken = new_claim(keys[1], wanted)
    taken.owed_at, taken.owed = known.owed_at, known.owed
    if owed ~= ELSEWHERE.none then taken.owed_at, taken.owed = known.event, owed end
    -- This request was counted already.
    if known.event == wanted then taken.count = known.count - 1 end
    if taken.owed_at == wanted then taken.owed_at, taken.owed, taken.count = 0, ELSEWHERE.none, taken.count + 1 end
    known = taken
  end
  return claim_for(keys[1], name, wanted, known)
end

-- args: event, number and name in turn, of claims whose requests were refused and used them for nothing. With the last
-- request a claim ends; one that was used counts at least that use.
local function unclaim(keys, args)
  begin()
  for index = 1, #args, 3 do
    local name = args[index + 2]
    local known = claim_of(keys[1], name)
    if known and known.event == tonumber(args[index]) and known.number == tonumber(args[index + 1]) then
      if known.count > 1 then
        known.count = known.count - 1
        save_claim(keys[1], name, known)
      else
        end_claim(keys[1], name, known)
      end
    end
  end
  return 1
end

-- args: how many claims to look at, and how long after the last look, in milliseconds. Name and claim in turn; none if the
-- last look, of this or another node, was a shorter time ago.
local function some_claims(keys, args)
  begin()
  local ticks = read_clocks()
  local swept = redis.call('HGET', keys[1], 'swept')
  local cursor = '0'
  if swept then
    local at
    at, cursor = unpack_struct('<dBc0', swept)
    if ticks >= at and ticks < at + tonumber(args[2]) then return {} end
  end
  local found = redis.call('HSCAN', keys[1], cursor, 'COUNT', args[1])
  local fields, claims = found[2], {}
  for index = 1, #fields, 2 do
    if string.sub(fields[index], 1, 1) == 'p' then
      claims[#claims + 1] = fields[index]
      claims[#claims + 1] = fields[index + 1]
    end
  end
  if #fields > 0 then write('HSET', keys[1], 'swept', pack('<dBc0', ticks, #found[1], found[1])) end
  return claims
end

-- args: name and claim in turn, as they were found and given up by their events.
local function drop_claims(keys, args)
  begin()
  for index = 1, #args, 2 do
    local known, text = claim_of(keys[1], args[index])
    -- Else somebody asked for it meanwhile.
    if text == args[index + 1] then end_claim(keys[1], args[index], known) end
  end
  return 1
end

-- Notes of what an event gave up are in a hash a day. So many in one, some 10 MB, come only from somebody who uses names
-- for two events at once, again and again.
local most_given_up = 100000

local function given_up_on(key, ticks, days_ago)
  return key .. ':' .. string.format('%d', floor(ticks / day_length) - days_ago)
end

-- The newest claim of a name that an event gave up; 0 if there is none.
local function given_up_of(key, ticks, name)
  local latest = 0
  for days_ago = 0, 1 do
    latest = max(latest, tonumber(redis.call('HGET', given_up_on(key, ticks, days_ago), name) or 0))
  end
  return latest
end

-- args: a name, the number of the claim, how long unconfirmed debts are remembered. The event gives the name up unless it
-- bought something or too many names were given up today. Returns the time and what the event used the name for.
local function give_up(keys, args)
  begin()
  local event = open_event(keys)
  local ticks, wall = read_clocks()
  local office = event and event.office or ticks
  local kind, name = string.sub(args[1], 1, 1), string.sub(args[1], 2)
  local owed = ELSEWHERE.none
  local use = event and kind == 'p' and redis.call('HGET', keys[6], name)
  if use then
    local debt = unpack_debt(use)
    if not debt then return pack('<ddB', office, wall, ELSEWHERE.bought) end
    if debt.confirmed == 1 then
      owed = ELSEWHERE.confirmed_debt
    elseif event.ticks < debt.ticks + tonumber(args[3]) then
      owed = ELSEWHERE.unconfirmed_debt
    end
  end
  local today = given_up_on(keys[10], ticks, 0)
  local count = redis.call('HLEN', today)
  if count >= most_given_up then return pack('<ddB', office, wall, ELSEWHERE.not_given_up) end
  -- One that was asked for earlier and comes later must not make an older claim out of it.
  write('HSET', today, args[1], max(given_up_of(keys[10], ticks, args[1]), tonumber(args[2])))
  -- A call that is on its way for a day has been given up by its caller.
  if count == 0 then write('PEXPIRE', today, 2 * day_length) end
  return pack('<ddB', office, wall, owed)
end

-- Whether a command comes with a claim that this event gave up.
function is_given_up(event, command)
  if not command.claim then return false end
  if event.has_given_up == nil then
    event.has_given_up = redis.call(
      'EXISTS', given_up_on(event.keys[10], event.ticks, 0), given_up_on(event.keys[10], event.ticks, 1)) > 0
  end
  return event.has_given_up and command.claim <= given_up_of(event.keys[10], event.ticks, 'p' .. command.payment)
end

-- Whether the name that a command claimed was used with this event, by it or by another one.
function is_name_used(event, command)
  return event.payments[command.payment]
end

functions.claim = claim
functions.reclaim = reclaim
functions.unclaim = unclaim
functions.some_claims = some_claims
functions.drop_claims = drop_claims
functions.give_up = give_up
end
