-- Holds the way a shop does: a body of JSON, and a key that no other request has.
local counter = 0
function setup(thread) thread:set("id", counter); counter = counter + 1 end
function init()
  number = 0
  -- The runs of one process must not repeat each other's keys.
  local key = os.getenv("TOKENS") .. "-" .. id .. "-"
  local headers = {["Content-Type"] = "application/json", ["Idempotency-Key"] = key .. "NUMBER"}
  local whole = wrk.format("POST", nil, headers, '{"lines":[{"type":"GA","quantity":1}]}')
  before, after = whole:match("^(.*)NUMBER(.*)$")
end
function request()
  number = number + 1
  return before .. number .. after
end
