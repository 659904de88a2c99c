-- The one place that reads a clock; tests put another in its place.

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

-- More than that between two calls for an event that has live holds is a jump of the clock or a pause of the service,
-- and not time that passed (rule 5): the nodes call for such an event twice a second.
local longest_gap = 1000
-- Entries of the calendar that one call settles at the most; what is left is settled by the next, before it decides.
local most_settled = 2000
