-- Claims of payments on a cluster, where each event's keys may be on another server. Before anything is decided with
-- a payment, one event claims it, in a slot that follows from the payment's name, so all events find the same claim.
-- Idempotency keys need no claim, since the scope of a key includes its event.
--
-- A claim says which event may use the payment, and has a number. Whether the payment was used is written with the
-- event, beside the decision. An event that has not used it gives it up for another event and notes the number of the
-- claim, so that a call with that claim which is still under way finds that it is too late.
--
-- A claim counts the requests that it was given to. A refused request takes itself off, and with the last one the
-- claim ends, so a refused request leaves nothing behind (R21 Bounds). If an event owes the payment back, the claim
-- remembers that event while another one tries to use the payment, and goes back to it with the last refusal. So a
-- payment has at most one debt, whichever events refuse it (R23 Debts).
--
-- A node that ends between claim and decision leaves the claim, and so does an unconfirmed debt that is forgotten.
-- Nodes look at all claims in turn (`some_claims`), ask the events about those that they do not use, and drop them.
--
-- The name of a claim is `p` and the payment. Two more fields are `number`, the number of the last claim, and
-- `swept`: when a node looked at claims last, and where the next look goes on.

local is_given_up, is_name_used
do

local day_length = 86400000

-- A claim has an event, a number, and a count of the requests that may still use it or have used it; and if another
-- event owes the payment back, that event and the kind of debt.
local function unpack_claim(text)
  local claim = { count = math.huge, owed_at = 0, owed = ELSEWHERE.none }
  claim.event, claim.number = unpack_struct('<dd', text)
  -- A former version did not count; its claims stay.
  if #text > 16 then claim.count = unpack_struct('<d', text, 17) end
  if #text > 24 then claim.owed_at, claim.owed = unpack_struct('<dB', text, 25) end
  return claim
end

-- The claim, its text, and the name that it has: after an erasure that is another one (R41 Erasure). A slot with such
-- claims has the secret of their names in the field `erased`.
local function claim_of(key, name)
  local text = redis.call('HGET', key, name)
  local secret = not text and not is_erased(string.sub(name, 2)) and redis.call('HGET', key, 'erased')
  if secret then
    local erased = 'p' .. erased_name(secret, string.sub(name, 2))
    text = redis.call('HGET', key, erased)
    if text then name = erased end
  end
  return text and unpack_claim(text), text, name
end

-- These functions write at once, since several claims of one call may be for the same payment. Each write alone is
-- harmless: a number without a claim is never used, and a claim without an answer is found when the request is
-- repeated.
local function save_claim(key, name, claim)
  local text = pack('<ddd', claim.event, claim.number, claim.count)
  if claim.owed_at > 0 then text = text .. pack('<dB', claim.owed_at, claim.owed) end
  redis.call('HSET', key, name, text)
end

local function new_claim(key, event)
  return { event = event, number = redis.call('HINCRBY', key, 'number', 1), count = 0, owed_at = 0, owed = ELSEWHERE.none }
end

-- Ends a claim that nothing uses: it goes back to the event that owes the payment, or disappears.
local function end_claim(key, name, claim)
  if claim.owed_at == 0 then
    redis.call('HDEL', key, name)
    return
  end
  local given_back = new_claim(key, claim.owed_at)
  -- The debt uses the claim.
  given_back.count = 1
  save_claim(key, name, given_back)
end

-- Claims a name for an event or finds its claim, and counts the request if the claim is for this event. Returns event
-- and number of the claim, the kind of debt that another event has, and that event.
local function claim_for(key, name, wanted, known)
  local claim = known or new_claim(key, wanted)
  if claim.event == wanted then
    claim.count = claim.count + 1
    save_claim(key, name, claim)
  end
  return pack('<ddBd', claim.event, claim.number, claim.owed, claim.owed_at)
end

-- args: event and name in turn. Returns the claim of each.
local function claim(keys, args)
  begin()
  local claims = {}
  for index = 1, #args, 2 do
    local known, _, name = claim_of(keys[1], args[index + 1])
    claims[#claims + 1] = claim_for(keys[1], name, tonumber(args[index]), known)
  end
  return table.concat(claims)
end

-- args: a name; event and number of the claim as it was found; the event that wants it; the kind of debt of the event
-- that gave it up. Returns the claim as it is now.
local function reclaim(keys, args)
  begin()
  local wanted, owed = tonumber(args[3]), tonumber(args[4])
  local known, text, name = claim_of(keys[1], args[1])
  -- The claim is as it was found, and its event gave it up: a new claim replaces it.
  if known and string.sub(text, 1, 16) == args[2] then
    local taken = new_claim(keys[1], wanted)
    taken.owed_at, taken.owed = known.owed_at, known.owed
    -- The wire numbers grow with what they say: an unconfirmed debt does not replace a confirmed one.
    if owed > taken.owed then taken.owed_at, taken.owed = known.event, owed end
    -- This request is counted already.
    if known.event == wanted then taken.count = known.count - 1 end
    if taken.owed_at == wanted then taken.owed_at, taken.owed, taken.count = 0, ELSEWHERE.none, taken.count + 1 end
    known = taken
  end
  return claim_for(keys[1], name, wanted, known)
end

-- args: event, number and name in turn, of claims that refused requests did not use. With the last request a claim
-- ends; a claim that was used still counts that use.
local function unclaim(keys, args)
  begin()
  for index = 1, #args, 3 do
    local known, _, name = claim_of(keys[1], args[index + 2])
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

-- args: how many claims to look at, and the least time since the last look of any node, in milliseconds. Returns name
-- and claim in turn, nothing if the last look was later.
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

-- args: name and claim in turn, as they were found before their events gave them up.
local function drop_claims(keys, args)
  begin()
  for index = 1, #args, 2 do
    local known, text, name = claim_of(keys[1], args[index])
    -- Otherwise a request claimed it meanwhile.
    if text == args[index + 1] then end_claim(keys[1], name, known) end
  end
  return 1
end

-- args: the secret, then names of claims whose payments were erased where they were used.
local function erase_claims(keys, args)
  begin()
  for index = 2, #args do
    local text = redis.call('HGET', keys[1], args[index])
    if text then
      write(
        'HSET', keys[1], 'erased', args[1], 'p' .. erased_name(args[1], string.sub(args[index], 2)), text)
      write('HDEL', keys[1], args[index])
    end
  end
  return 1
end

-- A hash for each day notes the claims that an event gave up, each under the name that an erasure would give to its
-- payment (R41 Erasure): nobody else knows of these notes, so no erasure would find the payment there. So many notes in
-- one, some 10 MB, come only from a client that uses payments for two events at once again and again.
local most_given_up = 100000

local function given_up_on(key, ticks, days_ago)
  return key .. ':' .. string.format('%d', floor(ticks / day_length) - days_ago)
end

-- The name under which a claim is noted.
local function noted_name(secret, name)
  local payment = string.sub(name, 2)
  if is_erased(payment) then return name end
  return string.sub(name, 1, 1) .. erased_name(secret, payment)
end

-- The newest claim of a name that the event gave up; 0 if there is none.
local function given_up_of(key, ticks, name)
  local latest = 0
  for days_ago = 0, 1 do
    local day = given_up_on(key, ticks, days_ago)
    local secret = redis.call('HGET', day, ERASED_FIELD)
    local noted = secret and redis.call('HGET', day, noted_name(secret, name))
    -- A former version noted the name itself.
    latest = max(latest, tonumber(noted or redis.call('HGET', day, name) or 0))
  end
  return latest
end

-- args: a name, the number of the claim, how long unconfirmed debts are remembered, the secret of the database. The
-- event gives the name up, unless it bought something or the event gave up too many names today. Returns the time and
-- what the event used the name for.
local function give_up(keys, args)
  begin()
  local event = open_event(keys)
  local ticks, wall = read_clocks()
  local office = event and event.office or ticks
  local kind, name = string.sub(args[1], 1, 1), string.sub(args[1], 2)
  local owed = ELSEWHERE.none
  local use = event and kind == 'p' and use_in(keys[KEY.payments], name)
  if use then
    local debt = unpack_debt(use)
    if not debt then return pack('<ddB', office, wall, ELSEWHERE.bought) end
    if debt.confirmed == 1 then
      owed = ELSEWHERE.confirmed_debt
    elseif event.ticks < debt.ticks + tonumber(args[3]) then
      owed = ELSEWHERE.unconfirmed_debt
    end
  end
  local today = given_up_on(keys[KEY.given], ticks, 0)
  local count = redis.call('HLEN', today)
  if count >= most_given_up then return pack('<ddB', office, wall, ELSEWHERE.not_given_up) end
  -- A request for an older claim that arrives late must not replace a newer note.
  write(
    'HSET', today, ERASED_FIELD, args[4], noted_name(args[4], args[1]),
    max(given_up_of(keys[KEY.given], ticks, args[1]), tonumber(args[2])))
  -- No caller waits for a call that is under way for a day.
  if count == 0 then write('PEXPIRE', today, 2 * day_length) end
  return pack('<ddB', office, wall, owed)
end

-- Whether the event gave up the claim of this command.
function is_given_up(event, command)
  if not command.claim then return false end
  if event.has_given_up == nil then
    event.has_given_up = redis.call(
      'EXISTS', given_up_on(event.keys[KEY.given], event.ticks, 0), given_up_on(event.keys[KEY.given], event.ticks, 1)) > 0
  end
  return event.has_given_up and command.claim <= given_up_of(event.keys[KEY.given], event.ticks, 'p' .. command.payment)
end

-- Whether this or another command used the payment with this event.
function is_name_used(event, command)
  local use = event.payments[event.erased_names[command.payment] or command.payment]
  local debt = use and unpack_debt(use)
  -- Another event has the confirmed debt, and gets the claim back.
  if debt and debt.confirmed == 0 and command.elsewhere == ELSEWHERE.confirmed_debt then return false end
  return use
end

functions.claim = claim
functions.reclaim = reclaim
functions.unclaim = unclaim
functions.some_claims = some_claims
functions.drop_claims = drop_claims
functions.erase_claims = erase_claims
functions.give_up = give_up
end
