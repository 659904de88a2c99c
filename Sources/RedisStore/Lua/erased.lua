-- Erased payments (R41 Erasure). What became of one is kept under a name of its own: a byte 1, which no payment has,
-- and a digest of the payment under the secret of the database. A hash with such names has the secret in the field
-- "\1", so a call that meets no erased payment reads one field more, and makes no digest.

local ERASED_FIELD = '\1'

local function is_erased(payment)
  return string.byte(payment) == 1
end

-- The same as `PaymentDigester`.
local function erased_name(secret, payment)
  return '\1' .. string.sub(redis.sha1hex(secret .. pack('<I4', #payment) .. payment), 1, 32)
end

-- Reads what became of payments. `event.erased_names` gets the names of those that were erased.
local function fetch_payments(event, payments)
  if #payments == 0 then return end
  local asked = { ERASED_FIELD }
  for index, payment in ipairs(payments) do asked[index + 1] = payment end
  fetch(event.keys[KEY.payments], asked, event.payments)
  local secret = event.payments[ERASED_FIELD]
  if not secret then return end
  local names, found = {}, {}
  for _, payment in ipairs(payments) do
    if not event.payments[payment] and not is_erased(payment) then names[#names + 1] = erased_name(secret, payment) end
  end
  fetch(event.keys[KEY.payments], names, found)
  for _, payment in ipairs(payments) do
    local name = not event.payments[payment] and not is_erased(payment) and erased_name(secret, payment)
    if name and found[name] then
      event.payments[name], event.erased_names[payment] = found[name], name
    end
  end
end

-- What became of a payment in the hash `key`, erased or not.
local function use_in(key, payment)
  local use = redis.call('HGET', key, payment)
  if use or is_erased(payment) then return use end
  local secret = redis.call('HGET', key, ERASED_FIELD)
  return secret and redis.call('HGET', key, erased_name(secret, payment))
end
