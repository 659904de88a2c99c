-- A refusal that says nothing but its reason.
local function refused(reason)
  return pack('<B', reason)
end
