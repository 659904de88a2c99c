-- Holds the way a shop does: a body of JSON, and a key that no other request has.
local counter = 0
function setup(thread) thread:set("id", counter); counter = counter + 1 end
function init()
  number = 0
  -- The runs of one process must not repeat each other's keys.
  key = os.getenv("TOKENS") .. "-" .. id .. "-"
  headers = {["Content-Type"] = "application/json"}
  body = '{"lines":[{"type":"GA","quantity":1}]}'
end
function request()
  number = number + 1
  headers["Idempotency-Key"] = key .. number
  return wrk.format("POST", nil, headers, body)
end
