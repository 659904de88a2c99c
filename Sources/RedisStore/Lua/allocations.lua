-- Places that a definition keeps back of its pools (R45 Allocations), by the same rules as
-- `BoxOffice+Allocations.swift`.
--
-- `terms.allocations` lists them, each with its pool, the pool that counts what was taken through it (`counter`), its
-- places and the moment that releases it. It is missing where nothing is kept back.

local refusal_of_type, released_allocation, refusal_of_allocated, share_allocated
do
  -- What is kept back now.
  local function kept_now(event)
    if event.kept then return event.kept end
    event.kept = {}
    for _, allocation in ipairs(event.terms.allocations) do
      if not allocation.released_at or event.wall < allocation.released_at then
        event.kept[#event.kept + 1] = allocation
      end
    end
    return event.kept
  end

  -- Places of an allocation that were not taken.
  local function left_of(event, allocation)
    return max(0, allocation.places - event.held[allocation.counter] - event.sold[allocation.counter])
  end

  -- Places of a pool that anybody can hold, and held places that come back for anybody.
  local function open_places(event, pool)
    local left, held = free(event, pool), event.held[pool]
    for _, allocation in ipairs(kept_now(event)) do
      if allocation.pool == pool then
        left, held = left - left_of(event, allocation), held - event.held[allocation.counter]
      end
    end
    return max(0, left), held
  end

  -- The same where nothing may be kept back.
  function sale.open_places(event, pool)
    if event.terms.allocations then return open_places(event, pool) end
    return free(event, pool), event.held[pool]
  end

  local function has(list, item)
    for _, other in ipairs(list) do
      if other == item then return true end
    end
    return false
  end

  -- The allocation that `pool` counts and that is kept back now, and whether a line that draws on `pools` draws the
  -- places of `pool` from an allocation.
  local function allocation_of(event, pool, pools)
    local counted, is_through
    for _, allocation in ipairs(kept_now(event)) do
      if allocation.counter == pool then counted = allocation end
      if allocation.pool == pool and has(pools, allocation.counter) then is_through = true end
    end
    return counted, is_through
  end

  -- Why there is no type or allocation `code`.
  function refusal_of_type(terms, code)
    local whole, name = string.match(code, '^(.-)/(.*)$')
    if whole and terms.index_of[whole] then return pack('<BBc0', REFUSED.allocation, #name, name) end
    whole = whole or code
    return pack('<BBc0', REFUSED.ticket_type, #whole, whole)
  end

  -- The refusal of the first line that draws on a released allocation; `nil` if none does.
  function released_allocation(event, lines)
    for line = 1, #lines, 3 do
      local type = event.terms.types[lines[line] + 1]
      local name = string.match(type.code, '/(.*)$')
      local is_kept = not name
      for _, allocation in ipairs(kept_now(event)) do
        if has(type.pools, allocation.counter) then is_kept = true end
      end
      if not is_kept then return pack('<BBc0', REFUSED.allocation, #name, name) end
    end
  end

  -- What the lines need: by pool the places in all, and those that are drawn past every allocation.
  local function needs_of(event, lines)
    local places, open, pools = {}, {}, {}
    for line = 1, #lines, 3 do
      local drawn = event.terms.types[lines[line] + 1].pools
      for _, pool in ipairs(drawn) do
        local counted, is_through = allocation_of(event, pool, drawn)
        -- What a released allocation counts is no bound.
        if counted or not is_of_allocation(event.terms, pool) then
          if not places[pool] then
            pools[#pools + 1] = pool
            places[pool], open[pool] = 0, 0
          end
          places[pool] = places[pool] + lines[line + 1]
          if not is_through then open[pool] = open[pool] + lines[line + 1] end
        end
      end
    end
    table.sort(pools)
    return pools, places, open
  end

  function refusal_of_allocated(event, lines)
    local pools, places, open = needs_of(event, lines)
    for _, pool in ipairs(pools) do
      if event.closed[pool] == 1 then
        local code = event.terms.pools[pool]
        return pack('<BBc0', REFUSED.pool_closed, #code, code)
      end
    end
    local is_sold_out, latest, fewest = false, nil, nil
    local function compare(pool, need, left, held)
      if left >= need then return end
      local next_free = earliest(event, pool)
      if left > 0 then
        fewest = min(fewest or left, left)
      elseif held > 0 and next_free > 0 then
        latest = max(end_of(event, next_free), latest or 0)
      else
        is_sold_out = true
      end
    end
    for _, pool in ipairs(pools) do
      local counted = allocation_of(event, pool, {})
      if counted then
        compare(pool, places[pool], left_of(event, counted), event.held[pool])
      else
        if open[pool] > 0 then compare(pool, open[pool], open_places(event, pool)) end
        if places[pool] > open[pool] then compare(pool, places[pool], free(event, pool), event.held[pool]) end
      end
    end
    if is_sold_out then return pack('<B', REFUSED.sold_out) end
    if latest then return pack('<Bd', REFUSED.temporarily_held, latest) end
    return fewest and pack('<Bd', REFUSED.insufficient, fewest) or nil
  end

  -- Gives each line as many tickets more as fit, the first line first (R22 Minimum quantity); `remaining` is what the
  -- buyer's limit leaves, and `of_types` what limits of types leave, by their names.
  function share_allocated(event, lines, asked, remaining, of_types)
    local left, open, kept = {}, {}, {}
    for pool = 1, #event.held do left[pool], open[pool] = free(event, pool), (open_places(event, pool)) end
    for _, allocation in ipairs(kept_now(event)) do kept[allocation.counter] = left_of(event, allocation) end
    local function most(pools)
      local most = math.huge
      for _, pool in ipairs(pools) do
        local _, is_through = allocation_of(event, pool, pools)
        most = min(most, left[pool], kept[pool] or most, is_through and most or open[pool])
      end
      return most
    end
    local function take(pools, quantity)
      for _, pool in ipairs(pools) do
        local _, is_through = allocation_of(event, pool, pools)
        left[pool] = left[pool] - quantity
        if not is_through then open[pool] = open[pool] - quantity end
        if kept[pool] then kept[pool] = kept[pool] - quantity end
      end
    end
    for line = 1, #lines, 3 do
      remaining = remaining - lines[line + 1]
      take(event.terms.types[lines[line] + 1].pools, lines[line + 1])
    end
    for index, line in ipairs(asked) do
      local at = index * 3 - 2
      local pools = event.terms.types[lines[at] + 1].pools
      local more = min(line.quantity - line.minimum, remaining, of_types[line.code] or math.huge, most(pools))
      if more > 0 then
        if of_types[line.code] then of_types[line.code] = of_types[line.code] - more end
        lines[at + 1], remaining = lines[at + 1] + more, remaining - more
        take(pools, more)
      end
    end
    return nil
  end
end

-- If several pools are short, the most final reason counts: sold out, then temporarily held, then too few.
local function refusal_of_needs(event, pools, quantities)
  local is_short = false
  for index, pool in ipairs(pools) do
    if event.closed[pool] == 1 then
      local code = event.terms.pools[pool]
      return pack('<BBc0', REFUSED.pool_closed, #code, code)
    end
    if free(event, pool) < quantities[index] then is_short = true end
  end
  if not is_short then return nil end
  local latest, fewest
  for index, pool in ipairs(pools) do
    local left = free(event, pool)
    if left < quantities[index] then
      local next_free = earliest(event, pool)
      if left > 0 then
        fewest = min(fewest or left, left)
      elseif event.held[pool] > 0 and next_free > 0 then
        latest = max(latest or 0, end_of(event, next_free))
      else
        return pack('<B', REFUSED.sold_out)
      end
    end
  end
  if latest then return pack('<Bd', REFUSED.temporarily_held, latest) end
  return pack('<Bd', REFUSED.insufficient, fewest)
end

-- Adds up the lines that draw on the same pool (R3 One decision per hold).
local function refusal_of_pools(event, lines)
  if event.terms.allocations then return refusal_of_allocated(event, lines) end
  local types = event.terms.types
  if #lines == 3 then
    local pools = types[lines[1] + 1].pools
    return refusal_of_needs(event, pools, { lines[2], lines[2], lines[2], lines[2] })
  end
  local needs, pools, quantities = {}, {}, {}
  for line = 1, #lines, 3 do
    for _, pool in ipairs(types[lines[line] + 1].pools) do
      if not needs[pool] then pools[#pools + 1] = pool end
      needs[pool] = (needs[pool] or 0) + lines[line + 1]
    end
  end
  table.sort(pools)
  for index, pool in ipairs(pools) do quantities[index] = needs[pool] end
  return refusal_of_needs(event, pools, quantities)
end
