-- A call gathers its writes and runs them after it has decided: all of them or none.
--
-- When an error ends a function, the server keeps what the function wrote before. Behind the first write there are
-- only two reasons for an error: the user may not run the command on that key, or somebody made the key one of
-- another type. So both are checked for each kind of write before the first one. A server that is full, cannot save
-- or lacks replicas refuses the first write. Therefore the first write is an HSET, which such a server always
-- refuses.

local writes = {}

local function write(command, key, ...)
  writes[#writes + 1] = { command = command, key = key, ... }
end

-- The same with a list of arguments, in several writes if they are too many for one.
local function write_all(command, key, list)
  if #list > 0 then writes[#writes + 1] = { command = command, key = key, list = list } end
end

local commit, try_event
do
  local TYPE_OF = { HSET = 'hash', HDEL = 'hash', ZADD = 'zset', ZREM = 'zset', RPUSH = 'list', LTRIM = 'list' }

  -- Servers before 7.0 have no way to ask for a right. There each command is tried once a call, in a way that
  -- changes no data.
  local function tries(command, key)
    if command == 'HSET' then return { 'HSET', key .. ':tried', 'tried', '' } end
    if command == 'ZADD' then return { 'ZADD', key, 'XX', 0, '' } end
    if command == 'HDEL' or command == 'ZREM' then return { command, key, '' } end
    if command == 'LTRIM' then return { 'LTRIM', key .. ':tried', 0, -1 } end
    if command == 'PEXPIRE' then return { 'PEXPIRE', key .. ':tried', 1 } end
    if command == 'UNLINK' then return { 'UNLINK', key .. ':tried' } end
    return { command, key .. ':tried', '' }
  end

  local function is_allowed(command, key, tried)
    if redis.acl_check_cmd then return redis.acl_check_cmd(command, key) end
    if tried[command] then return true end
    tried[command] = true
    local outcome = redis.pcall(unpack(tries(command, key)))
    local refusal = type(outcome) == 'table' and outcome.err
    if not refusal then
      if command == 'HSET' or command == 'RPUSH' then redis.pcall('UNLINK', key .. ':tried') end
      return true
    end
    if string.find(refusal, 'NOPERM', 1, true) or string.find(refusal, 'user executing the script', 1, true) then
      return false
    end
    -- If the refusal has another reason, for example a full server, the server says so in its own words.
    redis.call(unpack(tries(command, key)))
    return true
  end

  local function is_of_type(command, key)
    local wanted = TYPE_OF[command]
    if not wanted then return true end
    local found = redis.call('TYPE', key).ok
    return found == wanted or found == 'none'
  end

  -- Why one of the writes cannot be done; `nil` if all can.
  local function refusal_of_writes(queued)
    local seen, tried = {}, {}
    for _, asked in ipairs(queued) do
      local of_key = seen[asked.key]
      if not of_key then
        of_key = {}
        seen[asked.key] = of_key
      end
      if not of_key[asked.command] then
        of_key[asked.command] = true
        if not is_allowed(asked.command, asked.key, tried) then
          return redis.error_reply('NORIGHTS the Redis user may not run ' .. asked.command .. ' on ' .. asked.key)
        end
        if TYPE_OF[asked.command] and not of_key.type then
          of_key.type = true
          if not is_of_type(asked.command, asked.key) then
            return redis.error_reply('NORIGHTS the key ' .. asked.key .. ' was made by somebody else')
          end
        end
      end
    end
    return nil
  end

  function commit()
    local queued = writes
    writes = {}
    if #queued == 0 then return nil end
    local refusal = refusal_of_writes(queued)
    if refusal then return refusal end
    for _, asked in ipairs(queued) do
      if asked.list then
        call_in_chunks(asked.command, asked.key, asked.list)
      else
        redis.call(asked.command, asked.key, unpack(asked))
      end
    end
    return nil
  end

  -- Checks whether all writes that decisions on an event need are possible. Nodes try their servers with it.
  function try_event(keys)
    local kinds = {}
    for index, commands in ipairs({
      { 'HSET' }, { 'HSET' }, { 'HSET', 'HDEL' }, { 'ZADD', 'ZREM' }, { 'HSET', 'HDEL' }, { 'HSET', 'HDEL' },
      { 'HSET', 'HDEL', 'PEXPIRE' }, { 'RPUSH', 'LTRIM' }, { 'ZADD', 'ZREM' }, {}, { 'ZADD', 'ZREM' }, { 'HSET', 'HDEL' },
      { 'ZADD', 'ZREM' }, { 'ZADD', 'ZREM' }, { 'HSET', 'HDEL' }, { 'ZADD', 'ZREM' }, { 'HSET', 'HDEL' },
    }) do
      for _, command in ipairs(commands) do kinds[#kinds + 1] = { command = command, key = keys[index] } end
    end
    for _, list in ipairs({ keys[KEY.keys] .. ':order', keys[KEY.keys] .. ':kept' }) do
      for _, command in ipairs({ 'RPUSH', 'LTRIM', 'PEXPIRE' }) do
        kinds[#kinds + 1] = { command = command, key = list }
      end
    end
    return refusal_of_writes(kinds)
  end

  -- Runs each command that the functions use once, on keys of its own, and returns those that the user may not run.
  -- A node does this when it starts. A test compares this list with the functions.
  function functions.try_commands(keys)
    local hash, set, list = keys[1], keys[1] .. ':set', keys[1] .. ':list'
    local missing = {}
    for _, words in ipairs({
      { 'HSET', hash, 'tried', '' }, { 'EXISTS', hash }, { 'TYPE', hash }, { 'HGET', hash, 'tried' },
      { 'HMGET', hash, 'tried' }, { 'HGETALL', hash }, { 'HLEN', hash }, { 'HSCAN', hash, 0 }, { 'HINCRBY', hash, 'number', 1 },
      { 'HDEL', hash, 'tried' }, { 'ZADD', set, 0, 'tried' }, { 'ZRANGEBYLEX', set, '-', '+' }, { 'ZRANGEBYSCORE', set, 0, 0 },
      { 'ZREVRANGE', set, 0, 0 }, { 'ZREM', set, 'tried' }, { 'RPUSH', list, '' }, { 'LRANGE', list, 0, 0 },
      { 'LTRIM', list, 0, -1 }, { 'PEXPIRE', list, 1000 },
      { 'TIME' }, { 'INFO', 'server' }, { 'UNLINK', hash, set, list },
    }) do
      local outcome = redis.pcall(unpack(words))
      if type(outcome) == 'table' and outcome.err then missing[#missing + 1] = words[1] end
    end
    return missing
  end
end
