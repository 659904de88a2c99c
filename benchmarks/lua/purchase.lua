-- Completes the holds that hold.lua left.
local counter = 0
function setup(thread) thread:set("id", counter); counter = counter + 1 end
function init()
  tokens = {}
  for token in io.lines(os.getenv("TOKENS") .. "." .. id) do tokens[#tokens + 1] = token end
  next_token = 0
end
function request()
  next_token = next_token + 1
  local token = tokens[next_token]
  if not token then wrk.thread:stop(); token = "none" end
  return wrk.format("POST", "/complete_purchase/" .. token)
end
