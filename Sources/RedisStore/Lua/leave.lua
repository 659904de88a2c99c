-- A sale leaves for another store (R51 Moving a sale): nodes that still run sell nothing of its events from now on.
do

-- args: '1' to close the event, '0' to open it again. Returns the moment of the event's last change, by its own clock,
-- the server's clock and the time of day, and whether it is cancelled; then the terms that holds have, and the names of
-- all batches of access codes.
--
-- The event's clock stands from that moment on, since nothing else is written.
local function close_event(keys, args)
  begin()
  local event = open_event(keys)
  if not event then return '' end
  local terms = cmsgpack.unpack(redis.call('HGET', keys[KEY.event], 'terms'))
  terms.departed = args[1] == '1' or nil
  -- Another identity, so that no cache takes the closed terms for the open ones.
  local id = string.format('%d.%d.%d.%s', terms.revision, event.ticks, event.facts, args[1])
  write('HSET', keys[KEY.event], 'id', id, 'terms', cmsgpack.pack(terms))
  local stood = event.office - min(max(0, event.passed), longest_gap)
  local parts = { pack('<dddBH', stood, event.ticks, event.wall, terms.cancelled_at and 1 or 0, #event.terms.told) }
  for _, told in ipairs(event.terms.told) do
    parts[#parts + 1] = pack(
      '<dddBBc0', told.life, told.grace, told.extensions, told.reacquires and 1 or 0, #told.currency, told.currency)
  end
  local batches = event.terms.batches or {}
  parts[#parts + 1] = pack('<H', #batches)
  for _, batch in ipairs(batches) do parts[#parts + 1] = pack('<Bc0', #batch.name, batch.name) end
  return table.concat(parts)
end

functions.close_event = close_event
end
