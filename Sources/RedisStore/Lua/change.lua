-- Operators' changes of an event: define, replace, pause, resume, remove.
do

local obstacles_to, adopt
do
  local function has_same_pools(terms, known, next_pools)
    if #known.pools ~= #next_pools then return false end
    for index, pool in ipairs(known.pools) do
      if terms.pools[pool] ~= next_pools[index] then return false end
    end
    return true
  end

  -- The index of the terms for holds that `asked` has; one more than there are if they are new.
  local function index_of_told(terms, asked)
    local all = terms.told or {}
    for index, told in ipairs(all) do
      if told.life == asked.life and told.grace == asked.grace and told.extensions == asked.extensions
        and told.reacquires == asked.reacquires and told.currency == asked.currency then
        return index
      end
    end
    return #all + 1
  end

  -- What forbids replacing the definition while places are promised, each with its kind and code.
  function obstacles_to(event, asked)
    local terms, found, kept, known = event.terms, {}, {}, {}
    for _, pool in ipairs(asked.pools) do kept[pool.code] = true end
    for pool, code in ipairs(terms.pools) do
      known[code] = true
      -- What was taken through an allocation stays taken if the allocation is dropped.
      if not terms.retired[pool] and not kept[code] and not is_of_allocation(terms, pool)
        and event.held[pool] + event.sold[pool] > 0 then
        found[#found + 1] = pack('<BBc0', OBSTACLE.pool, #code, code)
      end
    end
    local added = 0
    for _, pool in ipairs(asked.pools) do
      if not known[pool.code] then added = added + 1 end
    end
    if #terms.pools + added > asked.most_pools then found[#found + 1] = pack('<BB', OBSTACLE.pools, 0) end
    added = 0
    for _, type in ipairs(asked.types) do
      local index = terms.index_of[type.code]
      if not index or not has_same_pools(terms, terms.types[index], type.pools) then added = added + 1 end
    end
    if #terms.types + added > asked.most_types then found[#found + 1] = pack('<BB', OBSTACLE.types, 0) end
    if asked.batches and codes.count(terms, asked) > asked.most_batches then
      found[#found + 1] = pack('<BB', OBSTACLE.batches, 0)
    end
    if index_of_told(terms, asked) > asked.most_terms then found[#found + 1] = pack('<BB', OBSTACLE.terms, 0) end
    for _, of_queue in ipairs(queues.obstacles(event, asked)) do found[#found + 1] = pack('<BB', of_queue, 0) end
    return found
  end

  local function index_of_pool(terms, code)
    for pool, known in ipairs(terms.pools) do
      if known == code then return pool end
    end
  end

  local function add_pool(event, index)
    event.capacity[index], event.ceiling[index], event.held[index], event.sold[index] = 0, 0, 0, 0
    event.earliest[index], event.closed[index] = 0, 0
  end

  -- The terms that a type has of its own (R44 Terms of a type).
  local function take_terms(type, asked)
    for _, name in ipairs({ 'opens_at', 'closes_at', 'least', 'most', 'per_buyer' }) do type[name] = asked[name] end
  end

  -- The pools of a type never change. A type that is redefined with other pools gets a new index, so that the lines
  -- of a hold always lead to the pools that it drew on.
  local function adopt_types(terms, asked)
    local before = terms.index_of
    for _, type in ipairs(terms.types) do type.retired = true end
    for _, type in ipairs(asked.types) do
      local index = before[type.code]
      if index and has_same_pools(terms, terms.types[index], type.pools) then
        local known = terms.types[index]
        known.name, known.price, known.retired = type.name, type.price, false
        take_terms(known, type)
      else
        local pools = {}
        for _, code in ipairs(type.pools) do pools[#pools + 1] = index_of_pool(terms, code) end
        terms.types[#terms.types + 1] =
          { code = type.code, name = type.name, price = type.price, retired = false, pools = pools }
        take_terms(terms.types[#terms.types], type)
      end
    end
  end

  -- Makes `asked` the definition in force. What was promised stays promised (R11 Terms of a hold).
  function adopt(event, asked)
    local terms = event.terms
    for _, name in ipairs({
      'tickets_per_hold', 'tickets_per_buyer', 'holds_per_buyer', 'opens_at', 'closes_at', 'shop_completes',
      'types_have_terms', 'types_limit_buyers',
    }) do terms[name] = asked[name] end
    terms.given = index_of_told(terms, asked)
    terms.told = terms.told or {}
    terms.told[terms.given] = terms.told[terms.given] or {
      life = asked.life, grace = asked.grace, extensions = asked.extensions, reacquires = asked.reacquires,
      currency = asked.currency,
    }
    for pool = 1, #terms.pools do terms.retired[pool] = true end
    for _, pool in ipairs(asked.pools) do
      local index = index_of_pool(terms, pool.code)
      if not index then
        index = #terms.pools + 1
        terms.pools[index] = pool.code
        add_pool(event, index)
      end
      terms.retired[index] = false
      set_capacity(event, index, pool.capacity)
    end
    for pool = 1, #terms.pools do
      if terms.retired[pool] and not is_of_allocation(terms, pool) then set_capacity(event, pool, 0) end
    end
    terms.allocations = asked.allocations
    for _, allocation in ipairs(terms.allocations or {}) do
      allocation.pool = index_of_pool(terms, allocation.pool)
      allocation.counter = index_of_pool(terms, allocation.counter)
    end
    codes.adopt(terms, asked)
    queues.adopt(terms, asked)
    adopt_types(terms, asked)
    index_terms(terms)
    names.adopt(event, asked)
  end
end

local function save_change(event, document)
  local terms, index = event.terms, event.terms.index_of
  terms.index_of = nil
  -- If a definition is lost, another one may get its revision. The moment tells them apart.
  terms.since = event.ticks
  local packed_terms = cmsgpack.pack(terms)
  terms.index_of = index
  -- The identity differs for each change and each life of the database, so that no cache takes one definition for
  -- another.
  local id = string.format('%d.%d.%d', terms.revision, event.ticks, event.facts)
  event.is_changed = true
  save_event(event)
  if document then
    write('HSET', event.keys[KEY.event], 'id', id, 'terms', packed_terms, 'document', document)
  else
    write('HSET', event.keys[KEY.event], 'id', id, 'terms', packed_terms)
  end
  save_notes(event)
end

-- A reply: the result, the moment, and the event's code and revision, whether it is paused and whether it is removed.
local function change_reply(result, event, extra)
  local terms = event.terms
  local code = terms.code or ''
  return pack(
    '<BddBc0dBB', result, event.office, event.wall, #code, code, terms.revision, terms.paused and 1 or 0,
    terms.removed and 1 or 0) .. (extra or '')
end

local function new_event(keys, code)
  local ticks, wall = read_clocks()
  local first = first_number(ticks)
  local event = {
    keys = keys, office = ticks, ticks = ticks, wall = wall, absorbed = 0, passed = 0, next = first, first = first,
    run = this_run(), graces = '', grace_from = 0, grace_until = 0, facts = 0, has_sold = 0, version = ticks * 1024,
    capacity = {}, ceiling = {}, held = { [0] = 0 }, sold = {}, earliest = { [0] = 0 }, closed = {},
    is_new = true,
    terms = {
      code = code, revision = 0, paused = false, removed = false, pools = {}, retired = {}, types = {},
      index_of = {},
    },
  }
  begin_changes(event)
  event.changed_fields.run, event.changed_fields.stretches = pack('<d', event.run), pack_stretches(ticks, { first })
  return event
end

-- The event after settling, with a copy of its terms that may be changed; and whether all was settled.
local function open_for_change(keys, asked)
  local event = open_event(keys)
  if not event then return new_event(keys, asked.code), true end
  come_back(event, asked.recovery_grace)
  event.terms = index_terms(cmsgpack.unpack(redis.call('HGET', keys[KEY.event], 'terms')))
  for _, told in ipairs(event.terms.told) do
    -- A release before this one kept the currency only in the document.
    if told.currency == '' then told.currency = cjson.decode(redis.call('HGET', keys[KEY.event], 'document')).currency end
  end
  return event, settle(event)
end

-- Why no change is possible; `nil` if one is.
local function refusal_of_change(event, asked)
  local terms = event.terms
  if terms.code ~= asked.code then return change_reply(CHANGE.other_event, event) end
  if terms.removed then return change_reply(CHANGE.gone, event) end
  if event.is_new and asked.kind ~= 'define' then return change_reply(CHANGE.gone, event) end
  if asked.expecting and asked.expecting ~= terms.revision then return change_reply(CHANGE.revision_mismatch, event) end
  return nil
end

-- What the accounts of buyers count from now on. Once they count by type, they do so as long as the event limits buyers
-- at all.
local function keep_accounts(event, had_limit)
  local terms, is_counted = event.terms, are_buyers_counted(event)
  if not has_buyer_limit(terms) then
    terms.typed = nil
    if had_limit then event.changed_fields.accounts = '' end
  elseif is_counted or not had_limit then
    terms.typed = terms.typed or is_counted or terms.types_limit_buyers
    event.changed_fields.accounts = ''
  end
end

local function finish_change(event, asked, document, paused)
  local terms = event.terms
  if asked.revision <= terms.revision then return change_reply(CHANGE.stale, event) end
  local had_limit, had_names = has_buyer_limit(terms), terms.names_from
  if document then adopt(event, asked) end
  local has_limit = has_buyer_limit(terms)
  keep_accounts(event, had_limit)
  if terms.paused ~= paused and queues.of(event) then
    queues.note_sale(event, paused)
    queues.save(event)
  end
  terms.paused, terms.revision = paused, asked.revision
  event.facts = event.facts + 1
  save_change(event, document)
  if had_limit and not has_limit then write('UNLINK', event.keys[KEY.buyers], event.keys[KEY.taken]) end
  if had_names and not terms.names_from then write('UNLINK', event.keys[KEY.names]) end
  return change_reply(CHANGE.changed, event)
end

-- Cancels the event, or undoes that (R42 Cancelled event). The event's hash says under `paid_back` whether something
-- was paid back since.
local function cancel(event, asked)
  local terms, cancels = event.terms, asked.kind == 'cancel'
  if cancels == (terms.cancelled_at and true or false) then return change_reply(CHANGE.unchanged, event) end
  if not cancels
    and (event.office >= terms.cancelled_at + asked.undone_within
      or redis.call('HGET', event.keys[KEY.event], 'paid_back') == '1') then
    return change_reply(CHANGE.final, event)
  end
  if asked.revision <= terms.revision then return change_reply(CHANGE.stale, event) end
  terms.cancelled_at, terms.revision = cancels and event.office or nil, asked.revision
  event.changed_fields.paid_back = ''
  event.facts = event.facts + 1
  save_change(event, nil)
  return change_reply(CHANGE.changed, event)
end

local function define(event, asked, document)
  local terms = event.terms
  local found = event.is_new and {} or obstacles_to(event, asked)
  if asked.has_mistakes or #found > 0 then
    return change_reply(CHANGE.invalid, event, pack('<H', #found) .. table.concat(found))
  end
  local paused = terms.paused
  if asked.paused ~= nil then paused = asked.paused end
  if not event.is_new and terms.paused == paused
    and redis.call('HGET', event.keys[KEY.event], 'document') == document then
    return change_reply(CHANGE.unchanged, event)
  end
  -- A first limit counts what buyers have already, and so does the first limit of a type.
  local gets_limit = not event.is_new
    and (has_buyer_limit(asked) and not has_buyer_limit(terms) or asked.types_limit_buyers and not terms.typed)
  if gets_limit and not are_buyers_counted(event) then return change_reply(CHANGE.uncounted, event) end
  return finish_change(event, asked, document, paused)
end

-- args: how many holds to count, the recovery grace. Returns 1 if all are counted or none need be, 0 to go on.
local function count_buyers(keys, args)
  begin()
  local event = open_event(keys)
  if not event or event.terms.typed then return 1 end
  come_back(event, tonumber(args[2]))
  begin_batch(event)
  local is_first, has_limit = not event.accounted_from, has_buyer_limit(event.terms)
  -- With a limit of the event, the accounts have everything but the types.
  event.counts_only_types = has_limit
  event.forgets_accounts = is_first and not has_limit
  if is_first then event.accounted_from, event.accounted_to = 1, event.next end
  local numbers, next_from =
    given_numbers(event, event.accounted_from, min(chunk, tonumber(args[1])), event.accounted_to)
  event.accounted_from = next_from == 0 and event.accounted_to or next_from
  fetch(event.keys[KEY.holds], numbers, event.fetched)
  local records, buyers = {}, {}
  for _, number in ipairs(numbers) do
    local record = record_of(event, number)
    if record and record.buyer ~= '' then
      records[#records + 1] = record
      each_account(event, number, record.buyer, record.lines, function(name) buyers[#buyers + 1] = name end)
    end
  end
  if not event.forgets_accounts then fetch(event.keys[KEY.buyers], buyers, event.fetched_buyers) end
  for _, record in ipairs(records) do
    if is_live(event, record) then
      add_to_account(event, record.number, record.entry, record.buyer, record.lines)
    elseif record.state == PURCHASED then
      add_bought(event, record, kept_lines(record), 1)
    end
  end
  event.changed_fields.accounts = pack('<dd', event.accounted_from, event.accounted_to)
  save_event(event)
  if event.forgets_accounts then write('UNLINK', event.keys[KEY.buyers], event.keys[KEY.taken]) end
  save_accounts(event)
  return are_buyers_counted(event) and 1 or 0
end

local function has_sales(event)
  for pool = 1, #event.held do
    if event.held[pool] + event.sold[pool] ~= 0 then return true end
  end
  return event.has_sold == 1
end

local function retire(event)
  local terms = event.terms
  terms.removed = true
  for pool = 1, #terms.pools do
    terms.retired[pool] = true
    if not is_of_allocation(terms, pool) then set_capacity(event, pool, 0) end
  end
  terms.allocations = nil
end

local function remove(event)
  if has_sales(event) then return change_reply(CHANGE.has_sales, event) end
  if has_confirmed_debts(event) then return change_reply(CHANGE.has_debts, event) end
  retire(event)
  event.facts = event.facts + 1
  save_change(event, nil)
  queues.forget(event)
  return change_reply(CHANGE.changed, event)
end

-- args: the change (JSON), the document of the definition, the note.
local function change(keys, args)
  begin()
  local asked = cjson.decode(args[1])
  local event, is_settled = open_for_change(keys, asked)
  if event.terms.departed then return redis.error_reply('ERR this sale was moved to another store') end
  event.notes = args[3] ~= '' and { args[3] } or {}
  if not is_settled then
    save_event(event)
    return change_reply(CHANGE.unsettled, event)
  end
  local refusal = refusal_of_change(event, asked)
  if refusal then return refusal end
  if asked.kind == 'define' then return define(event, asked, args[2]) end
  if asked.kind == 'remove' then return remove(event) end
  if asked.kind == 'cancel' or asked.kind == 'reinstate' then return cancel(event, asked) end
  local paused = asked.kind == 'pause'
  if event.terms.paused == paused then return change_reply(CHANGE.unchanged, event) end
  return finish_change(event, asked, nil, paused)
end

functions.change = change
functions.count_buyers = count_buyers
end
