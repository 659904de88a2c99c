-- What nodes do with the parts of an event: carry its definition and places from one to another. See parts.lua.

local arrange
do
  -- Terms of another part, adopted by this one: pools and types have the same places in all parts.
  local function adopt_terms(event, terms, part)
    local before = event.terms
    terms.part = part
    event.terms = index_terms(terms)
    local totals = terms.totals
    terms.totals = before.totals or {}
    for pool = 1, #terms.pools do
      if not event.capacity[pool] then add_pool(event, pool) end
      set_total(event, pool, totals[pool])
    end
    if terms.removed then retire(event) end
  end

  -- args: terms and document of another part, which part this is.
  local function follow(keys, args, recovery_grace)
    local terms = cmsgpack.unpack(args[2])
    local event, is_settled = open_for_change(keys, { code = terms.code, recovery_grace = recovery_grace })
    event.notes = {}
    if not is_settled then
      save_event(event)
      return change_reply(UNSETTLED, event)
    end
    if event.terms.code ~= terms.code then return change_reply(OTHER_EVENT, event) end
    local is_news = terms.revision > event.terms.revision or terms.removed and not event.terms.removed
    if not is_news then return change_reply(UNCHANGED, event) end
    adopt_terms(event, terms, tonumber(args[4]))
    save_change(event, args[3])
    return change_reply(CHANGED, event)
  end

  -- args: the number of a removal that came to nothing, 0 for whatever there is. The part promises again. The reply tells
  -- whether the event was removed.
  local function stay_open(keys, args, recovery_grace)
    local event = open_event(keys)
    if not event then return change_reply(GONE_EVENT, new_event(keys, '')) end
    come_back(event, recovery_grace)
    local number = tonumber(args[2])
    if is_leaving(event) and (number == 0 or event.moves.leaving == number) then
      stay(event)
      save_event(event)
    end
    return change_reply(CHANGED, event)
  end

  -- What is done with a part that is there and counted to now; the reply tells its numbers.
  local STEPS = {}

  -- args: to which part, places wanted of each pool. Takes what is free of them; if a move there is under way, nothing.
  -- The reply tells what is under way.
  function STEPS.take(event, args)
    local part, moves = tonumber(args[2]), moves_of(event)
    local last = moves.out[part] or { number = 0 }
    if last.places then return end
    local places, sum, at = {}, 0, 1
    for pool = 1, #event.held do
      local wanted = 0
      if at <= #args[3] then wanted, at = unpack_struct('<d', args[3], at) end
      places[pool] = event.closed[pool] == 1 and 0 or max(0, min(wanted, spare(event, pool)))
      sum = sum + places[pool]
    end
    if sum == 0 then return end
    for pool, quantity in ipairs(places) do set_capacity(event, pool, event.capacity[pool] - quantity) end
    moves.out[part] = { number = last.number + 1, places = places }
    event.is_changed, event.moves_changed = true, true
  end

  local function add_places(event, places)
    -- They were on their way when it was removed: nothing of it is for sale any more.
    if event.terms.removed then return end
    local pool, at = 1, 1
    while at <= #places do
      local quantity
      quantity, at = unpack_struct('<d', places, at)
      -- A pool that this part has not heard of yet had nothing to move.
      if quantity ~= 0 then set_capacity(event, pool, event.capacity[pool] + quantity) end
      -- What was lost is taken from here, and may be promised here: another part may have it free.
      if quantity < 0 then event.stopped[pool] = 1 end
      pool = pool + 1
    end
  end

  -- args: from which part, the number of the move, its places.
  function STEPS.give(event, args)
    local part, number, moves = tonumber(args[2]), tonumber(args[3]), moves_of(event)
    if (moves.into[part] or 0) < number then
      add_places(event, args[4])
      moves.into[part] = number
      event.is_changed, event.moves_changed = true, true
    end
  end

  -- args: to which part, the number of the move, which has arrived.
  function STEPS.close(event, args)
    local last = moves_of(event).out[tonumber(args[2])]
    if last and last.places and last.number == tonumber(args[3]) then
      last.places = nil
      event.is_changed, event.moves_changed = true, true
    end
  end

  -- args: the revision at which all parts were seen, pools. No part promises more of these than it has: they sell again.
  function STEPS.resume(event, args)
    if event.terms.revision == tonumber(args[2]) then
      for index = 3, #args do event.stopped[tonumber(args[index])] = 0 end
      event.is_changed = true
    end
  end

  -- This part, or its server, has lost what another one knows of moves between the two: with numbers that go on from
  -- there, no move of later is taken for one that was. args: the other part, the number of the last move to it and of the
  -- last one from it.
  function STEPS.mend(event, args)
    local part, sent, received, moves = tonumber(args[2]), tonumber(args[3]), tonumber(args[4]), moves_of(event)
    if (moves.out[part] and moves.out[part].number or 0) < sent then moves.out[part] = { number = sent } end
    moves.into[part] = max(moves.into[part] or 0, received)
    event.is_changed, event.moves_changed = true, true
  end

  -- After that all parts together have more or fewer places than the event. args: the version of this one that was seen
  -- with the others, so that it is made good once; places to add.
  function STEPS.correct(event, args)
    if event.version == tonumber(args[2]) then
      add_places(event, args[3])
      event.is_changed = true
    end
  end

  -- args: what is to be done, the recovery grace, and with what it is to be done.
  function arrange(keys, args)
    begin()
    local recovery_grace = tonumber(table.remove(args, 2))
    if args[1] == 'follow' then return follow(keys, args, recovery_grace) end
    if args[1] == 'stay' then return stay_open(keys, args, recovery_grace) end
    local event = open_event(keys)
    if not event then return no_event() end
    come_back(event, recovery_grace)
    if not settle(event) then
      save_event(event)
      return table.concat(head(AGAIN, event, -1))
    end
    STEPS[args[1]](event, args)
    save_event(event)
    return table.concat(head(DECIDED, event, -1))
  end
end
