-- The one place that reads a clock and the server's identity. Tests replace it.

-- The server's time of day in milliseconds, twice: the first number is for deadlines, the second one for sale
-- windows.
local function read_clocks()
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  return now, now
end

-- The same time in steps of 16 microseconds. A change that was requested after another one was answered gets a later
-- time.
local function read_fine_clock()
  local time = redis.call('TIME')
  return math.floor((tonumber(time[1]) * 1000000 + tonumber(time[2])) / 16)
end

-- A number for this life of this server. It changes with a restart, with a failover, and when the server copies all
-- data from another server. A new life may lack facts that were answered.
--
-- The number is read once and kept with the functions. A server that copies all data loads the functions anew. A
-- script keeps nothing, so it reads the number in each call.
local known_run
local function this_run()
  if not known_run then
    local process = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''
    local history = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or ''
    known_run = tonumber(string.sub(redis.sha1hex(process .. history), 1, 12), 16)
  end
  return known_run
end

-- A longer time between two calls for an event with live holds means that the clock jumped or that nobody could call:
-- nodes call twice a second for such an event. The event's clock does not count that time (R5 The store's clock).
local longest_gap = 1000
-- If the clock stood still for longer than this, buyers could not buy, and live holds get the recovery grace (R7
-- Restart).
local noticed_absence = 1000
-- The calendar entries that one call settles at most. The next call settles more before it decides.
local most_settled = 2000
