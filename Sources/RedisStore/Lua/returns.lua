-- Returning a purchase: all that is left of it (R14 Return once), or a part (R39 Partial return). The record of a
-- purchase keeps each partial return with its key, as long as the purchase is kept.

local decide_return, decide_part_return
do
  local function take_back(event, record, lines)
    for line = 1, #lines, 3 do
      for _, pool in ipairs(event.terms.types[lines[line] + 1].pools) do
        take_places_back(event, pool, lines[line + 1])
      end
    end
    add_bought(event, record, lines, -1)
    codes.buy(event, record, lines, -1)
    sale.note_paid_back(event)
    note_record(event, record)
  end

  local function close(event, record)
    record.state, record.returned_at = RETURNED, event.wall
  end

  function decide_return(event, command)
    local record = record_of(event, command.number)
    if not record then return refused(REFUSED.hold) end
    if record.state == RETURNED then return view_of(event, OUTCOME.returned, OUTCOME_FLAG.repeated, record) end
    if record.state ~= PURCHASED then return refused(REFUSED.not_purchased) end
    take_back(event, record, kept_lines(record))
    close(event, record)
    return view_of(event, OUTCOME.returned, 0, record)
  end

  -- How many tickets of each line come back, or why they cannot.
  local function shares_of(event, record, asked)
    local lines, types, shares = kept_lines(record), event.terms.types, {}
    for line = 1, #lines / 3 do shares[line] = 0 end
    for _, wanted in ipairs(asked) do
      local rest, left = wanted.quantity, 0
      for line = 1, #lines / 3 do
        if types[lines[line * 3 - 2] + 1].code == wanted.code then
          local share = min(rest, lines[line * 3 - 1] - shares[line])
          shares[line], rest, left = shares[line] + share, rest - share, left + lines[line * 3 - 1]
        end
      end
      if rest > 0 then return nil, pack('<BBc0d', REFUSED.return_too_large, #wanted.code, wanted.code, left) end
    end
    return shares, nil
  end

  function decide_part_return(event, command)
    local record = record_of(event, command.number)
    if not record then return refused(REFUSED.hold) end
    for _, part in ipairs(record.returns or {}) do
      if part.key == command.return_key then
        if part.print ~= command.print then return refused(REFUSED.key_reused) end
        return view_of(event, OUTCOME.returned, OUTCOME_FLAG.repeated, record)
      end
    end
    if record.state == RETURNED then return pack('<BB', REFUSED.returned, 0) end
    if record.state ~= PURCHASED then return refused(REFUSED.not_purchased) end
    local shares, refusal = shares_of(event, record, command.taken)
    if not shares then return refusal end
    local lines = {}
    for index, value in ipairs(record.lines) do lines[index] = value end
    for line, share in ipairs(shares) do lines[line * 3 - 1] = share end
    take_back(event, record, lines)
    record.returns = record.returns or {}
    record.returns[#record.returns + 1] = {
      key = command.return_key, print = command.print, at = event.wall, quantities = shares,
    }
    if quantity_of(kept_lines(record)) == 0 then close(event, record) end
    return view_of(event, OUTCOME.returned, 0, record)
  end
end
