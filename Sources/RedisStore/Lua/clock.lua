-- The one place that reads a clock, or which server this is; tests put others in their place.

-- The server's time of day in milliseconds, twice: what deadlines follow, and what sale windows follow.
local function read_clocks()
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  return now, now
end

-- The same in steps of 16 microseconds: fine enough that of two changes, of which one was asked for when the other had
-- been answered, each has its own.
local function read_fine_clock()
  local time = redis.call('TIME')
  return math.floor((tonumber(time[1]) * 1000000 + tonumber(time[2])) / 16)
end

-- Which life of which server this is, as a number: another one after a restart, after a failover, and in a server that took
-- everything from another one meanwhile. Facts that were told may be missing in it.
--
-- It is read once, and forgotten with the functions, which a server loads anew when it takes everything from another. As
-- scripts they forget it after each call.
local known_run
local function this_run()
  if not known_run then
    local process = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''
    local history = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or ''
    known_run = tonumber(string.sub(redis.sha1hex(process .. history), 1, 12), 16)
  end
  return known_run
end

-- More than that between two calls for an event that has live holds is a jump of the clock or a pause of the service,
-- and not time that passed (rule 5): the nodes call for such an event twice a second.
local longest_gap = 1000
-- And if it is so much more, buyers could not buy (rule 7).
local noticed_absence = 1000
-- Entries of the calendar that one call settles at the most; what is left is settled by the next, before it decides.
local most_settled = 2000
