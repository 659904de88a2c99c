-- Looks once at each entry that queue-join.lua kept, and keeps the passes of those that are called for hold-with-pass.lua.
local counter = 0
function setup(thread) thread:set("id", counter); counter = counter + 1 end
function init()
  entries, next_entry = {}, 0
  for entry, token in io.open(os.getenv("ENTRIES") .. "." .. id):read("*a"):gmatch("(%S+) (%S+)\n") do
    entries[#entries + 1] = {entry, token}
  end
  file = io.open(os.getenv("PASSES") .. "." .. id, "w")
end
function request()
  next_entry = next_entry + 1
  -- With the last entry the thread ends: what it sends now gets no answer that counts.
  if next_entry > #entries then wrk.thread:stop() end
  local entry = entries[math.min(next_entry, #entries)]
  return wrk.format("GET", "/v1/queue-entries/" .. entry[1], {["Authorization"] = "Bearer " .. entry[2]})
end
function response(status, _, body)
  local pass = body:match('"pass":"([^"]+)"')
  if pass then file:write(pass, "\n") end
end
function done() end
