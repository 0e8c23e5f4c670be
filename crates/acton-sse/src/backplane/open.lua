
-- The epoch of the row, its last id, and the last one that it has dropped.
-- ARGV: a new name, the age to keep in milliseconds, the epoch and the last id that the caller has seen.
local function is_whole()
  if redis.call('EXISTS', stream) == 0 or redis.call('EXISTS', name) == 0 then return false end
  return redis.call('GET', name) ~= ARGV[3] or has(ARGV[4])
end

local function before(entry)
  for at = 1, #entry[2], 2 do
    if entry[2][at] == 'after' then return entry[2][at + 1] end
  end
  return entry[1]
end

if not is_whole() then
  redis.call('DEL', stream)
  redis.call('SET', name, ARGV[1])
  local record = '{"node":"begin","count":0,"kind":"begin","epoch":"' .. ARGV[1] .. '"}'
  redis.call('XADD', stream, '*', 'record', record, 'after', '0-0')
end

local now = redis.call('TIME')
local oldest = string.format('%.0f', now[1] * 1000 - ARGV[2])
redis.call('XTRIM', stream, 'MINID', '~', oldest)

local info = state()
local first, last = info['first-entry'], info['last-generated-id']
return { redis.call('GET', name), last, first and before(first) or last }
