-- A call: reads a batch of commands of one event, decides one after the other, and writes at the end.

local DECIDE = {
  [COMMAND.hold] = decide_hold, [COMMAND.extend] = decide_extend, [COMMAND.release] = decide_release,
  [COMMAND.purchase] = decide_purchase, [COMMAND.give_back] = decide_return, [COMMAND.look] = decide_look,
  [COMMAND.pay_back] = decide_pay_back, [COMMAND.return_part] = decide_part_return,
  [COMMAND.erase] = decide_erase, [COMMAND.correct] = corrections.decide,
  [COMMAND.queue] = queues.decide_command,
}

-- Helper functions are local to their blocks: Lua has room for 200 local names in a text.

local read_commands
do
  local function has(flags, flag)
    return flags % (2 * flag) >= flag
  end

  local function take_text(text, at)
    return unpack_struct('<Hc0', text, at)
  end

  -- Reads the lines of a hold. Requests of a batch for the same lines share one table, and so one refusal (see
  -- `decide_hold`).
  local function read_lines(text, known)
    local asked = known[text]
    if asked then return asked end
    asked = {}
    local count, at = unpack_struct('<B', text)
    for index = 1, count do
      local line = {}
      line.code, line.quantity, line.minimum, at = unpack_struct('<Bc0i4i4', text, at)
      if line.minimum < line.quantity then asked.takes_fewer = true end
      asked[index] = line
    end
    known[text] = asked
    return asked
  end

  local function read_hold(text, at, known)
    local command, flags, lines = { op = COMMAND.hold, buyer = '' }, nil, nil
    flags, lines, at = unpack_struct('<BHc0', text, at)
    command.asked = read_lines(lines, known)
    if has(flags, COMMAND_FLAG.buyer) then command.buyer, at = unpack_struct('<Bc0', text, at) end
    if has(flags, COMMAND_FLAG.key) then command.print, command.key, at = unpack_struct('<c8Hc0', text, at) end
    if has(flags, COMMAND_FLAG.override) then
      local checks
      checks, at = unpack_struct('<B', text, at)
      command.checks = checks
      command.past = {
        window = has(checks, OVERRIDE.window), pause = has(checks, OVERRIDE.pause), limits = has(checks, OVERRIDE.limits),
        queue = has(checks, OVERRIDE.queue),
      }
    end
    if has(flags, COMMAND_FLAG.code) then
      command.code = {}
      command.code.batch, command.code.number, at = unpack_struct('<Bc0H', text, at)
    end
    if has(flags, QUEUE.pass) then
      command.pass = {}
      command.pass.number, command.pass.position, command.pass.joined_at, command.digest, at =
        unpack_struct('<dddBc0', text, at)
      if command.digest == '' then command.digest = nil end
    end
    return command, at
  end

  local function read_part_return(command, text, at)
    local count
    count, at = unpack_struct('<B', text, at)
    command.taken = {}
    for index = 1, count do
      local line = {}
      line.code, line.quantity, at = unpack_struct('<Bc0i4', text, at)
      command.taken[index] = line
    end
    command.print, command.return_key, at = unpack_struct('<c8Hc0', text, at)
    return command, at
  end

  local function read_correction(command, text, at)
    local flags
    flags, command.from_buyer, at = unpack_struct('<BBc0', text, at)
    command.from_note, at = take_text(text, at)
    command.buyer, at = unpack_struct('<Bc0', text, at)
    command.to_note, at = take_text(text, at)
    command.only_purchase = has(flags, COMMAND_FLAG.only_purchase)
    return command, at
  end

  local function read_asked(op, text, at, known)
    if op == COMMAND.hold then return read_hold(text, at, known) end
    if op == COMMAND.queue then return queues.read(text, at) end
    local command, flags = { op = op }, nil
    command.number, at = unpack_struct('<d', text, at)
    if op == COMMAND.return_part then return read_part_return(command, text, at) end
    if op == COMMAND.correct then return read_correction(command, text, at) end
    if op == COMMAND.extend then
      flags, at = unpack_struct('<B', text, at)
      if has(flags, COMMAND_FLAG.key) then command.print, command.key, at = unpack_struct('<c8Hc0', text, at) end
    elseif op == COMMAND.purchase or op == COMMAND.pay_back then
      flags, command.elsewhere, command.payment, at = unpack_struct('<BBBc0', text, at)
      command.by_key = has(flags, COMMAND_FLAG.by_key)
      if has(flags, COMMAND_FLAG.claim) then command.claim, at = unpack_struct('<d', text, at) end
      if op == COMMAND.purchase and command.by_key then
        local is_shop
        is_shop, command.seller, at = unpack_struct('<BHc0', text, at)
        command.is_shop = is_shop == 1
      end
    elseif op == COMMAND.erase then
      flags, command.secret, command.public_number, at = unpack_struct('<BBc0Bc0', text, at)
      command.only_purchase, command.is_trial = has(flags, ERASURE.only_purchase), has(flags, ERASURE.is_trial)
    end
    return command, at
  end

  -- An operator's command has its note in front.
  local function read_command(text, at, known)
    local op, note, command
    op, at = unpack_struct('<B', text, at)
    if has(op, COMMAND_FLAG.note) then note, at = take_text(text, at) end
    command, at = read_asked(op % COMMAND_FLAG.note, text, at, known)
    command.note = note
    return command, at
  end

  function read_commands(text)
    local commands, known, at = {}, {}, 1
    while at <= #text do
      commands[#commands + 1], at = read_command(text, at, known)
    end
    return commands
  end
end

local fetch_for, fetch_entries
do
  local function add_once(list, seen, name)
    if name and name ~= '' and not seen[name] then
      seen[name] = true
      list[#list + 1] = name
    end
  end

  -- Fetches everything that the commands need, each kind in one call. Returns the buyers whose accounts may matter.
  function fetch_for(event, commands)
    local holds, keys, payments, buyers, seen = {}, {}, {}, {}, {}
    local seen_keys, seen_payments, seen_buyers = {}, {}, {}
    for _, command in ipairs(commands) do
      add_once(holds, seen, command.number)
      add_once(keys, seen_keys, command.key)
      add_once(payments, seen_payments, command.payment)
    end
    fetch(event.keys[KEY.holds], holds, event.fetched)
    fetch_uses(event, keys)
    fetch_payments(event, payments)
    if event.terms.queue then queues.fetch(event, commands) end
    local has_accounts = has_buyer_limit(event.terms) or event.accounted_from
    for _, number in ipairs(holds) do
      local record = record_of(event, number)
      if record and has_accounts then
        add_once(buyers, seen_buyers, record.buyer)
        each_account(
          event, number, record.buyer, record.lines, function(name) add_once(buyers, seen_buyers, name) end)
      end
    end
    if not has_accounts then return buyers end
    for _, command in ipairs(commands) do
      add_once(buyers, seen_buyers, command.buyer)
      if command.op == COMMAND.correct then
        corrections.each_new_account(event, command, function(name) add_once(buyers, seen_buyers, name) end)
      elseif event.terms.typed and command.buyer and command.buyer ~= '' then
        for _, line in ipairs(command.asked) do
          add_once(buyers, seen_buyers, typed_name(command.buyer, line.code))
        end
      end
    end
    fetch(event.keys[KEY.buyers], buyers, event.fetched_buyers)
    return buyers
  end

  -- Fetches the calendar entries of the holds that may end in this call, in one call.
  function fetch_entries(event)
    local names, seen, found = {}, {}, {}
    for _, record in pairs(event.records) do
      if is_live(event, record) then
        add_once(names, seen, entry_name(0, record.entry))
        for line = 1, #record.lines, 3 do
          for _, pool in ipairs(event.terms.types[record.lines[line] + 1].pools) do
            add_once(names, seen, entry_name(pool, record.entry))
          end
        end
      end
    end
    fetch(event.keys[KEY.due], names, found)
    for _, name in ipairs(names) do note_entry(event, name, found[name]) end
  end
end

local function begin_batch(event)
  event.fetched, event.uses, event.payments, event.fetched_buyers = {}, {}, {}, {}
  event.records, event.given, event.accounts = {}, {}, {}
  event.changed_records, event.changed_buyers, event.taken = {}, {}, {}
  event.new_uses, event.new_payments, event.refunds, event.notes = {}, {}, {}, {}
  event.debt_counts, event.new_debts, event.ended_debts, event.ended_payments = {}, {}, {}, {}
  event.ended_names, event.new_names, event.debts_elsewhere = {}, {}, {}
  event.owed, event.changed_owed = {}, {}
  event.erased_names, event.erased_holds, event.gone_names = {}, {}, {}
end

local save_notes, save_batch
do
  local function save_holds(event)
    local list = {}
    for index, text in ipairs(event.given) do
      local number = event.first + index - 1
      if not event.changed_records[number] then
        list[#list + 1] = number
        list[#list + 1] = text
      end
    end
    for number in pairs(event.changed_records) do
      list[#list + 1] = number
      list[#list + 1] = pack_record(event.records[number])
    end
    write_all('HSET', event.keys[KEY.holds], list)
  end

  local function save_payments(event)
    local list = {}
    for _, payment in ipairs(event.new_payments) do
      -- Otherwise it was erased in the same call.
      if event.payments[payment] then
        list[#list + 1] = payment
        list[#list + 1] = event.payments[payment]
      end
    end
    write_all('HDEL', event.keys[KEY.payments], event.ended_payments)
    write_all('HSET', event.keys[KEY.payments], list)
  end

  -- Notes are numbered by the server's time, so that the notes of all events have one order.
  function save_notes(event)
    if #event.notes == 0 then return end
    local last = redis.call('ZREVRANGE', event.keys[KEY.audit], 0, 0, 'WITHSCORES')[2]
    local number = last and tonumber(last) or 0
    for _, note in ipairs(event.notes) do
      number = max(read_fine_clock(), number + 1)
      write('ZADD', event.keys[KEY.audit], number, pack('<dd', number, event.wall) .. note)
    end
  end

  -- Whether the clock must be written though nothing changed: no crash may turn it back behind an answer, and the
  -- next call must not take an unwritten time for a gap.
  local function keeps_time(event)
    return event.tells_time or event.passed >= 100 or event.passed < 0
  end

  function save_batch(event)
    if not event.is_changed and not queues.is_changed(event) and not keeps_time(event) then return end
    plan_forgetting(event)
    note_for_walk(event)
    sweep_accounts(event)
    save_event(event)
    save_holds(event)
    save_accounts(event)
    codes.save(event)
    queues.save(event)
    save_uses(event)
    save_payments(event)
    write_all('ZADD', event.keys[KEY.names], event.new_names)
    corrections.save(event)
    save_erased(event)
    save_debts(event)
    save_notes(event)
  end
end

-- The head of every reply: the moment, the definition, the version of the numbers, how many idempotency keys the event
-- has (-1 if the call did not count them), and the numbers of the pools if the node does not know that version.
local function head(status, event, known_version)
  local pools = #event.terms.pools
  local is_news = known_version ~= event.version
  local parts = {
    pack(
      '<BdddddddH', status, event.office, event.wall, event.absorbed, event.terms.revision, event.terms.since or 0,
      event.version, event.key_count or -1, is_news and pools or 0),
  }
  if is_news then
    for pool = 1, pools do
      local flags = event.closed[pool] * POOL_FLAG.closed + (event.terms.retired[pool] and POOL_FLAG.retired or 0)
      parts[#parts + 1] = pack(
        '<ddddB', event.capacity[pool], event.held[pool], event.sold[pool],
        end_of(event, event.earliest[pool]), flags)
    end
  end
  return parts
end

local function no_event()
  local ticks, wall = read_clocks()
  return pack('<Bdd', STATUS.no_event, ticks, wall)
end

local function read_limits(event, text)
  local limits, known_version = {}, nil
  event.number, known_version, limits.lines, limits.keys, limits.key_retention,
    limits.ended_key_retention, limits.ended_shown, limits.recovery_grace, limits.debts_kept, limits.debts_of_hold,
    limits.debts_of_event, limits.live_holds = unpack_struct('<dddddddddddd', text)
  event.limits = limits
  return known_version
end

-- args: the header (see `read_limits`), the commands, and 1 if a node only tries whether decisions can be written.
local function decide(keys, args)
  begin()
  local event = open_event(keys)
  -- A sale that left for another store is not sold here (see leave.lua).
  if not event or event.terms.departed then return no_event() end
  local refusal = args[3] and try_event(keys)
  if refusal then return refusal end
  local known_version = read_limits(event, args[1])
  come_back(event, event.limits.recovery_grace)
  begin_batch(event)
  if not settle(event) then
    save_event(event)
    return table.concat(head(STATUS.again, event, event.version))
  end
  local commands = read_commands(args[2])
  local outcomes, freed = {}, {}
  -- Calls with new keys count them anyway.
  if #commands == 0 then count_keys(event) end
  if #commands > 0 then
    local buyers = fetch_for(event, commands)
    if not settle_accounts(event, buyers) then
      save_event(event)
      save_accounts(event)
      return table.concat(head(STATUS.again, event, event.version))
    end
    fetch_entries(event)
    for index, command in ipairs(commands) do
      local facts = event.facts
      if is_given_up(event, command) then
        outcomes[index] = refused(REFUSED.unclaimed)
      else
        outcomes[index] = DECIDE[command.op](event, command)
        if command.claim and not is_name_used(event, command) then freed[#freed + 1] = pack('<H', index - 1) end
      end
      if command.note and event.facts > facts then event.notes[#event.notes + 1] = command.note end
    end
  end
  save_batch(event)
  -- After saving, since only then `earliest` is certain.
  local reply = head(STATUS.decided, event, known_version)
  for _, outcome in ipairs(outcomes) do reply[#reply + 1] = outcome end
  -- Behind the outcomes: the commands that did not use their claims.
  for _, index in ipairs(freed) do reply[#reply + 1] = index end
  return table.concat(reply)
end

-- args: the header, as for `decide`; then payments of this event's debts that bought something in another event of
-- the cluster.
local function settle_debts(keys, args)
  begin()
  local event = open_event(keys)
  if not event then return 0 end
  read_limits(event, args[1])
  come_back(event, event.limits.recovery_grace)
  begin_batch(event)
  for index = 2, #args do
    event.payments[args[index]] = redis.call('HGET', keys[KEY.payments], args[index])
    settle_debt(event, args[index])
  end
  save_batch(event)
  return 1
end

-- args: the header, the secret of erased names, then payments that were erased with holds of other events.
function functions.erase_debts(keys, args)
  begin()
  local event = open_event(keys)
  if not event then return 0 end
  read_limits(event, args[1])
  come_back(event, event.limits.recovery_grace)
  begin_batch(event)
  local payments = {}
  for index = 3, #args do payments[#payments + 1] = args[index] end
  seen_debts.erase(event, payments, args[2])
  save_batch(event)
  return 1
end

functions.decide = decide
functions.settle_debts = settle_debts
