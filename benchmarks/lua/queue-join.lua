-- Joins a queue; with ENTRIES it keeps every entry and its token for queue-look.lua.
local counter = 0
function setup(thread) thread:set("id", counter); counter = counter + 1 end
function init()
  local place = os.getenv("ENTRIES")
  file = place and io.open(place .. "." .. id, "w")
  whole = wrk.format("POST")
  if not file then response = nil end
end
function request() return whole end
function response(status, _, body)
  local entry, token = body:match('"id":"([^"]+)","token":"([^"]+)"')
  if entry then file:write(entry, " ", token, "\n") end
end
function done() end
