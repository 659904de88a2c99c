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
  -- With the last token the thread ends: what it sends now gets no answer that counts.
  if next_token > #tokens then wrk.thread:stop() end
  return wrk.format("POST", "/complete_purchase/" .. (tokens[next_token] or "none"))
end
