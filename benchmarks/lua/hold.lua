-- Holds, and keeps every token for purchase.lua.
local counter = 0
function setup(thread) thread:set("id", counter); counter = counter + 1 end
function init() file = io.open(os.getenv("TOKENS") .. "." .. id, "w") end
function request() return wrk.format("POST", "/buy_ticket/GA") end
function response(status, _, body)
  local token = body:match('"token":"([^"]+)"')
  if token then file:write(token, "\n") end
end
function done() end
