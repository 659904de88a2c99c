-- What each buyer holds and has bought. Kept only where an event has a limit per buyer (R21 Bounds).
--
-- An account is three counters and the first deadline. A sorted set of names (`taken`), all with score 0, tells which
-- holds have ended: a name is buyer, deadline, number and quantity, so the ended holds of a buyer stand together and
-- first. A change costs O(log n), however many holds a buyer has.
--
-- An account is settled when its buyer comes back. Accounts of buyers who do not come back are settled in turn: a
-- call looks at some names of the set, from where the last call stopped (`swept` in the event's hash). It looks at
-- more names than it adds, so ended holds stay fewer than live ones.
--
-- When an event gets its first limit, `count_buyers` first counts what buyers have, some holds a call, while selling
-- goes on. The event's hash has its progress under `accounts`, two numbers of holds: holds below the first number are
-- counted, and holds from the second number on are counted when they are given.
--
-- If a type has a limit of its own (R44 Terms of a type), a buyer also has an account for each type, under the buyer's
-- text, a control character and the type's code. `typed` in the terms says that these accounts are kept. An event that
-- has accounts already gets them as it gets its first limit, by the same count.

local has_buyer_limit, are_buyers_counted, typed_name, each_account, taken_name, settle_accounts, sweep_accounts,
  forget_sweep,
  add_to_account, take_from_account, move_in_account, add_bought, taken_by, save_accounts
do
function has_buyer_limit(terms)
  return terms.tickets_per_buyer or terms.holds_per_buyer or terms.types_limit_buyers
end

-- Whether the accounts include the hold with this number.
local function is_accounted(event, number)
  if has_buyer_limit(event.terms) then return true end
  return event.accounted_from and (number < event.accounted_from or number >= event.accounted_to)
end

function are_buyers_counted(event)
  return event.accounted_from and event.accounted_from >= event.accounted_to
end

-- Whether the accounts of types include the hold with this number.
local function is_accounted_by_type(event, number)
  if event.terms.typed then return true end
  return event.accounted_from and (number < event.accounted_from or number >= event.accounted_to)
end

function typed_name(buyer, code)
  return buyer .. '\1' .. code
end

-- Calls `body` with the name of each account that counts a hold with these lines, and with the tickets that count
-- there.
function each_account(event, number, buyer, lines, body)
  if buyer == '' then return end
  if not event.counts_only_types and is_accounted(event, number) then body(buyer, quantity_of(lines)) end
  if not is_accounted_by_type(event, number) then return end
  local types, quantities = event.terms.types, {}
  for line = 1, #lines, 3 do
    local code = types[lines[line] + 1].code
    quantities[code] = (quantities[code] or 0) + lines[line + 1]
  end
  for code, quantity in pairs(quantities) do body(typed_name(buyer, code), quantity) end
end

-- The names of buyers contain no control characters.
function taken_name(buyer, deadline, number, quantity)
  return buyer .. '\0' .. string.format('%014d.%d.%d', deadline, number, quantity)
end

local function add_taken(event, buyer, account, deadline, number, quantity)
  account.tickets, account.holds = account.tickets + quantity, account.holds + 1
  if account.earliest == 0 or deadline < account.earliest then account.earliest = deadline end
  event.taken[taken_name(buyer, deadline, number, quantity)] = true
  event.changed_buyers[buyer] = true
end

-- Reads an account of a former version: the tickets bought, then number, deadline and tickets of each live hold.
local function read_former_account(event, buyer, account, text)
  local at
  account.bought, at = unpack_struct('<d', text)
  while at <= #text do
    local number, deadline, quantity
    number, deadline, quantity, at = unpack_struct('<ddH', text, at)
    if deadline > last_ended(event) then add_taken(event, buyer, account, deadline, number, quantity) end
  end
end

local account_size = 32

local function account_of(event, buyer)
  local account = event.accounts[buyer]
  if account then return account end
  local text = event.fetched_buyers[buyer]
  if text == nil and not event.forgets_accounts then text = redis.call('HGET', event.keys[KEY.buyers], buyer) end
  account = { bought = 0, tickets = 0, holds = 0, earliest = 0 }
  event.accounts[buyer] = account
  if text and #text == account_size then
    account.bought, account.tickets, account.holds, account.earliest = unpack_struct('<dddd', text)
  elseif text then
    read_former_account(event, buyer, account, text)
  end
  return account
end

-- Takes ended holds out of the accounts of `buyers`. Returns `false` if more ended than one call settles.
function settle_accounts(event, buyers)
  local left, last = most_settled, last_ended(event)
  for _, buyer in ipairs(buyers) do
    local account = account_of(event, buyer)
    if account.earliest > 0 and account.earliest <= last then
      if left == 0 then return false end
      local ahead = buyer .. '\0' .. string.format('%014d', last + 1)
      local names = redis.call('ZRANGEBYLEX', event.keys[KEY.taken], '[' .. buyer .. '\0', '(' .. ahead, 'LIMIT', 0, left)
      for _, name in ipairs(names) do
        account.tickets = account.tickets - tonumber(string.match(name, '%d+$'))
        account.holds = account.holds - 1
        event.taken[name] = false
      end
      left = left - #names
      event.changed_buyers[buyer] = true
      if left == 0 then return false end
      local following = redis.call('ZRANGEBYLEX', event.keys[KEY.taken], '[' .. ahead, '(' .. buyer .. '\1', 'LIMIT', 0, 1)
      account.earliest = following[1] and tonumber(string.sub(following[1], #buyer + 2, #buyer + 15)) or 0
    end
  end
  return true
end

-- Each call looks at this many names, and at two more for each hold that it gives.
local least_swept = 32

-- Settles the accounts of some buyers with ended holds. After the last name it starts again with the first.
function sweep_accounts(event)
  if not has_buyer_limit(event.terms) and not are_buyers_counted(event) then return end
  local count = least_swept + 2 * #event.given
  local from = redis.call('HGET', event.keys[KEY.event], 'swept')
  local names = redis.call(
    'ZRANGEBYLEX', event.keys[KEY.taken], from and from ~= '' and '(' .. from or '-', '+', 'LIMIT', 0, count)
  local buyers, seen, last = {}, {}, last_ended(event)
  for _, name in ipairs(names) do
    local buyer, deadline = string.match(name, '^(.-)%z(%d+)%.')
    if not seen[buyer] and tonumber(deadline) <= last then
      seen[buyer] = true
      buyers[#buyers + 1] = buyer
    end
  end
  local unread = {}
  for _, buyer in ipairs(buyers) do
    if event.fetched_buyers[buyer] == nil then unread[#unread + 1] = buyer end
  end
  fetch(event.keys[KEY.buyers], unread, event.fetched_buyers)
  settle_accounts(event, buyers)
  local swept = not event.forgets_sweep and #names == count and names[count] or ''
  if swept ~= (from or '') then event.changed_fields.swept = swept end
end

-- The sweep remembers where it stopped, by a name that begins with a buyer. It begins anew if that is `buyer`, who lost
-- a hold.
function forget_sweep(event, buyer)
  event.forgets_sweep = true
  local swept = redis.call('HGET', event.keys[KEY.event], 'swept')
  if swept and string.sub(swept, 1, #buyer) == buyer then event.changed_fields.swept = '' end
end

-- A hold was given.
function add_to_account(event, number, deadline, buyer, lines)
  each_account(event, number, buyer, lines, function(name, quantity)
    add_taken(event, name, account_of(event, name), deadline, number, quantity)
  end)
end

-- A live hold ended before its deadline.
function take_from_account(event, record)
  each_account(event, record.number, record.buyer, record.lines, function(name, quantity)
    local account = account_of(event, name)
    account.tickets, account.holds = account.tickets - quantity, account.holds - 1
    event.taken[taken_name(name, record.entry, record.number, quantity)] = false
    event.changed_buyers[name] = true
  end)
end

-- The deadline of a hold changed.
function move_in_account(event, record, deadline)
  take_from_account(event, record)
  add_to_account(event, record.number, deadline, record.buyer, record.lines)
end

-- The tickets of `lines` were bought, or returned if `sign` is -1.
function add_bought(event, record, lines, sign)
  each_account(event, record.number, record.buyer, lines, function(name, quantity)
    local account = account_of(event, name)
    account.bought = account.bought + sign * quantity
    event.changed_buyers[name] = true
  end)
end

-- Live holds, and tickets held and bought. The account must be settled.
function taken_by(event, buyer)
  local account = account_of(event, buyer)
  return account.holds, account.bought + account.tickets
end

function save_accounts(event)
  local list, empty, added, removed = {}, {}, {}, {}
  for buyer in pairs(event.changed_buyers) do
    local account = event.accounts[buyer]
    if account.bought == 0 and account.holds == 0 then
      empty[#empty + 1] = buyer
    else
      list[#list + 1] = buyer
      list[#list + 1] = pack('<dddd', account.bought, account.tickets, account.holds, account.earliest)
    end
  end
  for name, is_taken in pairs(event.taken) do
    if is_taken then
      added[#added + 1] = 0
      added[#added + 1] = name
    else
      removed[#removed + 1] = name
    end
  end
  write_all('HSET', event.keys[KEY.buyers], list)
  write_all('HDEL', event.keys[KEY.buyers], empty)
  write_all('ZADD', event.keys[KEY.taken], added)
  write_all('ZREM', event.keys[KEY.taken], removed)
end
end
