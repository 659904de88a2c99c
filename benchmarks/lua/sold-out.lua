-- Asks for what is not there.
function request() return wrk.format("POST", "/buy_ticket/GA") end
