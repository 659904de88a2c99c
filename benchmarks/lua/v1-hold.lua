-- Holds the way a shop does: a body of JSON, and a key that no other request has. With EVENTS=n the holds go to the
-- events e0 to e(n-1) by turns, otherwise to the one that wrk was given.
local counter = 0
function setup(thread) thread:set("id", counter); counter = counter + 1 end
function init()
  number = 0
  -- The runs of one process must not repeat each other's keys.
  local key = "benchmark-key-" .. os.getenv("KEYS") .. "-" .. id .. "-"
  local headers = {["Content-Type"] = "application/json", ["Idempotency-Key"] = key .. "NUMBER"}
  before, after = {}, {}
  events = tonumber(os.getenv("EVENTS") or "1")
  for event = 0, events - 1 do
    local path = os.getenv("EVENTS") and "/v1/events/e" .. event .. "/holds" or nil
    local whole = wrk.format("POST", path, headers, '{"lines":[{"type":"GA","quantity":1}]}')
    before[event], after[event] = whole:match("^(.*)NUMBER(.*)$")
  end
end
function request()
  number = number + 1
  local event = number % events
  return before[event] .. number .. after[event]
end
