-- Appends records in order; nothing when the row is not the one that the caller knows.
-- KEYS: the stream, the name of its epoch.
-- ARGV: the epoch and the last id that the caller has seen, how many records to keep, and the records.
local stream, name = KEYS[1], KEYS[2]

local function is_before(one, other)
  local one_time, one_count = string.match(one, '(%d+)-(%d+)')
  local time, count = string.match(other, '(%d+)-(%d+)')
  if one_time ~= time then return tonumber(one_time) < tonumber(time) end
  return tonumber(one_count) < tonumber(count)
end

local function last()
  local flat = redis.call('XINFO', 'STREAM', stream)
  for at = 1, #flat, 2 do
    if flat[at] == 'last-generated-id' then return flat[at + 1] end
  end
end

if redis.call('EXISTS', stream) == 0 or redis.call('GET', name) ~= ARGV[1] or is_before(last(), ARGV[2]) then
  return {}
end

local ids = {}
for at = 4, #ARGV do
  ids[at - 3] = redis.call('XADD', stream, 'MAXLEN', '~', ARGV[3], '*', 'record', ARGV[at])
end
return ids
