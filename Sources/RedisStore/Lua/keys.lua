-- The idempotency keys of an event (R15 Idempotency keys): a hash of their uses, and two lists of keys.
--
-- New keys go to the end of the first list, so it is in the order of use. A call with new keys looks at some of the
-- oldest keys: it forgets those that no longer count and moves the keys of live holds and of purchases to the second
-- list. It looks at entries of the second list in turn, again and again. Each call looks at more keys than it adds,
-- so no call has much to forget. The scope of a key includes its event, so no other event is asked.
--
-- Beside the hash are the lists `:order` and `:kept`, with the 16 bytes of the key and the moment of its use.

local use_of, fetch_uses, counts, remember_key, count_keys, plan_forgetting, save_uses
do
  local function pack_use(print, number, at)
    return pack('<c8dd', print, number, at)
  end

  function use_of(event, key)
    if event.uses[key] == nil then event.uses[key] = redis.call('HGET', event.keys[KEY.keys], key) end
    return event.uses[key]
  end

  function fetch_uses(event, keys)
    fetch(event.keys[KEY.keys], keys, event.uses)
  end

  -- A key that no longer counted stays forgotten when its hold is purchased late.
  local function is_live_or_sold(event, record)
    return is_live(event, record) or ((record.state == PURCHASED or record.state == RETURNED) and record.late == 0)
  end

  -- Whether a key still counts that was used for this hold at that moment, by the server's clock.
  function counts(event, record, at)
    local age = event.ticks - at
    if age <= event.limits.ended_key_retention then return true end
    return age <= event.limits.key_retention and is_live_or_sold(event, record)
  end

  -- `used_at` only for the key of a sale that was moved (see move.lua).
  function remember_key(event, key, print, number, used_at)
    event.uses[key] = pack_use(print, number, used_at or event.ticks)
    if used_at then event.used_at[key] = used_at end
    event.new_uses[#event.new_uses + 1] = key
  end

  local function is_young(event, plan, at)
    return not plan.is_full and event.ticks - at <= event.limits.ended_key_retention
  end

  -- The oldest entries of a list, with their uses before this call, and fetches the records of their holds. Of the
  -- list of new keys it takes only entries that may go.
  local function oldest(event, plan, list, count, is_new)
    local entries = redis.call('LRANGE', event.keys[KEY.keys] .. list, 0, count - 1)
    local keys, uses, numbers = {}, {}, {}
    for index, entry in ipairs(entries) do
      if is_new and is_young(event, plan, (unpack_struct('<d', entry, 17))) then break end
      keys[index] = string.sub(entry, 1, 16)
    end
    fetch(event.keys[KEY.keys], keys, uses)
    for _, key in ipairs(keys) do
      if uses[key] then
        local _, number = unpack_struct('<c8dd', uses[key])
        if not event.records[number] then numbers[#numbers + 1] = number end
      end
    end
    fetch(event.keys[KEY.holds], numbers, event.fetched)
    return entries, keys, uses
  end

  -- Sorts entries into those that go and those that stay. Returns how many it looked at.
  local function sort_out(event, plan, list, count, is_new)
    local entries, keys, uses = oldest(event, plan, list, count, is_new)
    for index, key in ipairs(keys) do
      local use, at = uses[key], unpack_struct('<d', entries[index], 17)
      local _, number, used_at
      if use then _, number, used_at = unpack_struct('<c8dd', use) end
      -- Otherwise the key was used again after its time, and that use has an entry further back.
      if used_at == at then
        local lasts = event.ticks - at <= event.limits.key_retention and is_live_or_sold(event, record_of(event, number))
        if lasts or is_young(event, plan, at) then
          plan.kept[#plan.kept + 1] = entries[index]
        else
          plan.gone[#plan.gone + 1] = key
        end
      end
    end
    return #keys
  end

  -- How many keys the event has. Nodes warn their operators when the room for keys is nearly full.
  function count_keys(event)
    event.key_count = event.key_count or redis.call('HLEN', event.keys[KEY.keys])
    return event.key_count
  end

  -- Decides what to forget, before the first write of the call; `save_uses` does it.
  function plan_forgetting(event)
    local new = #event.new_uses
    if new == 0 then return end
    local plan = { gone = {}, kept = {} }
    -- Without room, keys of ended holds go before their time, oldest first.
    plan.is_full = count_keys(event) + new > event.limits.keys
    plan.passed = sort_out(event, plan, ':order', 2 * new + 8, true)
    plan.turned = sort_out(event, plan, ':kept', new + 8, false)
    event.key_count = event.key_count + new - #plan.gone
    event.key_plan = plan
  end

  function save_uses(event)
    local plan, name = event.key_plan, event.keys[KEY.keys]
    if not plan then return end
    write_all('HDEL', name, plan.gone)
    if plan.passed > 0 then write('LTRIM', name .. ':order', plan.passed, -1) end
    if plan.turned > 0 then write('LTRIM', name .. ':kept', plan.turned, -1) end
    write_all('RPUSH', name .. ':kept', plan.kept)
    local list, order = {}, {}
    for index, key in ipairs(event.new_uses) do
      list[2 * index - 1], list[2 * index] = key, event.uses[key]
      order[index] = key .. pack('<d', event.used_at and event.used_at[key] or event.ticks)
    end
    write_all('HSET', name, list)
    write_all('RPUSH', name .. ':order', order)
    -- If no other key comes, the server forgets all of them.
    local longest = 2 * event.limits.key_retention
    for _, suffix in ipairs({ '', ':order', ':kept' }) do write('PEXPIRE', name .. suffix, longest) end
  end
end
