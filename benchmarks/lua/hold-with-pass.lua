-- Holds as v1-hold.lua does, each time with a pass that queue-look.lua kept.
local counter = 0
function setup(thread) thread:set("id", counter); counter = counter + 1 end
function init()
  passes, number = {}, 0
  for pass in io.lines(os.getenv("PASSES") .. "." .. id) do passes[#passes + 1] = pass end
  -- The runs of one process must not repeat each other's keys.
  local key = "benchmark-key-" .. os.getenv("KEYS") .. "-" .. id .. "-"
  local headers = {["Content-Type"] = "application/json", ["Idempotency-Key"] = key .. "NUMBER", ["Queue-Pass"] = "PASS"}
  whole = wrk.format("POST", nil, headers, '{"lines":[{"type":"GA","quantity":1}]}')
end
function request()
  number = number + 1
  -- With the last pass the thread ends: what it sends now gets no answer that counts.
  if number > #passes then wrk.thread:stop() end
  return (whole:gsub("NUMBER", number, 1):gsub("PASS", passes[math.min(number, #passes)], 1))
end
