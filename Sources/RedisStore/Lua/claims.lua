-- Where a cluster parts the keys of events, a payment is claimed for one event before anything is decided with it: in a
-- slot that follows from its name, so that all events meet there. Idempotency keys need no claim: a key has its event in
-- its scope.
--
-- A claim says which event may use the name, and has a number. It is no use by itself: whether the name was used stands
-- with the event, beside what was decided. An event that has not used it gives it up to another one, and keeps a note of
-- the number, so that a call with that claim which is still on its way finds that it came too late.
--
-- A claim goes with a refusal: it counts the requests that it was given to, and one that used it for nothing takes itself
-- off. So nothing stays of what is refused, but for nodes that end in between.
--
-- Names begin with their kind, which is `p` for a payment.

local UNCLAIMED = 62
local day_length = 86400000

local function claim_of(key, name)
  return redis.call('HGET', key, name)
end

-- A claim as it is kept: the event, its number, and how many requests may yet use it or have used it.
local function unpack_claim(text)
  local event, number = unpack_struct('<dd', text)
  -- One of a former version is not counted, and stays.
  return event, number, #text > 16 and unpack_struct('<d', text, 17) or math.huge
end

-- Claims a name for an event, or finds it claimed, and counts the request if it is for this event. What the request is
-- told: the event and the number.
--
-- Written at once, since the claims of one call may be of the same name. Each write by itself leaves nothing half done: a
-- number that no claim has is passed over, and a claim that is there is found when it is asked for again.
local function claim_for(key, name, wanted, known)
  local event, number, count = wanted, nil, 0
  if known then event, number, count = unpack_claim(known) end
  number = number or redis.call('HINCRBY', key, 'number', 1)
  if event == wanted then redis.call('HSET', key, name, pack('<ddd', event, number, count + 1)) end
  return pack('<dd', event, number)
end

-- args: event and name in turn. For each the event that has it now and the number of its claim.
local function claim(keys, args)
  begin()
  local claims = {}
  for index = 1, #args, 2 do
    local name = args[index + 1]
    claims[#claims + 1] = claim_for(keys[1], name, tonumber(args[index]), claim_of(keys[1], name))
  end
  return table.concat(claims)
end

-- args: a name, the claim as it was found, the event that wants it. The claim as it is now.
local function reclaim(keys, args)
  begin()
  local known = claim_of(keys[1], args[1])
  -- It stands as it was found, and its event gave it up: a new one takes its place.
  if known and string.sub(known, 1, 16) == args[2] then known = nil end
  return claim_for(keys[1], args[1], tonumber(args[3]), known)
end

-- args: event, number and name in turn, of claims whose requests were refused and used them for nothing. With the last
-- request a claim goes; one that was used counts at least that use.
local function unclaim(keys, args)
  begin()
  for index = 1, #args, 3 do
    local name = args[index + 2]
    local known = claim_of(keys[1], name)
    local event, number, count
    if known then event, number, count = unpack_claim(known) end
    if event == tonumber(args[index]) and number == tonumber(args[index + 1]) then
      if count > 1 then
        redis.call('HSET', keys[1], name, pack('<ddd', event, number, count - 1))
      else
        redis.call('HDEL', keys[1], name)
      end
    end
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

-- args: a name, the number of the claim, how long unconfirmed debts are remembered. The time, and 1 if this event has used
-- the name; else it gives it up, and 0, or, of a payment that it owes back, 2 or if that is confirmed 3; 4 if it gave up
-- too many.
local function give_up(keys, args)
  begin()
  local event = open_event(keys)
  local ticks, wall = read_clocks()
  local office = event and event.office or ticks
  local kind, name = string.sub(args[1], 1, 1), string.sub(args[1], 2)
  local owed = 0
  local use = event and kind == 'p' and redis.call('HGET', keys[6], name)
  if use then
    local debt = unpack_debt(use)
    if not debt then return pack('<ddB', office, wall, ELSEWHERE.bought) end
    if debt.confirmed == 1 then
      owed = ELSEWHERE.confirmed
    elseif event.ticks < debt.ticks + tonumber(args[3]) then
      owed = ELSEWHERE.unconfirmed
    end
  end
  local today = given_up_on(keys[10], ticks, 0)
  local count = redis.call('HLEN', today)
  if count >= most_given_up then return pack('<ddB', office, wall, 4) end
  -- One that was asked for earlier and comes later must not make an older claim out of it.
  write('HSET', today, args[1], max(given_up_of(keys[10], ticks, args[1]), tonumber(args[2])))
  -- A call that is on its way for a day has been given up by its caller.
  if count == 0 then write('PEXPIRE', today, 2 * day_length) end
  return pack('<ddB', office, wall, owed)
end

-- Whether a command comes with a claim that this event gave up.
local function is_given_up(event, command)
  if not command.claim then return false end
  if event.has_given_up == nil then
    event.has_given_up = redis.call(
      'EXISTS', given_up_on(event.keys[10], event.ticks, 0), given_up_on(event.keys[10], event.ticks, 1)) > 0
  end
  return event.has_given_up and command.claim <= given_up_of(event.keys[10], event.ticks, 'p' .. command.payment)
end

-- Whether the name that a command claimed was used with this event, by it or by another one.
local function is_name_used(event, command)
  return event.payments[command.payment]
end

functions.claim = claim
functions.reclaim = reclaim
functions.unclaim = unclaim
functions.give_up = give_up
