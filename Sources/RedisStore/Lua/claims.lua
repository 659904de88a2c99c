-- Where a cluster parts the keys of events, a payment is claimed for one event before anything is decided with it: in a
-- slot that follows from its name, so that all events meet there. Idempotency keys need no claim: a key has its event in
-- its scope.
--
-- A claim says which event may use the name, and has a number. It is no use by itself: whether the name was used stands
-- with the event, beside what was decided. An event that has not used it gives it up to another one, and keeps a note of
-- the number, so that a call with that claim which is still on its way finds that it came too late.
--
-- Names begin with their kind, which is `p` for a payment.

local UNCLAIMED = 62
local day_length = 86400000

local function claim_of(key, name)
  return redis.call('HGET', key, name)
end

-- Written at once, since the claims of one call may be of the same name. Each write by itself leaves nothing half done: a
-- number that no claim has is passed over, and a claim that is there is found when it is asked for again.
local function write_claim(key, name, event)
  local claim = pack('<dd', event, redis.call('HINCRBY', key, 'number', 1))
  redis.call('HSET', key, name, claim)
  return claim
end

-- args: event and name in turn. For each the event that has it now and the number of its claim.
local function claim(keys, args)
  begin()
  local claims = {}
  for index = 1, #args, 2 do
    claims[#claims + 1] = claim_of(keys[1], args[index + 1])
      or write_claim(keys[1], args[index + 1], tonumber(args[index]))
  end
  return table.concat(claims)
end

-- args: a name, the claim as it was found, the event that wants it. The claim as it is now.
local function reclaim(keys, args)
  begin()
  local known = claim_of(keys[1], args[1])
  if known and known ~= args[2] then return known end
  return write_claim(keys[1], args[1], tonumber(args[3]))
end

-- args: a name, the number of the claim. The time, and 1 if this event has used the name;
-- else it gives it up, and 0.
local function give_up(keys, args)
  begin()
  local event = open_event(keys)
  local ticks, wall = read_clocks()
  local office = event and event.office or ticks
  local kind, name = string.sub(args[1], 1, 1), string.sub(args[1], 2)
  if event and kind == 'p' and redis.call('HGET', keys[6], name) then return pack('<ddB', office, wall, 1) end
  -- One that was asked for earlier and comes later must not make an older claim out of it.
  local given_up = tonumber(redis.call('HGET', keys[10], args[1]) or 0)
  write('HSET', keys[10], args[1], max(given_up, tonumber(args[2])))
  -- A call that is on its way that long has been given up by its caller.
  write('PEXPIRE', keys[10], day_length)
  return pack('<ddB', office, wall, 0)
end

-- Whether a command comes with a claim that this event gave up.
local function is_given_up(event, command)
  if not command.claim then return false end
  local name = 'p' .. command.payment
  local number = event.given_up[name]
  if number == nil then
    number = redis.call('HGET', event.keys[10], name)
    event.given_up[name] = number
  end
  return number and command.claim <= tonumber(number)
end

functions.claim = claim
functions.reclaim = reclaim
functions.give_up = give_up
