-- The epoch of the row, and up to where it may have dropped records.
-- KEYS: the stream, the name of its epoch.
-- ARGV: a new name, the age to keep in milliseconds, the epoch and the last id that the caller has seen.
local stream, name = KEYS[1], KEYS[2]

local function state()
  local info = {}
  local flat = redis.call('XINFO', 'STREAM', stream)
  for at = 1, #flat, 2 do info[flat[at]] = flat[at + 1] end
  return info
end

local function is_before(one, other)
  local one_time, one_count = string.match(one, '(%d+)-(%d+)')
  local time, count = string.match(other, '(%d+)-(%d+)')
  if one_time ~= time then return tonumber(one_time) < tonumber(time) end
  return tonumber(one_count) < tonumber(count)
end

-- A row that ends before what was seen of it has come back from an older copy.
local function is_whole()
  if redis.call('EXISTS', stream) == 0 or redis.call('EXISTS', name) == 0 then return false end
  return redis.call('GET', name) ~= ARGV[3] or not is_before(state()['last-generated-id'], ARGV[4])
end

if not is_whole() then
  redis.call('DEL', stream)
  redis.call('SET', name, ARGV[1])
  local record = '{"node":"begin","count":0,"kind":"begin","epoch":"' .. ARGV[1] .. '"}'
  redis.call('XADD', stream, '*', 'record', record)
end

local now = redis.call('TIME')
local oldest = string.format('%.0f', now[1] * 1000 - ARGV[2])
redis.call('XTRIM', stream, 'MINID', '~', oldest)

local info = state()
local first, dropped = info['first-entry'], info['entries-added'] ~= info['length']
local last = info['last-generated-id']
return { redis.call('GET', name), last, dropped and (first and first[1] or last) or '0-0', first and 1 or 0 }
